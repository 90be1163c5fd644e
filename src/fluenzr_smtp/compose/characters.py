"""Which characters never belong into an address or a header, written plainly or hidden in encoded words."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

SHOWN_LENGTH = 100

# C0 but TAB, DEL, C1, and the two separators that `str.splitlines` takes for line ends.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# More lenient than RFC 2047 §2, as real decoders are: white space and "?" may stand inside a word.
_WORD_START = re.compile(r"=\?([^?]*)\?([bBqQ])\?")
_Q_OCTET = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_NESTING_LIMIT = 8


def printable(text: str) -> str:
    """Return a text safe to show: what does not print becomes a backslash escape; cut to 100 characters."""
    escaped = (char if char.isprintable() else ascii(char)[1:-1] for char in text[:SHOWN_LENGTH])
    return "".join(escaped)[:SHOWN_LENGTH]


def unfit(text: str) -> str | None:
    """Name the reason why a text may not stand in a header, or None where it may. TAB may."""
    if _SURROGATE.search(text):
        return "not-utf-8"  # an argument that was not UTF-8 arrives as surrogates (PEP 383)
    if _CONTROL.search(text):
        return "control-character"
    if _conceals_control(text):
        return "encoded-control-character"
    return None


def _conceals_control(text: str) -> bool:
    """Say whether encoded words, at any depth, decode to a control character (CVE-2024-6923)."""
    for _ in range(_NESTING_LIMIT):
        # The closing mark again: it may have closed a word inside the word too.
        text = " ".join(f"{word}?=" for word in _decoded_words(text))
        if not text:
            return False
        if _CONTROL.search(text):
            return True
    return True  # nested that deep by nobody with good intentions


def _decoded_words(text: str) -> Iterator[str]:
    position = 0
    while start := _WORD_START.search(text, position):
        end = text.find("?=", start.end())
        if end < 0:
            return
        yield _decoded(start[1], start[2], text[start.end() : end])
        position = end + 2


def _decoded(charset: str, encoding: str, text: str) -> str:
    octets = _q_octets(text) if encoding in "qQ" else _b_octets(text)
    name = charset.partition("*")[0]  # RFC 2231 §5: a language may follow
    if "escape" in name.lower():
        return "\0"  # Python's own codecs, never a charset of mail: they write controls as plain ASCII
    try:
        return octets.decode(name, "replace")
    except (LookupError, ValueError):
        return octets.decode("ascii", "ignore")


def _q_octets(text: str) -> bytes:
    octets = text.replace("_", " ").encode()
    return _Q_OCTET.sub(lambda pair: bytes.fromhex(pair[1].decode()), octets)


def _b_octets(text: str) -> bytes:
    digits = _NOT_BASE64.sub("", text)
    whole = digits[: len(digits) - 1] if len(digits) % 4 == 1 else digits
    return binascii.a2b_base64(whole + "=" * (-len(whole) % 4))
