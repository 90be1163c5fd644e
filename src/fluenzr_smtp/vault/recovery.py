"""The recovery code: random, written down by a person, and checked before anything is tried with it.

Thirty-two characters of Crockford's base 32 in eight groups of four: 26 random ones (130 bits) and a checksum
of six, the BCH code of bech32m (BIP 350) for the prefix ``fluenzr``. It finds every mistake in up to four
characters, two exchanged ones among them, and all but one in 2^30 of the others.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ProblemCode, Stage

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM_CHARACTERS = 26
CHECK_CHARACTERS = 6
GROUP = 4

_LENGTH = RANDOM_CHARACTERS + CHECK_CHARACTERS
_TEXT_LIMIT = 1024  # what anybody may have pasted; no longer one is looked at
_READ_AS = str.maketrans("OIL", "011")
_BETWEEN = frozenset(" -_.\t\r\n\u00a0\u2010\u2011\u2012\u2013\u2014\u2212")
_PREFIX = "fluenzr"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32M = 0x2BC830A3


class RecoveryCode:
    """A code that opens a vault by itself. It does not show itself; ``reveal`` does."""

    __slots__ = ("_characters",)

    def __init__(self, characters: str) -> None:
        """Take the 26 random characters; use ``generate`` or ``parse``."""
        self._characters = characters

    @classmethod
    def generate(cls) -> RecoveryCode:
        """Return a new random code of 130 bits."""
        return cls("".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS)))

    @classmethod
    def parse(cls, text: str) -> RecoveryCode:
        """Read a code as a person types it: small letters, blanks and dashes are fine, O is 0, I and L are 1.

        Raises:
            FluenzrError: ``recovery-code-malformed``; the text is not in it.
        """
        characters = "".join(each for each in text[:_TEXT_LIMIT] if each not in _BETWEEN)
        if not characters:
            raise _malformed("empty")
        # Outside ASCII capitals are a matter of their own: the one of ß is SS.
        if characters.isascii():
            characters = characters.upper().translate(_READ_AS)
        if not set(characters) <= set(ALPHABET):
            raise _malformed("not-in-alphabet")
        if len(characters) != _LENGTH:
            raise _malformed("too-short" if len(characters) < _LENGTH else "too-long")
        if _remainder(map(ALPHABET.index, characters)) != _BECH32M:
            raise _malformed("checksum")
        return cls(characters[:RANDOM_CHARACTERS])

    @property
    def random_part(self) -> Secret:
        """Return the characters that the key is made of, without the checksum."""
        return Secret(self._characters)

    def reveal(self) -> str:
        """Return the code as it is shown once and written down."""
        whole = self._characters + _checksum(self._characters)
        return "-".join(whole[at : at + GROUP] for at in range(0, _LENGTH, GROUP))

    def __repr__(self) -> str:
        return "RecoveryCode(…)"


def _checksum(characters: str) -> str:
    values = [*map(ALPHABET.index, characters), *(0,) * CHECK_CHARACTERS]
    remainder = _remainder(values) ^ _BECH32M
    return "".join(ALPHABET[remainder >> 5 * at & 31] for at in reversed(range(CHECK_CHARACTERS)))


def _remainder(values: Iterable[int]) -> int:
    """Return the remainder of BIP 173 over the expanded prefix and these values of five bits."""
    remainder = 1
    for value in (*_expanded_prefix(), *values):
        top = remainder >> 25
        remainder = (remainder & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate(_GENERATOR):
            remainder ^= term if top >> bit & 1 else 0
    return remainder


def _expanded_prefix() -> Sequence[int]:
    return (*(ord(each) >> 5 for each in _PREFIX), 0, *(ord(each) & 31 for each in _PREFIX))


def _malformed(reason: str) -> FluenzrError:
    return failure(ProblemCode.RECOVERY_CODE_MALFORMED, Stage.INPUT, reason=reason)
