"""A message with 8-bit octets for a server that takes none: its parts encoded anew (RFC 6152 §3, RFC 2045).

Only what must change does: the bodies that hold 8-bit octets, their transfer encoding, and the one told by
the parts around them. A signature over the octets breaks nevertheless. PGP and S/MIME signatures are seen
(multipart/signed), and such a message is refused. A DKIM signature that came with a ready-made message is
not valid any more, which receivers take as none (RFC 6376 §5.3 tells signers to encode first, §6.1).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fluenzr_smtp.content import crlf
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Octets, Submission
from fluenzr_smtp.problems import ProblemCode, Stage

LIMIT_BYTES = 64 * 1024 * 1024
"""The biggest message that is encoded anew: this is done in memory."""

_DEPTH = 50
_MESSAGE, _PLAIN = "message/rfc822", "text/plain"
_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:(.*\r\n(?:[ \t].*\r\n)*)", re.MULTILINE)
_TYPE = re.compile(rb"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:;|\Z)")
_BOUNDARY = re.compile(
    rb';\s*boundary\s*=\s*(?:"((?:[^"\\\r\n]|\\.)*)"|([^\s;"()<>@,]+))\s*(?=;|\Z)', re.IGNORECASE
)
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_AS_IT_IS = frozenset({b"", b"7bit", b"8bit", b"binary"})


def seven_bit(submission: Submission) -> Submission:
    """Return the same message without 8-bit octets in its bodies.

    Texts become quoted-printable, everything else base64. A message without MIME fields becomes one of
    ``text/plain``, in UTF-8 where it is, else in ``unknown-8bit`` (RFC 1428 §3). 8-bit octets in the header
    stay, and the need for SMTPUTF8 with them.

    Raises:
        FluenzrError: ``eight-bit-not-offered`` with a reason: ``signed``; ``structure`` where the parts
            cannot be told apart; ``encoding`` where a part is not in the encoding it names; ``header`` for
            8-bit octets in the header of a part; ``too-big`` above ``LIMIT_BYTES``; ``file-unreadable``.
    """
    if not submission.needs_eight_bit:
        return submission
    if submission.content.size_bytes > LIMIT_BYTES:
        raise _impossible("too-big")
    octets = _message(submission.content.whole(), ())
    return replace(submission, content=Octets(octets), needs_eight_bit=not octets.isascii())


@dataclass(frozen=True, slots=True)
class _Entity:
    """A message or a part: its header with the CRLF of each field, the line behind it, and its body."""

    header: bytes
    gap: bytes
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        """Return what the fields of that name, in lower case, hold."""
        fields = _FIELD.finditer(self.header)
        return [each[2].replace(b"\r\n", b"").strip() for each in fields if each[1].lower() == name]

    def media_type(self, default: str) -> str:
        """Return the media type in lower case, the default where none is told."""
        values = self.values(b"content-type")
        if not values:
            return default
        if found := _TYPE.match(values[0]):
            return found[1].decode().lower()
        if b"multipart" in values[0].lower() or b"message" in values[0].lower():
            raise _impossible("structure")
        return _PLAIN  # RFC 2045 §5.2

    def encoded(self, encoding: bytes, body: bytes, added: bytes = b"") -> bytes:
        """Return the entity with another body; the transfer encoding is told where it was, or last."""
        field = b"Content-Transfer-Encoding: %s\r\n" % encoding
        pieces, position, is_told = [], 0, False
        for each in _FIELD.finditer(self.header):
            if each[1].lower() == b"content-transfer-encoding":
                pieces += [self.header[position : each.start()], b"" if is_told else field]
                position, is_told = each.end(), True
        pieces += [self.header[position:], added, b"" if is_told else field]
        return b"".join((*pieces, self.gap or b"\r\n", body))


def _message(octets: bytes, enclosing: Sequence[bytes]) -> bytes:
    """Encode a message; ``enclosing`` are the boundaries around it."""
    entity = _split(octets)
    if entity.body.isascii():
        return octets
    names = {each[1].lower() for each in _FIELD.finditer(entity.header)}
    if b"mime-version" in names:
        return _entity(entity, _PLAIN, enclosing)
    version = b"MIME-Version: 1.0\r\n"
    if any(each.startswith(b"content-") for each in names):
        return _entity(entity, _PLAIN, enclosing, version)
    charset = b"utf-8" if _is_utf8(entity.body) else b"unknown-8bit"
    return _entity(
        entity, _PLAIN, enclosing, version + b'Content-Type: text/plain; charset="%s"\r\n' % charset
    )


def _part(octets: bytes, default: str, enclosing: Sequence[bytes]) -> bytes:
    entity = _split(octets)
    if not entity.header.isascii():
        raise _impossible("header")
    if _FIELD.sub(b"", entity.header):  # not a header to everybody: some readers take it for the text
        raise _impossible("structure")
    return octets if entity.body.isascii() else _entity(entity, default, enclosing)


def _entity(entity: _Entity, default: str, enclosing: Sequence[bytes], added: bytes = b"") -> bytes:
    """Encode an entity whose body holds 8-bit octets."""
    if len(enclosing) > _DEPTH:
        raise _impossible("structure")
    encodings = {each.lower() for each in entity.values(b"content-transfer-encoding")}
    if len(entity.values(b"content-type")) > 1 or not encodings <= _AS_IT_IS:
        raise _impossible("encoding" if len(encodings) == 1 else "structure")
    media_type = entity.media_type(default)
    if media_type == "multipart/signed":
        raise _impossible("signed")
    if media_type.startswith("multipart/"):
        return entity.encoded(b"7bit", _multipart(entity, media_type, enclosing), added)
    if media_type == _MESSAGE:
        inner = _split(entity.body)
        if not inner.header.isascii():
            raise _impossible("header")
        return entity.encoded(b"7bit", _message(entity.body, (*enclosing, b"")), added)
    if media_type.startswith("message/"):  # must not be encoded (RFC 2046 §5.2)
        raise _impossible("structure")
    return _leaf(entity, media_type, enclosing, added)


def _leaf(entity: _Entity, media_type: str, enclosing: Sequence[bytes], added: bytes) -> bytes:
    if media_type.startswith("text/"):
        printed = crlf(binascii.b2a_qp(entity.body.replace(b"\r\n", b"\n")))
        # A soft line break may bring to the start of a line what reads like a boundary there.
        if not any(each and _delimiter(each).search(printed) for each in enclosing):
            return entity.encoded(b"quoted-printable", printed, added)
    return entity.encoded(b"base64", crlf(base64.encodebytes(entity.body)), added)


def _multipart(entity: _Entity, media_type: str, enclosing: Sequence[bytes]) -> bytes:
    boundary = _boundary(entity.values(b"content-type")[0])
    default = _MESSAGE if media_type == "multipart/digest" else _PLAIN
    pieces, is_open, position = [], False, 0
    for mark in _delimiter(boundary).finditer(entity.body):
        piece = entity.body[position : mark.start()]
        pieces += [_within(piece, default, (*enclosing, boundary)) if is_open else _around(piece), mark[0]]
        position, is_open = mark.end(), not mark[1]
        if not is_open:
            break
    if not pieces:
        raise _impossible("structure")
    rest = entity.body[position:]
    pieces.append(_within(rest, default, (*enclosing, boundary)) if is_open else _around(rest))
    return b"".join(pieces)


def _within(piece: bytes, default: str, enclosing: Sequence[bytes]) -> bytes:
    """Encode what stands between two delimiters; the CRLF before it ends the first one."""
    if piece.isascii():
        return piece
    return b"\r\n" + _part(piece.removeprefix(b"\r\n"), default, enclosing)


def _around(piece: bytes) -> bytes:
    """Return what stands before or behind all parts, which nobody sees and no encoding covers."""
    if not piece.isascii():
        raise _impossible("structure")
    return piece


def _boundary(value: bytes) -> bytes:
    found = list(_BOUNDARY.finditer(value))
    outside = _QUOTED.sub(b"", value)
    if len(found) != 1 or b"(" in outside:  # a comment may hide what programs read differently
        raise _impossible("structure")
    quoted, plain = found[0].groups()
    boundary = plain if quoted is None else re.sub(rb"\\(.)", rb"\1", quoted)
    if not boundary.strip() or not boundary.isascii():
        raise _impossible("structure")
    return boundary.rstrip()


def _delimiter(boundary: bytes) -> re.Pattern[bytes]:
    """Match the line between parts, with the CRLF before it, which belongs to it (RFC 2046 §5.1.1)."""
    return re.compile(rb"(?:\A|\r\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r\n|\Z)")


def _split(octets: bytes) -> _Entity:
    if octets.startswith(b"\r\n"):
        return _Entity(b"", b"\r\n", octets[2:])
    header, gap, body = octets.partition(b"\r\n\r\n")
    if not gap:
        return _Entity(octets, b"", b"")
    return _Entity(header + b"\r\n", b"\r\n", body)


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _impossible(reason: str) -> FluenzrError:
    return failure(ProblemCode.EIGHT_BIT_NOT_OFFERED, Stage.MESSAGE, reason=reason)
