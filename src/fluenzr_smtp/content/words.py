"""Encoded words of header fields as text (RFC 2047). Total: what cannot be read stays as it came."""

from __future__ import annotations

import binascii
import re

_WORD = re.compile(r"=\?([A-Za-z0-9_.:+-]{1,40})(?:\*[A-Za-z0-9-]{0,20})?\?([bBqQ])\?([^?]{0,4000})\?=")
_BETWEEN = re.compile(rf"({_WORD.pattern})[ \t\r\n]+(?==\?)")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_UNKNOWN = frozenset({
    *("unknown", "unknown-8bit", "x-unknown", "default", "default_charset", "us-ascii", "ascii", ""),
    *("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"),
})  # fmt: skip


def decoded(text: str) -> str:
    """Return a field's value with its encoded words as text, octets that are no ASCII as UTF-8 or Latin-1.

    Neighbours of one charset are joined before they are decoded: some programs split a character.
    """
    text = readable(text)
    if "=?" not in text:
        return text
    joined = _BETWEEN.sub(r"\1", text)
    parts: list[str] = []
    charset, octets, end = "", b"", 0
    for found in _WORD.finditer(joined):
        if found.start() != end or found[1].lower() != charset:
            parts.append(text_of(octets, charset))
            octets = b""
        parts.append(joined[end : found.start()])
        charset, end = found[1].lower(), found.end()
        octets += _octets(found[2], found[3])
    return "".join((*parts, text_of(octets, charset), joined[end:]))


def readable(text: str) -> str:
    """Return a text in which a parser of messages has hidden octets, as UTF-8 or as Windows-1252."""
    return text if text.isascii() else text_of(_escaped_octets(text), "unknown-8bit")


def text_of(octets: bytes, charset: str) -> str:
    """Return octets as text: by their charset, else as UTF-8, else as Windows-1252."""
    if not octets:
        return ""
    wanted = (
        () if charset.lower().replace("-", "_") in _UNKNOWN or charset.lower() in _UNKNOWN else (charset,)
    )
    for each in (*wanted, "utf-8"):
        try:
            return whole(octets.decode(each))
        except (LookupError, ValueError):
            continue
    try:
        return whole(octets.decode(charset if wanted else "cp1252", "replace"))
    except (LookupError, ValueError):
        return octets.decode("cp1252", "replace")


def whole(text: str) -> str:
    """Return a text that has a form in UTF-8: halves of characters are replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _escaped_octets(text: str) -> bytes:
    """Return the octets that a parser of messages has hidden in a text."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _octets(encoding: str, text: str) -> bytes:
    octets = text.encode("ascii", "replace")
    if encoding in "qQ":
        return _HEX.sub(lambda found: bytes.fromhex(found[1].decode()), octets.replace(b"_", b" "))
    try:
        return binascii.a2b_base64(octets + b"=" * (-len(octets) % 4))
    except binascii.Error:
        return octets
