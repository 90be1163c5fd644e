"""Text broken into lines of a terminal's width, in any script: by columns, not by characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

# Between two ideographs a line may end anywhere but before these and after those (JIS X 4051, kinsoku).
_NEVER_FIRST = frozenset(
    "、。，．・：；！？）」』】〕〉》ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々…)]}.,:;!?'\"’”"
)
_NO_CELL = {"Mn", "Me", "Cf"}  # combining marks and what is not seen
_NEVER_LAST = frozenset("（「『【〔〈《([{'\"‘“")


def wrapped(text: str, *, width: int | None, first: str = "", rest: str = "") -> list[str]:
    """Break text at blanks, and between ideographs; without a width it stays one line.

    ``first`` begins the first line, ``rest`` every other one. A word that is too long keeps its line.
    """
    lines, line, is_empty = [], first, True
    for piece, follows_blank in _pieces(text):
        gap = " " if follows_blank and not is_empty else ""
        if width is not None and not is_empty and cells(line + gap + piece) > width:
            lines.append(line)
            line, gap = rest, ""
        line, is_empty = f"{line}{gap}{piece}", False
    return [*lines, line.rstrip()]


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Yield what is never broken, and whether a blank stands before it."""
    for word in text.split():
        start = 0
        for at in range(1, len(word)):
            if _may_break(word[at - 1], word[at]):
                yield word[start:at], start == 0
                start = at
        yield word[start:], start == 0


def _may_break(before: str, after: str) -> bool:
    if before in _NEVER_LAST or after in _NEVER_FIRST:
        return False
    return not (before + after).isascii() and (_is_wide(before) or _is_wide(after))


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in {"W", "F"}


def cells(text: str) -> int:
    """Return how many columns of a terminal text takes (Unicode Standard Annex #11)."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in _NO_CELL:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
