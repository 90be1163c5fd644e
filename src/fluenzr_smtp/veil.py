"""A server's words without our secret: some servers repeat the command that they refuse, or parts of it."""

from __future__ import annotations

import base64
import re
from array import array
from collections.abc import Iterator

from fluenzr_smtp.model import Secret

_PIECE = 8  # letters and digits in common that are no accident
_SHORTEST_PIECE = 4
_WORD = re.compile(r"[A-Za-z0-9+/=_-]+")  # what base64 is written in, for URLs too
_BETWEEN = r"[\s\\]*"  # a line that was broken, a quote that was escaped


class Veil:
    """Strikes a secret out of what a server says: some repeat the command that they refuse, or parts of it.

    The secret is struck out where it stands whole, whatever its case, escaped or broken over lines; and every
    word that has eight letters and digits in a row with it in common, or with its base64, wherever in an
    encoded string it stands (that of PLAIN has the user name before it).
    """

    def __init__(self, secret: Secret | None = None) -> None:
        hidden = secret.reveal() if secret else ""
        self._whole = _whole(hidden)
        self._pieces: dict[int, set[str]] = {}
        clear = [hidden] if len(_bare(hidden)) >= _PIECE else []
        for form in (*clear, *_encoded(hidden.encode("utf-8", "surrogatepass"))):
            bare = _bare(form)
            size = min(_PIECE, len(bare))
            if size >= _SHORTEST_PIECE:
                found = (bare[start : start + size] for start in range(len(bare) - size + 1))
                self._pieces.setdefault(size, set()).update(found)

    def over(self, text: str) -> str:
        """Return the text with an ellipsis for the secret."""
        if self._whole is None:
            return text
        struck = self._pieces_in(text)
        for word in _WORD.finditer(text):
            if 1 in struck[word.start() : word.end()]:
                _strike(struck, word.start(), word.end())
        for found in self._whole.finditer(text):
            _strike(struck, found.start(), found.end())
        end = 0
        shown: list[str] = []
        for gap in re.finditer(b"\1+", struck):
            shown += text[end : gap.start()], "…"
            end = gap.end()
        return "".join((*shown, text[end:]))

    def _pieces_in(self, text: str) -> bytearray:
        """Return a byte for each character: 1 where a piece of the secret stands, or what parts it."""
        struck = bytearray(len(text))
        places = array("L", (place for place, character in enumerate(text) if character.isalnum()))
        bare = _bare(text)
        for size, pieces in self._pieces.items():
            for start in range(len(bare) - size + 1):
                if bare[start : start + size] in pieces:
                    _strike(struck, places[start], places[start + size - 1] + 1)
        return struck


def _strike(struck: bytearray, start: int, end: int) -> None:
    struck[start:end] = b"\1" * (end - start)


def _bare(text: str) -> str:
    """Return the letters and digits in lower case; one for one, so that their places can be told."""
    return "".join(character.lower()[:1] for character in text if character.isalnum())


def _whole(hidden: str) -> re.Pattern[str] | None:
    """Return the pattern of the whole secret; a short one must stand alone, as it may be part of any word."""
    characters = [character for character in hidden if not character.isspace() and character != "\\"]
    if not characters:
        return None
    pattern = _BETWEEN.join(map(re.escape, characters))
    if len(characters) < _PIECE:
        before = r"(?<!\w)" if characters[0].isalnum() else ""
        pattern = before + pattern + (r"(?!\w)" if characters[-1].isalnum() else "")
    return re.compile(pattern, re.IGNORECASE)


def _encoded(secret: bytes) -> Iterator[str]:
    """Yield the base64 characters that the secret alone decides, in each of the three alignments."""
    for ahead in range(3):
        encoded = base64.b64encode(bytes(ahead) + secret).decode("ascii")
        yield encoded[-(-ahead * 8 // 6) : (ahead + len(secret)) * 8 // 6]
