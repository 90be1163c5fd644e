"""Lines of text as a page of HTML lays them out: blocks end them, runs of spaces are one space."""

from __future__ import annotations

import re

_BULLET = "- "
_MARK = ">"
_SPACES = re.compile(r"[ \t\n\r\f]++")


class Lines:
    """Lines under construction; while ``is_quoted``, every one that ends is marked."""

    def __init__(self) -> None:
        self.is_quoted = False
        self._lines: list[str] = []
        self._pieces: list[str] = []

    def text(self) -> str:
        """Return all of it, without blank lines at its ends."""
        self.end_block()
        return "\n".join(self._lines).strip("\n")

    def write(self, text: str, *, is_verbatim: bool = False) -> None:
        """Add text to the line; verbatim, with its own spaces and ends of lines."""
        if is_verbatim:
            first, *others = text.replace("\r\n", "\n").split("\n")
            self._pieces.extend([first] if first else [])
            for line in others:
                self.end()
                self._pieces.extend([line] if line else [])
            return
        text = _SPACES.sub(" ", text)
        if not self._pieces or self._pieces[-1].endswith(" "):
            text = text.removeprefix(" ")
        self._pieces.extend([text] if text else [])

    def end(self) -> None:
        """End the line, also one with nothing in it; of blank lines one stays."""
        line = "".join(self._pieces).replace("\xa0", " ").rstrip()
        self._pieces.clear()
        if not line:
            self.blank()
        else:
            self._lines.append(f"{_MARK} {line}" if self.is_quoted else line)

    def end_block(self) -> None:
        """End the line if there is anything on it but the mark of an item."""
        if self._pieces and self._pieces != [_BULLET]:
            self.end()

    def blank(self) -> None:
        """Set off what follows by a blank line."""
        if not self._pieces and self._lines and self._lines[-1]:
            self._lines.append("")

    def begin_item(self) -> None:
        """Begin an item of a list on a line that was ended."""
        self._pieces[:] = [_BULLET]

    def mark_quotation(self) -> None:
        """Leave one line for what was quoted here."""
        if self._lines[-1:] != [_MARK]:
            self._lines.append(_MARK)
