"""Lines of mail: every line end as CRLF, and what a look over them tells (RFC 5321 §2.3.8, §4.5.3.1.6).

Whatever the borders of the blocks are, the result is that of the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fluenzr_smtp.model import Content

LINE_OCTETS = 998  # RFC 5322 §2.1.1, without CRLF
_BLOCK_OCTETS = 1024 * 1024
_CRLF = b"\r\n"
# Many servers take CR CR LF for one line end. Read as two, it would end a header at its first line.
_DOUBLED_CR = re.compile(rb"(?<!\r)\r\r++\n")


def crlf(octets: bytes) -> bytes:
    """Write every line end, a lone CR or LF too, as CRLF."""
    if octets.count(_CRLF) == octets.count(b"\n") == octets.count(b"\r"):
        return octets
    return octets.replace(_CRLF, b"\n").replace(b"\r", b"\n").replace(b"\n", _CRLF)


def long_line(octets: bytes) -> int:
    """Return where the first line above 998 octets begins, or -1. Lines end in LF or CRLF."""
    start = 0
    while len(octets) - start > LINE_OCTETS:
        end = octets.rfind(b"\n", start, start + LINE_OCTETS + 1)  # the last one: many lines in one step
        if end < 0:
            if octets[start + LINE_OCTETS : start + LINE_OCTETS + 2] != _CRLF:
                return start
            end = start + LINE_OCTETS + 1
        start = end + 1
    return -1


@dataclass(frozen=True, slots=True)
class Lines(Content):
    """Another content with CRLF line ends only, from an offset on; the size was found by a survey.

    ``merges_doubled``: any number of CR before a LF is one line end. ``end`` is added behind the last byte.
    """

    source: Content
    size_bytes: int = field()  # without field() the property of Content would be its default
    merges_doubled: bool = False
    offset: int = 0
    end: bytes = b""

    def blocks(self) -> Iterator[bytes]:
        """Yield blocks of about 1 MiB."""
        skip = self.offset
        for block in normalised(self.source.blocks(), merges_doubled=self.merges_doubled):
            if skip < len(block):
                yield block[skip:] if skip else block
            skip = max(0, skip - len(block))
        if self.end:
            yield self.end


@dataclass(slots=True)
class Survey:
    """What is to be known of normalised lines before they are sent; ``feed`` it all of them.

    Line numbers count from ``first_line``; None: there is none such.
    """

    first_line: int = 1
    size_bytes: int = 0
    is_ascii: bool = True
    nul_line: int | None = None
    long_line: int | None = None
    ends_in_line_end: bool = False
    _rest: bytes = b""

    def feed(self, block: bytes) -> None:
        """Look at the next block, which ends in no CR."""
        if not block:
            return
        self.size_bytes += len(block)
        self.is_ascii = self.is_ascii and block.isascii()
        self.ends_in_line_end = block.endswith(b"\n")
        lines = self._rest + block
        if self.nul_line is None and b"\0" in block:
            self.nul_line = self.first_line + lines.count(b"\n", 0, lines.index(b"\0"))
        if self.long_line is None and (start := long_line(lines)) >= 0:
            self.long_line = self.first_line + lines.count(b"\n", 0, start)
        self.first_line += block.count(b"\n")
        # More of an unfinished line is not needed: it is too long already.
        self._rest = lines[lines.rfind(b"\n") + 1 :][-LINE_OCTETS - 1 :]


def normalised(blocks: Iterable[bytes], *, merges_doubled: bool = False) -> Iterator[bytes]:
    """Write every line end as CRLF; no block that is given out ends between CR and LF."""
    held = 0  # carriage returns whose meaning the next byte decides
    for block in _bounded(blocks):
        lines, trailing = _split(block, merges_doubled=merges_doubled)
        if not lines:
            yield from _line_ends(0 if merges_doubled else held)
            held = trailing + (held if merges_doubled else 0)
            continue
        if merges_doubled:
            begin = lines.lstrip(b"\r")
            held += len(lines) - len(begin)
            lines = _DOUBLED_CR.sub(b"\n", begin) if b"\r\r" in begin else begin
        yield from _line_ends(0 if lines.startswith(b"\n") else held - 1)
        yield crlf(b"\r" * min(held, 1) + lines)
        held = trailing
    yield from _line_ends(held)


def _split(block: bytes, *, merges_doubled: bool) -> tuple[bytes, int]:
    """Return a block without the carriage returns at its end that do not end a line yet, and their number."""
    lines = block.rstrip(b"\r") if merges_doubled else block.removesuffix(b"\r")
    return lines, len(block) - len(lines)


def _line_ends(count: int) -> Iterator[bytes]:
    """Yield that many line ends: millions of lone CRs must not be in memory at once."""
    at_once = _BLOCK_OCTETS // 2
    for start in range(0, count, at_once):
        yield _CRLF * min(at_once, count - start)


def _bounded(blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block), _BLOCK_OCTETS):
            yield block[start : start + _BLOCK_OCTETS]
