"""Paragraphs as format=flowed (RFC 3676): short lines on the wire, whole paragraphs for whoever reads.

A line that ends in a space goes on in the next one. No space is dropped or added (DelSp=no), so that a reader
gets exactly the paragraphs that were written.
"""

from __future__ import annotations

from collections.abc import Iterator

LINE_ADVISED = 78
_BREAK_AT = 72
_LINE_LONGEST = 997  # and a space before it, where it begins with one
_SIGNATURE = "-- "
_STUFFED = (" ", ">", "From ")


def flowed(text: str) -> str | None:
    """Return a text of LF lines as format=flowed; None where that has no use or would change it.

    It has a use where a line of more than 78 characters can be broken. It would change a text in which a line
    ends in a space, for that line would run into the next one; only the mark of a signature may.
    """
    lines = text.split("\n")
    if max(map(len, lines)) <= LINE_ADVISED:
        return None
    if any(line.endswith(" ") and line != _SIGNATURE for line in lines):
        return None
    broken = [list(_broken(line)) for line in lines]
    if all(len(pieces) == 1 for pieces in broken):
        return None
    pieces = [piece for each in broken for piece in each]
    return None if max(map(len, pieces)) > _LINE_LONGEST else "\n".join(map(_stuffed, pieces))


def _broken(line: str) -> Iterator[str]:
    """Cut a paragraph behind spaces; every piece but the last one ends in one."""
    start = 0
    while len(line) - start > LINE_ADVISED - 1 and (end := _end(line, start)):
        yield line[start:end]
        start = end
    yield line[start:]


def _end(line: str, start: int) -> int:
    """Return where the next piece ends, 0 where nothing can be broken any more."""
    end = line.rfind(" ", start, start + _BREAK_AT) + 1 or line.find(" ", start) + 1
    if line[start:end] == _SIGNATURE:  # as a line of its own it would begin the signature
        end = line.find(" ", end) + 1
    return end


def _stuffed(piece: str) -> str:
    """Put a space before what would mean something else at the start of a line (RFC 3676 §4.4)."""
    return f" {piece}" if piece.startswith(_STUFFED) and piece != _SIGNATURE else piece
