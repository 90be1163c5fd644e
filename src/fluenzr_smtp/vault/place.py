"""The vault's place on disk: read what is there only if it is a plain file of our own, and not too big."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault.format import FILE_LIMIT_BYTES, damaged

# O_NONBLOCK: a pipe in the vault's place must not make us wait for a writer.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_OTHERS = 0o077
_OTHERS_WRITE = 0o022


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file's content and who may do what with it; ``written`` is aware UTC."""

    content: bytes = field(repr=False)
    mode: int
    owner_uid: int
    size_bytes: int
    written: datetime

    @property
    def is_private(self) -> bool:
        """Say whether nobody else may read or write it."""
        return not self.mode & _OTHERS


def read(path: Path) -> Found | None:
    """Return the vault in this place, or None where there is nothing.

    Raises:
        FluenzrError: ``vault-unsafe`` (anything but a plain file of our own), ``vault-damaged`` (too big, and
            not read), ``file-unreadable``.
    """
    try:
        descriptor = os.open(path, _READ | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unopened(error) from error
    return _read(descriptor, owner_uid=os.geteuid())


def read_foreign(path: Path) -> Found:
    """Return a file that a person named: a link is followed, and it may be of another user.

    Raises:
        FluenzrError: ``file-missing``, ``file-unreadable``, ``vault-unsafe`` (not a plain file),
            ``vault-damaged`` (too big, and not read).
    """
    try:
        descriptor = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise failure(ProblemCode.FILE_MISSING, Stage.INPUT, path=str(path)) from error
    except OSError as error:
        raise _unopened(error) from error
    return _read(descriptor, owner_uid=None)


def folder_is_writable_by_others(path: Path) -> bool:
    """Say whether others can put something else in the vault's place; a sticky folder does not let them."""
    try:
        mode = path.parent.stat().st_mode
    except OSError:
        return False
    return bool(mode & _OTHERS_WRITE) and not mode & stat.S_ISVTX


def _read(descriptor: int, *, owner_uid: int | None) -> Found:
    try:
        found = os.fstat(descriptor)
        _check(found, owner_uid)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(FILE_LIMIT_BYTES + 1)
    except OSError as error:
        raise _unopened(error) from error
    finally:
        os.close(descriptor)
    return Found(
        content=content,
        mode=stat.S_IMODE(found.st_mode),
        owner_uid=found.st_uid,
        size_bytes=found.st_size,
        written=datetime.fromtimestamp(found.st_mtime, UTC),
    )


def _check(found: os.stat_result, owner_uid: int | None) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise failure(ProblemCode.VAULT_UNSAFE, Stage.VAULT, reason="not-a-file")
    if owner_uid not in (None, found.st_uid):
        raise failure(ProblemCode.VAULT_UNSAFE, Stage.VAULT, reason="other-owner")
    if found.st_size > FILE_LIMIT_BYTES:
        raise damaged("too-big")


def _unopened(error: OSError) -> FluenzrError:
    if error.errno == errno.ELOOP:
        return failure(ProblemCode.VAULT_UNSAFE, Stage.VAULT, reason="symbolic-link")
    if error.errno == errno.ENXIO:
        return failure(ProblemCode.VAULT_UNSAFE, Stage.VAULT, reason="not-a-file")
    reason = error.strerror or type(error).__name__
    return failure(ProblemCode.FILE_UNREADABLE, Stage.VAULT, reason=reason)
