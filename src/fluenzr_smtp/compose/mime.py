"""The body of a message: text, HTML and files in MIME parts (RFC 2045, RFC 2046, RFC 2231).

Every part is seven-bit and in lines that any server takes, whatever was put in.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote

from fluenzr_smtp.compose.characters import printable, unfit
from fluenzr_smtp.compose.fields import LINE_OCTETS, malformed
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Attachment, Draft
from fluenzr_smtp.problems import ProblemCode, Stage

LONG_LINE = re.compile(rb"[^\r\n]{%d}" % (LINE_OCTETS + 1))

_OCTET_STREAM = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_UNSAFE_IN_TEXT = re.compile(rb"[^\t\n\x0c -~]")
_SIMPLE_FILENAME = re.compile(
    r"[A-Za-z0-9!#$&'()+,.=@_-](?:[ A-Za-z0-9!#$&'()+,.=@_-]{0,58}[A-Za-z0-9!#$&'()+,.=@_-])?"
)
_FIELD_START = re.compile(rb"[!-9;-~]+:")
_PARAMETER_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Part:
    """A MIME part: its ``Content-…`` fields, each ending in CRLF, and its encoded body."""

    fields: tuple[bytes, ...]
    body: bytes = field(repr=False)


def build_body(draft: Draft, token: str) -> Part:
    """Build the part that holds all that the draft says and carries.

    Raises:
        FluenzrError: `message-malformed`, `header-malformed`.
    """
    texts = tuple(_text_parts(draft))
    main = texts[0] if len(texts) == 1 else _multipart("alternative", texts, token)
    if not draft.attachments:
        return main
    return _multipart("mixed", (main, *map(_attachment_part, draft.attachments)), token)


def crlf(octets: bytes) -> bytes:
    """Write every line end, a lone CR or LF too, as CRLF."""
    return octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def _text_parts(draft: Draft) -> Iterator[Part]:
    if draft.text is not None or draft.html is None:
        yield _text_part("plain", draft.text or "")
    if draft.html is not None:
        yield _text_part("html", draft.html)


def _text_part(subtype: str, text: str) -> Part:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    if lines and not lines.endswith("\n"):
        lines += "\n"
    try:
        octets = lines.encode()
    except UnicodeEncodeError as exc:
        raise failure(ProblemCode.MESSAGE_MALFORMED, Stage.INPUT, reason="not-utf-8", part=subtype) from exc
    if b"\0" in octets:
        raise failure(ProblemCode.MESSAGE_MALFORMED, Stage.INPUT, reason="nul", part=subtype)
    encoding, body = _encoded_text(octets)
    return Part((b'Content-Type: text/%s; charset="utf-8"\r\n' % subtype.encode(), _encoding(encoding)), body)


def _encoded_text(octets: bytes) -> tuple[str, bytes]:
    if not _UNSAFE_IN_TEXT.search(octets) and not LONG_LINE.search(octets):
        return "7bit", crlf(octets)
    printed = binascii.b2a_qp(octets)
    packed = base64.encodebytes(octets)
    if len(printed) <= len(packed):
        return "quoted-printable", crlf(printed)
    return "base64", crlf(packed)


def _encoding(name: str) -> bytes:
    return b"Content-Transfer-Encoding: %s\r\n" % name.encode()


def _attachment_part(attachment: Attachment) -> Part:
    if reason := unfit(attachment.filename) or ("control-character" if "\t" in attachment.filename else None):
        raise malformed("Content-Disposition", reason, filename=printable(attachment.filename))
    media_type = _media_type(attachment)
    disposition = _disposition(attachment.filename)
    if media_type == "message/rfc822":
        message = crlf(attachment.content)
        return Part((b"Content-Type: message/rfc822\r\n", _encoding("7bit"), disposition), message)
    charset = '; charset="utf-8"' if _is_utf8_text(media_type, attachment.content) else ""
    content_type = f"Content-Type: {media_type}{charset}\r\n".encode()
    body = base64.encodebytes(attachment.content).replace(b"\n", b"\r\n")
    return Part((content_type, _encoding("base64"), disposition), body)


def _media_type(attachment: Attachment) -> str:
    media_type = (attachment.media_type or _guessed(attachment.filename)).lower()
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise malformed("Content-Type", "media-type-invalid", filename=printable(attachment.filename))
    if media_type == "message/rfc822" and _is_plain_message(attachment.content):
        return media_type
    # Composite types may not be written as base64 (RFC 2045 §6.4).
    return _OCTET_STREAM if media_type.startswith(("message/", "multipart/")) else media_type


def _guessed(filename: str) -> str:
    """Guess by the last two endings; the name itself is not shown, for it may read like a URL."""
    ending = "".join(PurePosixPath(filename).suffixes[-2:])
    media_type, compression = mimetypes.guess_type(f"file{ending}", strict=True)
    if compression:
        return "application/gzip" if compression == "gzip" else _OCTET_STREAM
    return media_type or _OCTET_STREAM


def _is_plain_message(octets: bytes) -> bool:
    """Say whether a message can travel as it is: seven-bit, no NUL, no long line, with a header."""
    is_wire_safe = octets.isascii() and b"\0" not in octets and not LONG_LINE.search(octets)
    return is_wire_safe and _FIELD_START.match(octets) is not None


def _is_utf8_text(media_type: str, octets: bytes) -> bool:
    if not media_type.startswith("text/") or octets.isascii():
        return False
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _disposition(filename: str) -> bytes:
    start = "Content-Disposition: attachment"
    if not filename:
        return f"{start}\r\n".encode()
    if _SIMPLE_FILENAME.fullmatch(filename) and "=?" not in filename:
        return f'{start};\r\n filename="{filename}"\r\n'.encode()
    return "".join((start, *_extended_filename(filename), "\r\n")).encode()


def _extended_filename(filename: str) -> Iterator[str]:
    """Write a name that is not plain, in numbered pieces where it is long (RFC 2231 §3 and §4)."""
    pieces = [""]
    for char in filename:
        encoded = quote(char, safe="")
        if len(pieces[-1]) + len(encoded) > _PARAMETER_LENGTH:
            pieces.append("")
        pieces[-1] += encoded
    pieces[0] = f"utf-8''{pieces[0]}"
    if len(pieces) == 1:
        yield f";\r\n filename*={pieces[0]}"
        return
    for number, piece in enumerate(pieces):
        yield f";\r\n filename*{number}*={piece}"


def _multipart(subtype: str, parts: Sequence[Part], token: str) -> Part:
    boundary = _boundary(subtype, parts, token)
    pieces: list[bytes] = []
    for part in parts:
        pieces += (b"--", boundary, b"\r\n", *part.fields, b"\r\n", part.body, b"\r\n")
    pieces += (b"--", boundary, b"--\r\n")
    content_type = b'Content-Type: multipart/%s;\r\n boundary="%s"\r\n' % (subtype.encode(), boundary)
    return Part((content_type,), b"".join(pieces))


def _boundary(subtype: str, parts: Sequence[Part], token: str) -> bytes:
    """Return a boundary that stands in no part; the token is random, so the first one nearly always does."""
    attempt = 0
    while True:
        boundary = f"=_{subtype[0]}{attempt}_{token[:50]}".encode()
        if not any(boundary in part.body for part in parts):
            return boundary
        attempt += 1
