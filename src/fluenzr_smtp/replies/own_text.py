"""What somebody wrote themselves in a reply: without the quoted history and without the signature.

It judges lines of decoded text and knows nothing of messages. In doubt a line is kept. Every line is looked
at a bounded number of times, and of a long one only the beginning, so that hostile text costs linear time.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from fluenzr_smtp.replies.history_marks import (
    attributions,
    folded,
    header_end,
    is_quoted,
    is_tagline,
    quoted_after,
)

_SIGNATURE_LINES = 15
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# Apart from the bidirectional controls: what shows nothing and fills the previews of newsletters.
_UNSHOWN = re.compile(f"[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u200b\u2060\ufeff\ud800-\udfff{_BIDI}]")


def own_text(text: str) -> str:
    """Return a reply's own text; empty where there is nothing but history and a signature (RFC 3676 §4.3).

    Answers between and below quoted lines stay. Behind the header of a message that is not quoted line by
    line nothing can be told apart any more, so that all of it counts as history; but where "… wrote:" alone
    introduces it and nothing stands above, it is kept, for the answer may be in it.
    """
    plain = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    lines = _unescaped(plain.split("\n"))
    known = tuple(map(folded, lines))
    attributed = attributions(lines, known)
    ends = tuple(_history_end(known, attributed, place) for place in range(len(lines)))
    return "\n".join(_Reader(tuple(lines), known, attributed, ends).kept()).strip()


def _unescaped(lines: list[str]) -> list[str]:
    """Undo ">From ", as mailboxes of the kind mbox have it, where no line beside it is quoted."""
    around = zip(["", *lines], lines, [*lines[1:], ""], strict=False)
    return [
        line[1:]
        if line.startswith(">From ") and not (above.startswith(">") or below.startswith(">"))
        else line
        for above, line, below in around
    ]


def _history_end(known: tuple[str, ...], attributed: dict[int, int], place: int) -> int:
    """Return where the history ends that begins at a line, which is the line itself where none does."""
    if is_quoted(known[place]):
        return place + 1
    end = header_end(known, attributed, place)
    if end is None:
        end = attributed.get(place, place)
    return end if end == place or quoted_after(known, end) else len(known)


def preview(text: str, length: int = 140) -> str:
    """Return the own text on one line of at most ``length`` characters, without what shows nothing."""
    line = " ".join(_UNSHOWN.sub("", own_text(text)).split())
    if len(line) <= length:
        return line
    if length < 1:
        return ""
    head, space, rest = line[:length].rpartition(" ")
    if not space or len(head) < len(rest):  # one long word, or a language without spaces
        head = line[: _before_mark(line, length - 1)]
    return f"{head.rstrip()}…"


def _before_mark(line: str, end: int) -> int:
    """Return where to cut so that no mark loses its letter; marks without end are cut nevertheless."""
    for place in range(end, max(end - 8, 0), -1):
        if (
            not unicodedata.category(line[place]).startswith("M")
            and "\u200d" not in line[place - 1 : place + 1]
        ):
            return place
    return end


@dataclass(frozen=True, slots=True)
class _Reader:
    lines: tuple[str, ...]
    known: tuple[str, ...]
    attributed: dict[int, int]
    ends: tuple[int, ...]  # of the history that begins at a line; the line itself, where none does

    def kept(self) -> list[str]:
        kept: list[str] = []
        place, signature, fresh = 0, False, True
        while place < len(self.lines):
            end = self.ends[place] if kept else self.attributed.get(place, self.ends[place])
            if end > place:
                signature, fresh, place = False, True, end
                continue
            signature = signature or self._begins_signature(place)
            if not signature and not self._is_left_out(place, fresh=fresh):
                kept.extend([""] if fresh and "".join(kept[-1:]).strip() else [])
                kept.append(self.lines[place])
                fresh = False
            place += 1
        return kept

    def _begins_signature(self, place: int) -> bool:
        if self.lines[place] == "-- ":
            return True
        return (
            self.known[place] == "--" and any(self.known[max(place - 4, 0) : place]) and self._is_last(place)
        )

    def _is_last(self, place: int) -> bool:
        """Whether little stands between here and the history: a bare "--" may also divide a long text."""
        left = _SIGNATURE_LINES
        for behind in range(place + 1, len(self.lines)):
            if self.ends[behind] > behind:
                break
            left -= bool(self.known[behind])
            if left < 0:
                return False
        return True

    def _is_left_out(self, place: int, *, fresh: bool) -> bool:
        if not self.known[place]:
            return fresh
        return is_tagline(self.known[place]) and (
            fresh or not self.known[place - 1] or self._ends_text(place + 1)
        )

    def _ends_text(self, place: int) -> bool:
        if place == len(self.lines) or not self.known[place]:
            return True
        return self.ends[place] > place
