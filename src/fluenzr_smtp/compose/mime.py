"""The body of a message: text, HTML and files in MIME parts (RFC 2045, RFC 2046, RFC 2231).

Every part is seven-bit and in lines that any server takes, whatever was put in.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote

from fluenzr_smtp.compose.characters import printable, unfit
from fluenzr_smtp.compose.fields import malformed
from fluenzr_smtp.compose.flowed import flowed
from fluenzr_smtp.content import Base64, Lines, Survey, crlf, joined, long_line
from fluenzr_smtp.content.lines import LINE_OCTETS, normalised
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Attachment, Content, Draft, Octets
from fluenzr_smtp.problems import ProblemCode, Stage

_OCTET_STREAM = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_UNSAFE_IN_TEXT = re.compile(rb"[^\t\n\x0c -~]")
_SIMPLE_FILENAME = re.compile(
    r"[A-Za-z0-9!#$&'()+,.=@_-](?:[ A-Za-z0-9!#$&'()+,.=@_-]{0,58}[A-Za-z0-9!#$&'()+,.=@_-])?"
)
_FIELD_START = re.compile(rb"[!-9;-~]+:")
# What can stand in <…> and, unchanged, in a URL behind "cid:" (RFC 2392 §2); programs leave out the domain.
_CONTENT_ID = re.compile(r"[A-Za-z0-9!$&'*+=_~.-]{1,200}(?:@[A-Za-z0-9.-]{1,200})?")
_PARAMETER_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Part:
    """A MIME part: its ``Content-…`` fields, each ending in CRLF, and its encoded body.

    ``readable`` is what of the body is not base64: where a boundary could stand.
    """

    fields: tuple[bytes, ...]
    body: Content = field(repr=False)
    readable: tuple[Content, ...] = field(default=(), repr=False)


def build_body(draft: Draft, token: str) -> Part:
    """Build the part that holds all that the draft says and carries.

    Images that the HTML names by ``cid:`` are one part with it; without HTML they are attachments.

    Raises:
        FluenzrError: `message-malformed`, `header-malformed`, `file-unreadable`.
    """
    _check_content_ids(draft.attachments)
    has_html = draft.html is not None
    images = [each for each in draft.attachments if each.content_id and has_html]
    attachments = [each for each in draft.attachments if not (each.content_id and has_html)]
    texts = tuple(_text_parts(draft))
    if images:
        texts = (*texts[:-1], _related(texts[-1], images, token))
    main = texts[0] if len(texts) == 1 else _multipart("alternative", texts, token)
    if not attachments:
        return main
    files = (_attachment_part(each, "attachment") for each in attachments)
    return _multipart("mixed", (main, *files), token)


def _check_content_ids(attachments: Iterable[Attachment]) -> None:
    seen: set[str] = set()
    for content_id in (each.content_id for each in attachments if each.content_id):
        if not _CONTENT_ID.fullmatch(content_id):
            raise malformed("Content-ID", "content-id-invalid", content_id=printable(content_id))
        if content_id in seen:
            raise malformed("Content-ID", "duplicate", content_id=content_id)
        seen.add(content_id)


def _related(html: Part, images: Iterable[Attachment], token: str) -> Part:
    """Join the HTML and its images (RFC 2387): the HTML comes first, and its type is told."""
    parts = (html, *(_attachment_part(each, "inline") for each in images))
    return _multipart("related", parts, token, b'; type="text/html"')


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
    encoding, parameter, body = _encoded_text(octets, lines if subtype == "plain" else "")
    content_type = b'Content-Type: text/%s; charset="utf-8"%s\r\n' % (subtype.encode(), parameter)
    content = Octets(body)
    return Part((content_type, _encoding(encoding)), content, (content,))


def _encoded_text(octets: bytes, paragraphs: str) -> tuple[str, bytes, bytes]:
    """Return the transfer encoding, a parameter for Content-Type and the body."""
    if not _UNSAFE_IN_TEXT.search(octets):
        if (short := flowed(paragraphs)) is not None:
            return "7bit", b"; format=flowed", crlf(short.encode())
        if long_line(octets) < 0:
            return "7bit", b"", crlf(octets)
    printed = binascii.b2a_qp(octets)
    packed = base64.encodebytes(octets)
    if len(printed) <= len(packed):
        return "quoted-printable", b"", crlf(printed)
    return "base64", b"", crlf(packed)


def _encoding(name: str) -> bytes:
    return b"Content-Transfer-Encoding: %s\r\n" % name.encode()


def _attachment_part(attachment: Attachment, kind: str) -> Part:
    if reason := unfit(attachment.filename) or ("control-character" if "\t" in attachment.filename else None):
        raise malformed("Content-Disposition", reason, filename=printable(attachment.filename))
    media_type = _media_type(attachment)
    tail = (*_identity(attachment.content_id), _disposition(attachment.filename, kind))
    if media_type == "message/rfc822" and (message := _plain_message(attachment.content)):
        return Part((b"Content-Type: message/rfc822\r\n", _encoding("7bit"), *tail), message, (message,))
    # Composite types may not be written as base64 (RFC 2045 §6.4).
    is_composite = media_type.startswith(("message/", "multipart/"))
    media_type = _OCTET_STREAM if is_composite else media_type
    charset = '; charset="utf-8"' if _is_utf8_text(media_type, attachment.content) else ""
    content_type = f"Content-Type: {media_type}{charset}\r\n".encode()
    return Part((content_type, _encoding("base64"), *tail), Base64(attachment.content))


def _identity(content_id: str) -> tuple[bytes, ...]:
    return (f"Content-ID: <{content_id}>\r\n".encode(),) if content_id else ()


def _media_type(attachment: Attachment) -> str:
    media_type = (attachment.media_type or _guessed(attachment.filename)).lower()
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise malformed("Content-Type", "media-type-invalid", filename=printable(attachment.filename))
    return media_type


def _guessed(filename: str) -> str:
    """Guess by the last two endings; the name itself is not shown, for it may read like a URL."""
    ending = "".join(PurePosixPath(filename).suffixes[-2:])
    import mimetypes  # only attachments need it

    media_type, compression = mimetypes.guess_type(f"file{ending}", strict=True)
    if compression:
        return "application/gzip" if compression == "gzip" else _OCTET_STREAM
    return media_type or _OCTET_STREAM


def _plain_message(content: Content) -> Content | None:
    """Return a message that can travel as it is, its lines in CRLF; None where it cannot.

    It can where it is seven-bit, without NUL and long lines, and has a header.
    """
    survey = Survey()
    start = b""
    for block in normalised(content.blocks()):
        start += block[: LINE_OCTETS - len(start)]
        survey.feed(block)
        if not survey.is_ascii or survey.nul_line or survey.long_line:
            return None
    return Lines(content, survey.size_bytes) if _FIELD_START.match(start) else None


def _is_utf8_text(media_type: str, content: Content) -> bool:
    if not media_type.startswith("text/"):
        return False
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_ascii = True
    try:
        for block in content.blocks():
            is_ascii = is_ascii and block.isascii()
            if not is_ascii:
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return not is_ascii


def _disposition(filename: str, kind: str) -> bytes:
    start = f"Content-Disposition: {kind}"
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


def _multipart(subtype: str, parts: Sequence[Part], token: str, parameter: bytes = b"") -> Part:
    readable = tuple(each for part in parts for each in part.readable)
    boundary = _boundary(subtype, readable, token)
    pieces: list[Content] = []
    for part in parts:
        start = b"".join((b"--", boundary, b"\r\n", *part.fields, b"\r\n"))
        pieces += (Octets(start), part.body, Octets(b"\r\n"))
    pieces.append(Octets(b"--%s--\r\n" % boundary))
    content_type = b'Content-Type: multipart/%s%s;\r\n boundary="%s"\r\n'
    return Part((content_type % (subtype.encode(), parameter, boundary),), joined(pieces), readable)


def _boundary(subtype: str, readable: Sequence[Content], token: str) -> bytes:
    """Return a boundary that stands in no part; the token is random, so the first one nearly always does.

    It holds "_", which is no letter of base64 (RFC 2045 §6.8): only the other parts are searched. The
    boundaries of the parts within begin with the letter of another subtype.
    """
    attempt = 0
    while True:
        boundary = f"=_{subtype[0]}{attempt}_{token[:50]}".encode()
        if not any(_holds(each, boundary) for each in readable):
            return boundary
        attempt += 1


def _holds(content: Content, needle: bytes) -> bool:
    rest = b""
    for block in content.blocks():
        if needle in rest + block[: len(needle)] or needle in block:
            return True
        rest = (rest + block)[1 - len(needle) :]
    return False
