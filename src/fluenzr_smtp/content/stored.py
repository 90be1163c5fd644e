"""Contents in files: one that somebody else may change, and one of our own for what came through a pipe."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Content, Octets
from fluenzr_smtp.problems import ProblemCode, Stage

MEMORY_BYTES = 1024 * 1024
"""What is not longer is held in memory; what is longer lies in a file."""

_BLOCK_BYTES = 256 * 1024  # stays in the processor's cache while it is encoded: a quarter faster than 1 MiB
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Stream(Protocol):
    """What can be read to its end; nothing is its end."""

    def read(self, size: int, /) -> bytes | None:
        """Return at most so many bytes."""


class _Descriptor:
    """An open file, closed with the last content that reads it."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)


@dataclass(frozen=True, slots=True)
class File(Content):
    """A file as it was when it was opened: another one under its name changes nothing.

    A change of its size or of its time of modification is told before the block is given out; not
    what is written into it in the same tick of the file system's clock (some milliseconds) as the opening.
    """

    name: str
    size_bytes: int = field()  # without field() the property of Content would be its default
    _modified: int = field(repr=False)  # nanoseconds
    _descriptor: _Descriptor = field(repr=False, compare=False)

    def blocks(self) -> Iterator[bytes]:
        """Yield blocks of 256 KiB.

        Raises:
            FluenzrError: ``file-unreadable``, with the reason ``changed`` where the file is not what it was.
        """
        position = 0
        while position < self.size_bytes:
            block = self._read(min(_BLOCK_BYTES, self.size_bytes - position), position)
            position += len(block)
            yield block

    def _read(self, length: int, position: int) -> bytes:
        try:
            block = os.pread(self._descriptor.number, length, position)
            now = os.fstat(self._descriptor.number)  # after the bytes were read: what they are is what counts
        except OSError as error:
            raise _unreadable(self.name, error.strerror or "") from error
        if not block or (now.st_size, now.st_mtime_ns) != (self.size_bytes, self._modified):
            raise _unreadable(self.name, "changed")
        return block


def opened(name: str, descriptor: int) -> File:
    """Return the content of an open plain file, which is closed with it; ``name`` is for messages only."""
    owned = _Descriptor(descriptor)
    found = os.fstat(descriptor)
    return File(name, found.st_size, found.st_mtime_ns, owned)


def spooled(name: str, stream: Stream, *, limit_bytes: int) -> Content:
    """Read a stream to its end: into memory, and what is longer than ``MEMORY_BYTES`` into a file.

    The file has no name, so that nobody else can open it and nothing is left behind after a crash. It lies
    where temporary files lie (``TMPDIR``).

    Raises:
        FluenzrError: ``file-unreadable`` (reason ``too-big`` beyond ``limit_bytes``), ``disk-full``,
            ``file-not-written``.
        OSError: The stream cannot be read.
    """
    start = _filled(stream, MEMORY_BYTES + 1)
    if len(start) > limit_bytes:
        raise _unreadable(name, "too-big")
    return Octets(start) if len(start) <= MEMORY_BYTES else _stored(name, start, stream, limit_bytes)


def _filled(stream: Stream, length: int) -> bytes:
    """Read that much, or to the end; an unbuffered stream gives less at a time."""
    pieces = bytearray()
    while len(pieces) < length and (piece := stream.read(length - len(pieces))):
        pieces += piece
    return bytes(pieces)


def _stored(name: str, block: bytes, stream: Stream, limit_bytes: int) -> File:
    owned = _Descriptor(_anonymous())
    length = 0
    while block:
        length += len(block)
        if length > limit_bytes:
            raise _unreadable(name, "too-big")
        _write(owned.number, block)
        block = stream.read(_BLOCK_BYTES) or b""
    found = os.fstat(owned.number)
    return File(name, found.st_size, found.st_mtime_ns, owned)


def _anonymous() -> int:
    import tempfile  # loads a dozen modules that few messages need

    try:
        with tempfile.TemporaryFile(buffering=0) as file:
            return os.dup(file.fileno())
    except OSError as error:
        raise _not_written(error) from error


def _write(descriptor: int, block: bytes) -> None:
    view = memoryview(block)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise _not_written(error) from error


def _not_written(error: OSError) -> FluenzrError:
    import tempfile

    code = ProblemCode.DISK_FULL if error.errno in _FULL else ProblemCode.FILE_NOT_WRITTEN
    return failure(code, Stage.INPUT, path=tempfile.tempdir or "TMPDIR", reason=error.strerror or "")


def _unreadable(name: str, reason: str) -> FluenzrError:
    return failure(ProblemCode.FILE_UNREADABLE, Stage.INPUT, path=name, reason=reason)
