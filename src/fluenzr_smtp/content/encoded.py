"""Another content as MIME base64, made while it is given out (RFC 2045 §6.8)."""

from __future__ import annotations

import struct
from binascii import b2a_base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fluenzr_smtp.model import Content

_LINE_OCTETS = 57  # make 76 characters
_LINE_LENGTH = 76
# Lines are cut by one call of C. Few at a time: all that a round touches stays in the processor's cache,
# which makes it 2.5 times as fast as rounds of 16,384 lines, and twice as fast as strided assignment.
_ROUND_LINES = 256
_ROUND_OCTETS = _ROUND_LINES * _LINE_OCTETS
_ROUND = struct.Struct(f"{_LINE_LENGTH}s" * _ROUND_LINES)
_BLOCK_OCTETS = 64 * _ROUND_OCTETS  # 0.9 MB, which make 1.3 MB


@dataclass(frozen=True, slots=True)
class Base64(Content):
    """A content in lines of 76 characters, the last one shorter, each ending in CRLF."""

    source: Content

    @property
    def size_bytes(self) -> int:
        """Four characters for each three octets begun, and two for each line begun."""
        characters = (self.source.size_bytes + 2) // 3 * 4
        lines = (characters + _LINE_LENGTH - 1) // _LINE_LENGTH
        return characters + 2 * lines

    def blocks(self) -> Iterator[bytes]:
        """Yield whole lines, 1.3 MB at most at once."""
        return (_encoded(each) for each in _whole_lines(self.source.blocks()))


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[memoryview]:
    """Move the borders of blocks to those of lines; the last block is what is left."""
    rest = b""
    for block in blocks:
        view = memoryview(rest + block if rest else block)
        whole = len(view) - len(view) % _LINE_OCTETS
        for start in range(0, whole, _BLOCK_OCTETS):
            yield view[start : min(start + _BLOCK_OCTETS, whole)]
        rest = bytes(view[whole:])
    if rest:
        yield memoryview(rest)


def _encoded(octets: memoryview) -> bytes:
    return b"".join(
        _lines(b2a_base64(octets[start : start + _ROUND_OCTETS], newline=False))
        for start in range(0, len(octets), _ROUND_OCTETS)
    )


def _lines(characters: bytes) -> bytes:
    if len(characters) == _ROUND.size:
        return b"\r\n".join((*_ROUND.unpack(characters), b""))
    starts = range(0, len(characters), _LINE_LENGTH)
    return b"\r\n".join((*(characters[start : start + _LINE_LENGTH] for start in starts), b""))
