"""The content of a message on its way: checked, dot-stuffed where it must be, in blocks of a good size."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fluenzr_smtp.model import Content

BLOCK_BYTES = 256 * 1024

_LINE_DOT = re.compile(rb"\n\.")


class ContentError(ValueError):
    """A content that is not sent: a line end that mail does not know, a NUL, or not the announced size."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def measured(content: Content) -> Iterator[bytes]:
    """Yield the blocks of a content as long as they are of the announced size: BDAT and SIZE name it before.

    Raises:
        ContentError: before the byte too many is given out, or at the end where one is missing.
    """
    left = content.size_bytes
    for block in content.blocks():
        left -= len(block)
        if left < 0:
            raise ContentError("size")
        yield block
    if left:
        raise ContentError("size")


def checked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks as long as all line ends are CRLF and there is no NUL (RFC 5321 §2.3.8).

    A block that ends in CR is given out with the next one, so that a dot after it is seen as what it is.

    Raises:
        ContentError: before the fault is given out.
    """
    held = b""
    for block in blocks:
        whole = held + block if held else block
        held = b"\r" if whole.endswith(b"\r") else b""
        given = whole[:-1] if held else whole
        if not _is_sound(given):
            raise ContentError("line-end")
        if given:
            yield given
    if held:
        raise ContentError("line-end")


def _is_sound(block: bytes) -> bool:
    """Say whether all line ends are CRLF and there is no NUL: counted, which is faster than any pattern."""
    line_ends = block.count(b"\r\n")
    return block.count(b"\n") == line_ends == block.count(b"\r") and b"\0" not in block


def stuffed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield checked blocks with a second dot before each that begins a line (RFC 5321 §4.5.2).

    The last line is ended where it is not.
    """
    is_line_start, last = True, b""
    for block in blocks:
        if is_line_start and block.startswith(b"."):
            yield b"."
        yield _LINE_DOT.sub(b"\n..", block)
        last = block[-1:]
        is_line_start = last == b"\n"
    if last != b"\n":  # an empty message is an empty line
        yield b"\r\n"


def bounded(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in blocks of at most 256 KiB."""
    for block in blocks:
        for start in range(0, len(block), BLOCK_BYTES):
            yield block[start : start + BLOCK_BYTES]


def with_last(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each block, and whether it is the last."""
    waiting: bytes | None = None
    for block in blocks:
        if waiting is not None:
            yield waiting, False
        waiting = block
    if waiting is not None:
        yield waiting, True
