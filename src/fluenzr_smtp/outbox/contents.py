"""The contents of the messages that are kept: one file each, which says itself what it is.

A first line of JSON has the envelope and all that a lost database knew of the message before it was tried;
the bytes of the message follow. A file is written as ``ID.OWNER.part`` and gets its name, the id, while its
row is written: a name without a row is what a crash has left.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any

from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Content
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.state import RecipientRecord, Record, State, Stored

_FORMAT = 1
_BLOCK_BYTES = 256 * 1024
_LONGEST_HEADER_BYTES = 16 * 1024 * 1024  # some 100,000 recipients
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ID = re.compile(r"[a-z2-7]{8}")
_PART = re.compile(r"[a-z2-7]{8}\.([0-9a-f]{16})\.part")
_MOST_OF_A_NAME = 1000
# What opening says of a file that is not there, or not a plain one; all else says nothing of the file.
_NOT_A_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EIO, errno.EISDIR})


class DamagedError(Exception):
    """A file is not what it was when it was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptContent(Content):
    """The bytes of a message in its file, from ``offset`` on; ``written`` is the file's time in ns.

    ``held`` keeps the file open, so that a copy can still be filed when it is gone from the outbox.
    """

    path: Path
    offset: int
    length: int
    written: int
    held: _Held | None = None

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""
        return self.length

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes.

        Raises:
            FluenzrError: ``file-unreadable`` (reason ``changed`` where it is not what was verified).
        """
        try:
            with self._opened() as file:
                found = os.fstat(file.fileno())
                if (found.st_size, found.st_mtime_ns) != (self.offset + self.length, self.written):
                    raise _unreadable(self.path, "changed")
                file.seek(self.offset)
                left = self.length
                while left:
                    block = file.read(min(_BLOCK_BYTES, left))
                    if not block:
                        raise _unreadable(self.path, "changed")
                    left -= len(block)
                    yield block
        except OSError as error:
            raise _unreadable(self.path, error.strerror or type(error).__name__) from error

    def _opened(self) -> FileIO:
        if self.held is not None:
            return FileIO(os.dup(self.held.number))
        return FileIO(self.path, opener=_opener)


class _Held:
    """An open file, closed with the last content that reads it."""

    def __init__(self, path: Path) -> None:
        self.number = _opener(str(path), os.O_RDONLY)

    def __del__(self) -> None:
        os.close(self.number)


class Contents:
    """The files in ``messages``; what is damaged goes to ``damaged``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "messages"
        self._damaged = folder / "damaged"

    def write(self, record: Record, content: Content, *, owner: str) -> bytes:
        """Write a file under the name of a part, to the disk; return its SHA-256.

        Raises:
            FluenzrError: ``disk-full``, ``file-not-written``, ``file-not-created``, and what the content
                raises; ``file-unreadable`` where it is not as long as it says.
        """
        durable.ensure_private_dir(self._folder)
        digest = hashlib.sha256()
        durable.write_blocks(self._part(record.id, owner), _counted(record, content, digest))
        return digest.digest()

    def name(self, id_: str, *, owner: str) -> None:
        """Give a part its name, which is on the disk when this returns.

        Raises:
            FluenzrError: ``disk-full``, ``file-not-written``.
        """
        durable.rename(self._part(id_, owner), self._folder / id_)

    def verified(self, stored: Stored) -> KeptContent:
        """Return the content of a message after reading all of it.

        Raises:
            DamagedError: It is not what was written.
            FluenzrError: ``file-unreadable``: that cannot be told now.
        """
        kept, digest, _ = self._read(stored.record.id)
        if kept.length != stored.record.size_bytes or digest != stored.digest:
            raise DamagedError
        return replace(kept, held=_Held(kept.path)) if stored.record.saves_sent else kept

    def described(self, id_: str) -> Stored:
        """Return what a file says of its message: in doubt, since it is not known what became of it.

        Raises:
            DamagedError: The file says nothing, or has not all of what it had.
            FluenzrError: ``file-unreadable``.
        """
        kept, digest, header = self._read(id_)
        try:
            record = _record_of(json.loads(header))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise DamagedError from error
        if (record.id, record.size_bytes) != (id_, kept.length):
            raise DamagedError
        return Stored(record=record, digest=digest)

    def ids(self) -> tuple[str, ...]:
        """Return the ids that there are files of."""
        return tuple(each for each in self._names() if _ID.fullmatch(each))

    def parts(self) -> tuple[tuple[str, str], ...]:
        """Return the names of the parts, each with the process that writes it."""
        matches = (_PART.fullmatch(each) for each in self._names())
        return tuple((match[0], match[1]) for match in matches if match)

    def remove(self, *names: str) -> None:
        """Remove files or parts, as well as that is possible: what stays is found again."""
        for each in names:
            with contextlib.suppress(OSError):
                (self._folder / each).unlink()

    def remove_part(self, id_: str, *, owner: str) -> None:
        """Remove a part that does not get its name."""
        self.remove(self._part(id_, owner).name)

    def set_aside(self, id_: str) -> Path | None:
        """Move a damaged file out of the way; return where it is now, None: it could not be moved."""
        numbers = range(2, _MOST_OF_A_NAME)
        names = (id_, *(f"{id_}-{number}" for number in numbers))
        try:
            durable.ensure_private_dir(self._damaged)
            target = next(each for name in names if not os.path.lexists(each := self._damaged / name))
            (self._folder / id_).rename(target)
        except (OSError, FluenzrError, StopIteration):
            return None
        return target

    def _names(self) -> list[str]:
        try:
            return sorted(each.name for each in self._folder.iterdir())
        except OSError:
            return []

    def _part(self, id_: str, owner: str) -> Path:
        return self._folder / f"{id_}.{owner}.part"

    def _read(self, id_: str) -> tuple[KeptContent, bytes, bytes]:
        """Read a file; return its content, its SHA-256 and its first line."""
        path = self._folder / id_
        try:
            with open(path, "rb", opener=_opener) as file:
                found = _checked(file.fileno())
                header = file.readline(_LONGEST_HEADER_BYTES)
                digest = hashlib.sha256(header)
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
        except OSError as error:
            if error.errno in _NOT_A_FILE:
                raise DamagedError from error
            raise _unreadable(path, error.strerror or type(error).__name__) from error
        length = found.st_size - len(header)
        kept = KeptContent(path=path, offset=len(header), length=length, written=found.st_mtime_ns)
        return kept, digest.digest(), header


def _opener(name: str, flags: int) -> int:
    return os.open(name, flags | _READ)


def _checked(descriptor: int) -> os.stat_result:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        raise DamagedError
    if found.st_mode & 0o077:
        os.fchmod(descriptor, 0o600)
    return found


def _unreadable(path: Path, reason: str) -> FluenzrError:
    return failure(ProblemCode.FILE_UNREADABLE, Stage.OUTBOX, path=str(path), reason=reason)


def _counted(record: Record, content: Content, digest: Any) -> Iterator[bytes]:  # noqa: ANN401 - hashlib's
    header = _header(record)
    digest.update(header)
    yield header
    length = 0
    for block in content.blocks():
        digest.update(block)
        length += len(block)
        yield block
    if length != record.size_bytes:
        raise failure(ProblemCode.FILE_UNREADABLE, Stage.INPUT, reason="changed")


def _header(record: Record) -> bytes:
    fields = {
        "format": _FORMAT,
        "id": record.id,
        "account": record.account,
        "lane": record.lane,
        "mail_from": record.mail_from,
        "recipients": [each.address for each in record.recipients],
        "message_id": record.message_id,
        "size_bytes": record.size_bytes,
        "key": record.key,
        "created": record.created.isoformat(),
        "expires": record.expires and record.expires.isoformat(),
        "saves_sent": record.saves_sent,
        "needs_smtputf8": record.needs_smtputf8,
        "needs_eight_bit": record.needs_eight_bit,
        "subject": record.subject,
    }
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def _record_of(fields: dict[str, Any]) -> Record:
    created = datetime.fromisoformat(fields["created"])
    expires = None if fields["expires"] is None else datetime.fromisoformat(fields["expires"])
    if created.tzinfo is None or (expires is not None and expires.tzinfo is None):
        raise ValueError("time")
    recipients = [RecipientRecord(address=str(each), state=State.IN_DOUBT) for each in fields["recipients"]]
    return Record(
        id=str(fields["id"]),
        account=str(fields["account"]),
        lane=str(fields["lane"]),
        mail_from=str(fields["mail_from"]),
        message_id=str(fields["message_id"]),
        size_bytes=int(fields["size_bytes"]),
        key=str(fields["key"]),
        created=created,
        changed=created,
        due=None,
        expires=expires,
        attempts=0,
        recipients=tuple(recipients),
        problem=None,
        is_kept=True,
        saves_sent=bool(fields["saves_sent"]),
        needs_smtputf8=bool(fields["needs_smtputf8"]),
        needs_eight_bit=bool(fields["needs_eight_bit"]),
        subject=str(fields.get("subject", "")),  # older ones have none
    )
