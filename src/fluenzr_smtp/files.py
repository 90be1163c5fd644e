"""Files that a person names: read whole or opened, with a clear word where that cannot be done."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

from fluenzr_smtp import durable
from fluenzr_smtp.content import MEMORY_BYTES, Stream, opened, spooled
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Content
from fluenzr_smtp.problems import ProblemCode, Stage

LIMIT_BYTES = 128 * 1024 * 1024
"""The most that is read of a file or of standard input into memory, where it is held several times over."""

STREAMED_LIMIT_BYTES = 1024 * 1024 * 1024
"""The most of an attachment or a ready-made message. Neither is held in memory. No provider takes more
than about 150 MB, a third of which is encoding, but a server of one's own may; the bound keeps a pipe that
never ends from filling the disk."""

_DOT_LINES = frozenset({b".\n", b".\r\n", b"."})  # the last one without a line end, at the end of it all
_DOT_LINE_OCTETS = 3
_LONGEST_LINE = 4096  # of TOML: a dotted key takes time and memory by the square of its parts
_MISSING = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REPORT_MODE = 0o644


def read(name: str, *, stdin: BinaryIO | None = None) -> bytes:
    """Return the content of a file; of ``stdin``, where there is one, for ``-``.

    A pipe is waited for: a shell's ``<(command)`` is one.

    Raises:
        FluenzrError: ``file-missing``; ``file-unreadable`` (reason ``too-big`` beyond ``LIMIT_BYTES``).
    """
    with _told(name):
        content = _content(name, stdin)
    if len(content) > LIMIT_BYTES:
        raise _too_big(name)
    return content


class UntilDot:
    """A stream that ends with a line that is a dot alone; neither the dot nor what follows is given out."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ready = bytearray()
        self._is_line_start = True
        self._is_over = False

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes, at the end nothing.

        Line by line: at a terminal the dot ends the message at once, and what follows is left unread.
        """
        while not self._is_over and len(self._ready) < size:
            # A bound, for a line may be endless; no dot line is cut by it.
            line = self._stream.readline(max(size, _DOT_LINE_OCTETS))
            self._is_over = not line or (self._is_line_start and line in _DOT_LINES)
            self._is_line_start = line.endswith(b"\n")
            if not self._is_over:
                self._ready += line
        given = bytes(self._ready[:size])
        del self._ready[:size]
        return given


def open_content(
    name: str, *, stdin: Stream | None = None, limit_bytes: int = STREAMED_LIMIT_BYTES
) -> Content:
    """Open an attachment or a ready-made message, to be read while it is sent; ``-`` is ``stdin``.

    A plain file stays open, and a change of it is told while it is read. One of up to 1 MiB is read at once:
    what happens to it later does not matter, as to a log that is being written. A pipe, a device or standard
    input is read to its end, beyond 1 MiB into a temporary file without a name.

    Raises:
        FluenzrError: ``file-missing``; ``file-unreadable`` (reason ``too-big`` beyond ``limit_bytes``);
            ``disk-full``, ``file-not-written`` for the temporary file.
    """
    with _told(name):
        if name == "-" and stdin is not None:
            return spooled(name, stdin, limit_bytes=limit_bytes)
        with located(name).open("rb", buffering=0) as file:
            return _opened(name, file, limit_bytes)


def _opened(name: str, file: FileIO, limit_bytes: int) -> Content:
    found = os.fstat(file.fileno())
    # The files of /proc are plain ones of no size.
    if not stat.S_ISREG(found.st_mode) or found.st_size <= MEMORY_BYTES:
        return spooled(name, file, limit_bytes=limit_bytes)
    if found.st_size > limit_bytes:
        raise _too_big(name)
    return opened(name, os.dup(file.fileno()))


def read_toml(path: Path, *, limit_bytes: int) -> dict[str, Any]:
    """Return the tables of a settings file, in UTF-8 with or without a byte order mark.

    A pipe or a device is not waited for, and nothing is read that would take long to parse.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is not TOML; the message tells where, or is a reason as in ``not-utf-8``.
        FluenzrError: ``file-unreadable``.
    """
    return parsed_toml(plain_content(path, limit_bytes))


def plain_content(path: Path, limit_bytes: int) -> bytes:
    """Return the content of a settings file; a pipe or a device is not waited for.

    Raises:
        FileNotFoundError: There is none.
        FluenzrError: ``file-unreadable``.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unusable(path, "not-a-file")
            content = file.read(limit_bytes + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__) from error
    if len(content) > limit_bytes:
        raise _unusable(path, "too-big")
    return content


def parsed_toml(content: bytes) -> dict[str, Any]:
    """Return the tables of a settings file's content.

    Raises:
        ValueError: As ``read_toml``.
    """
    if max(map(len, content.split(b"\n"))) > _LONGEST_LINE:
        raise ValueError("line-too-long")
    import tomllib

    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError("not-utf-8") from error
    except RecursionError as error:
        raise ValueError("nested-too-deep") from error


def located(name: str) -> Path:
    """Return the path of a name that may begin with ``~``.

    Raises:
        FluenzrError: ``file-missing`` for the home of somebody unknown.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise failure(ProblemCode.FILE_MISSING, Stage.INPUT, path=name) from error


def write(name: str, content: bytes) -> None:
    """Write a report where a person wants it: a file whole, or not at all.

    A device or a pipe (``/dev/stdout``) is written into, never replaced; of a symbolic link the file that it
    names is replaced.

    Raises:
        FluenzrError: ``file-missing``, ``file-not-created``, ``file-not-written``, ``disk-full``.
    """
    path = located(name)
    try:
        if _is_written_into(path):
            with open(path, "ab", opener=_without_waiting) as file:
                os.set_blocking(file.fileno(), True)  # only to open it was not to be waited for
                file.write(content)
        else:
            durable.write_atomically(Path(os.path.realpath(path)), content, mode=_REPORT_MODE)
    except OSError as error:
        code = ProblemCode.DISK_FULL if error.errno in _FULL else ProblemCode.FILE_NOT_WRITTEN
        raise failure(code, Stage.OUTPUT, path=name, reason=error.strerror or "") from error
    except ValueError as error:  # a NUL in the name
        raise failure(ProblemCode.FILE_NOT_CREATED, Stage.OUTPUT, path=name) from error


def require_place(name: str) -> None:
    """Make sure that a report can be written there; nothing is created.

    Raises:
        FluenzrError: ``file-missing``, ``file-not-created``.
    """
    place = Path(os.path.realpath(located(name)))
    folder = place.parent
    if place.is_dir():
        raise failure(ProblemCode.FILE_NOT_CREATED, Stage.OUTPUT, path=name, reason="is-a-directory")
    if not folder.is_dir():
        raise failure(ProblemCode.FILE_NOT_CREATED, Stage.OUTPUT, path=name, reason=os.strerror(errno.ENOENT))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise failure(ProblemCode.FILE_NOT_CREATED, Stage.OUTPUT, path=name, reason=os.strerror(errno.EACCES))


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Name the problem where a file cannot be opened or read."""
    if not name:
        raise failure(ProblemCode.FILE_MISSING, Stage.INPUT, path=name)
    try:
        yield
    except OSError as error:
        code = ProblemCode.FILE_MISSING if error.errno in _MISSING else ProblemCode.FILE_UNREADABLE
        raise failure(code, Stage.INPUT, path=name, reason=error.strerror or "") from error
    except ValueError as error:  # a NUL in the name
        raise failure(ProblemCode.FILE_MISSING, Stage.INPUT, path=name) from error


def _too_big(name: str) -> FluenzrError:
    return failure(ProblemCode.FILE_UNREADABLE, Stage.INPUT, path=name, reason="too-big")


def _content(name: str, stdin: BinaryIO | None) -> bytes:
    if name == "-" and stdin is not None:
        return stdin.read(LIMIT_BYTES + 1)
    with located(name).open("rb") as file:
        return file.read(LIMIT_BYTES + 1)


def _without_waiting(name: str, flags: int) -> int:
    # A pipe opens only once somebody is at its other end.
    return os.open(name, flags | os.O_NONBLOCK, 0o666)


def _unusable(path: Path, reason: str) -> FluenzrError:
    return failure(ProblemCode.FILE_UNREADABLE, Stage.CONFIGURATION, path=str(path), reason=reason)


def _is_written_into(path: Path) -> bool:
    # /dev/stdout may well lead to a plain file, which somebody else is writing at this moment.
    return path.is_relative_to("/dev") or (path.exists() and not stat.S_ISREG(path.stat().st_mode))
