"""How stdout shows a line: its encoding, its colour, its width; and text that is cut to a width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from fluenzr_smtp.cli.output import Output
from fluenzr_smtp.cli.wrapping import cells

_LONGEST = 200  # columns of a line that no terminal cuts


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the reader's end can show. ``width`` counts the columns a line may have."""

    encoding: str = "utf-8"
    colour: bool = False
    width: int = _LONGEST
    is_terminal: bool = False

    @classmethod
    def of(cls, output: Output) -> Self:
        """Return what stdout can show, by the rules of ``output``."""
        return cls(
            encoding=output.encoding,
            colour=output.painted("", "0") != "",
            width=output.width or _LONGEST,
            is_terminal=output.is_at_terminal,
        )

    @property
    def is_unicode(self) -> bool:
        """Say whether lines, blocks and check marks can be drawn."""
        return self.encoding.startswith("utf")

    def painted(self, text: str, style: str) -> str:
        """Return text in a style (SGR parameters) where colour is shown."""
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour else text

    def shown(self, text: str) -> str:
        """Return text as the encoding can write it: what it lacks becomes an escape, and has its width."""
        if self.is_unicode:
            return text
        return text.replace("…", "...").encode(self.encoding, "backslashreplace").decode(self.encoding)

    def fitted(self, text: str, columns: int) -> str:
        """Return text cut to so many columns, with an ellipsis where something is left out."""
        whole = self.shown(text)
        if cells(whole) <= columns:
            return whole
        ellipsis = "…" if self.is_unicode else "..."
        kept, left = "", columns - len(ellipsis)
        for character in whole:
            left -= cells(character)
            if left < 0:
                break
            kept += character
        return kept.rstrip() + ellipsis if columns >= len(ellipsis) else ""

    def padded(self, text: str, columns: int) -> str:
        """Return text with blanks up to so many columns; longer text as it is."""
        whole = self.shown(text)
        return whole + " " * (columns - cells(whole))
