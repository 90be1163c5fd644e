"""A server's words without our secret: some servers repeat the command that they refuse, or parts of it."""

from __future__ import annotations

import base64
import re
import unicodedata
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fluenzr_smtp.model import Secret

_LAST = 0x10FFFF  # of Unicode
_LONGEST = 4  # such as the Roman numeral VIII, which is one character
_PIECE = 8  # letters and digits in common that are no accident
_REMEMBERED, _SHORT = 64, 100
_SHORTEST_PIECE = 4
_WORD = re.compile(r"[A-Za-z0-9+/=_-]+")  # what base64 is written in, for URLs too
_BETWEEN = r"[\s\\]*"  # a line that was broken, a quote that was escaped

# -- ways to write a character with others -------------------------------------------------------------

_Written = Iterator[tuple[str, int]]  # a character (or none, or several) and how many others wrote it


def _octets(*, skip: int, width: int, base: int) -> Callable[[str], _Written]:
    """Return the reader of a run of escapes for bytes: UTF-8, or Latin-1 where they are none."""

    def read(run: str) -> _Written:
        octets = bytes(int(run[at + skip : at + width], base) for at in range(0, len(run), width))
        for character in octets.decode("utf-8", "surrogateescape"):
            taken = len(character.encode("utf-8", "surrogateescape")) * width
            yield chr(ord(character) & 0xFF) if "\udc80" <= character <= "\udcff" else character, taken

    return read


def _code_point(written: str) -> _Written:
    value = int(written.lstrip("\\%uU{").rstrip("}"), 16)
    yield chr(value) if value <= _LAST else "\ufffd", len(written)


def _entity(written: str) -> _Written:
    import html  # costs a light command 4 ms

    yield html.unescape(written), len(written)


def _nothing(written: str) -> _Written:
    yield "", len(written)


_Row = tuple[str, Callable[[str], _Written]]

_ESCAPES: tuple[_Row, ...] = (
    (r"(?:%[0-9a-f]{2})+", _octets(skip=1, width=3, base=16)),  # RFC 3986 §2.1
    (r"(?:[\\0]x[0-9a-f]{2})+", _octets(skip=2, width=4, base=16)),
    (r"(?:\\[0-3][0-7]{2})+", _octets(skip=1, width=4, base=8)),
    (r"[\\%]u[0-9a-f]{4}", _code_point),
    (r"\\u\{[0-9a-f]{1,6}\}", _code_point),
    (r"&(?:#[0-9]{1,9}|#x[0-9a-f]{1,8}|[a-z][a-z0-9]{1,31});?", _entity),
)
# Apart from the others: an equals sign is also just that, and what follows would be misread.
_QUOTED_PRINTABLE: tuple[_Row, ...] = (
    (r"(?:=[0-9a-f]{2})+", _octets(skip=1, width=3, base=16)),  # RFC 2045 §6.7
    (r"=[ \t]*\r?\n", _nothing),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """A reading of a text, and where in the text each of its characters begins and ends."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


class _Reading:
    """One way to read a text: escapes undone, and every character as its plainest form (NFKD)."""

    def __init__(self, rows: tuple[_Row, ...], *, only_escapes: bool = False) -> None:
        self._only_escapes = only_escapes
        self._escape = re.compile("|".join(f"({pattern})" for pattern, _ in rows), re.IGNORECASE)
        self._readers = [read for _, read in rows]

    def of(self, text: str) -> _View | None:
        """Return the text as this reading has it; None where that is the text itself."""
        if (self._only_escapes or text.isascii()) and not self._escape.search(text):
            return None
        shown: list[str] = []
        starts, ends = array("L"), array("L")
        end = 0
        for characters, taken in self._characters(text):
            start, end = end, end + taken
            plain = _plain(characters)
            shown.append(plain)
            starts.extend([start] * len(plain))
            ends.extend([end] * len(plain))
        return _View(text="".join(shown), starts=starts, ends=ends)

    def _characters(self, text: str) -> _Written:
        end = 0
        for found in self._escape.finditer(text):
            yield from ((character, 1) for character in text[end : found.start()])
            yield from self._readers[(found.lastindex or 1) - 1](found[0])
            end = found.end()
        yield from ((character, 1) for character in text[end:])


_READINGS = (_Reading(_ESCAPES), _Reading(_QUOTED_PRINTABLE, only_escapes=True))


def _plain(text: str) -> str:
    """Return each character's compatibility decomposition: full-width letters and the like as ordinary ones.

    Of one character come no more than four: those that stand for whole sentences would fill the memory.
    """
    if text.isascii():
        return text
    return "".join(unicodedata.normalize("NFKD", each)[:_LONGEST] for each in text)


def _views(text: str) -> Iterator[_View]:
    """Yield the text as it stands, and as each reading has it where that differs."""
    yield _View(text=text, starts=range(len(text)), ends=range(1, len(text) + 1))
    for reading in _READINGS:
        if view := reading.of(text):
            yield view


# -- the veil ------------------------------------------------------------------------------------------


class Veil:
    r"""Strikes a secret out of what a server says: some repeat the command that they refuse, or parts of it.

    The secret is struck out where it stands whole, whatever its case, escaped or broken over lines; and every
    word that has eight letters and digits in a row with it in common, or with its base64, base32 or hex,
    wherever in an encoded string it stands (the base64 of PLAIN has the user name before it). Hex may be
    parted by colons or spaces. The same holds once escapes are undone (``%54``, quoted-printable ``=54``,
    ``\x54``, ``\124``, ``\u0054``, ``&#84;``) and characters are taken for their plainest form, such as
    full-width letters. A short secret must stand alone, and is not looked for in hex below four bytes, in
    base32 below five to seven: so few digits are part of too much else.

    Not covered: what takes more than one step to undo (an escape of an escape, the hex of the base64), what a
    server changes at will (reversed, rot13, a sum of it, other letters in between) and what it splits over
    several answers. Against a server that means to tell the secret to somebody there is no veil; this one
    is against those that repeat it.
    """

    def __init__(self, *secrets: Secret) -> None:
        hidden = [each.hidden for each in secrets]
        forms = {form for each in hidden for form in (each, _plain(each))}
        self._wholes = [pattern for form in forms if (pattern := _whole(form))]
        self._pieces: dict[int, set[str]] = {}
        self._shown: dict[str, str] = {}  # servers say "250 Ok" a thousand times
        for each in hidden:
            self._cut(each)

    def _cut(self, hidden: str) -> None:
        for form, shortest in _forms(hidden):
            bare = _bare(form)
            size = min(_PIECE, len(bare))
            if size >= shortest:
                found = (bare[start : start + size] for start in range(len(bare) - size + 1))
                self._pieces.setdefault(size, set()).update(found)

    def over(self, text: str) -> str:
        """Return the text with an ellipsis for the secret."""
        if not self._wholes:
            return text
        shown = self._shown.get(text)
        if shown is None:
            shown = self._struck(text)
            if len(self._shown) < _REMEMBERED and len(text) <= _SHORT:
                self._shown[text] = shown
        return shown

    def _struck(self, text: str) -> str:
        struck = bytearray(len(text))  # a byte for each character: 1 where the secret stands
        alone = bytearray(len(text))  # the same where it stands whole, so that the word around it is its own
        for view in _views(text):
            self._strike_pieces(struck, view)
            self._strike_wholes(alone, view)
        for word in _WORD.finditer(text):
            if 1 in struck[word.start() : word.end()]:
                _strike(struck, word.start(), word.end())
        for whole in re.finditer(b"\1+", alone):
            _strike(struck, whole.start(), whole.end())
        end = 0
        shown: list[str] = []
        for gap in re.finditer(b"\1+", struck):
            shown += text[end : gap.start()], "…"
            end = gap.end()
        return "".join((*shown, text[end:]))

    def _strike_wholes(self, struck: bytearray, view: _View) -> None:
        for whole in self._wholes:
            for found in whole.finditer(view.text):
                _strike(struck, view.starts[found.start()], view.ends[found.end() - 1])

    def _strike_pieces(self, struck: bytearray, view: _View) -> None:
        """Strike out the pieces of the secret, and what parts their characters."""
        places = array("L", (place for place, character in enumerate(view.text) if character.isalnum()))
        bare = _bare(view.text)
        for size, pieces in self._pieces.items():
            for start in range(len(bare) - size + 1):
                if bare[start : start + size] in pieces:
                    _strike(struck, view.starts[places[start]], view.ends[places[start + size - 1]])


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


def _forms(hidden: str) -> Iterator[tuple[str, int]]:
    """Yield what a piece of the secret may be a piece of, and how much of it is no accident."""
    octets = hidden.encode("utf-8", "surrogatepass")
    for clear in {hidden, _plain(hidden)}:
        if len(_bare(clear)) >= _PIECE:
            yield clear, _PIECE
    yield octets.hex(), _PIECE
    for ahead in range(3):
        encoded = base64.b64encode(bytes(ahead) + octets).decode("ascii")
        yield _decided(encoded, ahead=ahead, size=len(octets), bits=6), _SHORTEST_PIECE
    for ahead in range(5):
        encoded = base64.b32encode(bytes(ahead) + octets).decode("ascii")
        yield _decided(encoded, ahead=ahead, size=len(octets), bits=5), _PIECE


def _decided(encoded: str, *, ahead: int, size: int, bits: int) -> str:
    """Return the characters that the secret alone decides, in one of the alignments that it may have."""
    return encoded[-(-ahead * 8 // bits) : (ahead + size) * 8 // bits]
