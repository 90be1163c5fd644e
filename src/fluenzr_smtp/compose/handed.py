"""Messages that programs hand over as to sendmail, written for a mail server of their own machine.

Such a server completes what they leave out: ``root`` is somebody here, a header may hold plain 8-bit text,
a text may come without any header, and its lines may be of any length. A provider takes none of that.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping

from fluenzr_smtp.compose.addresses import header_addresses
from fluenzr_smtp.compose.fields import mailbox_field, text_field
from fluenzr_smtp.content import crlf
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Content, Mailbox, Octets

HEADER_OCTETS = 1_048_576

ENCODED_LIMIT_BYTES = 64 * 1024 * 1024
"""The longest body whose long lines are encoded: this is done in memory."""

_AUTHORS = frozenset({"from", "sender", "reply-to"})
_ADDRESSES = _AUTHORS | {"to", "cc", "bcc"}
_TEXTS = frozenset({"subject", "comments", "keywords", "organization"})
_HERE = frozenset({"localhost", "localhost.localdomain"})
_ENCODING = "content-transfer-encoding"
_AS_IT_IS = frozenset({"7bit", "8bit", "binary"})

_FIELD_LINES = re.compile(rb"(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*+)*+")
_BLIND_COPY = re.compile(rb"(?:[ \t]*\r\n)*+(?:(?!\r\n)[^\n]*\n)*?(?:resent-)?bcc[ \t]*:", re.IGNORECASE)
_ITEM = re.compile(r'(?:"(?:[^"\\]|\\.)*"|\((?:[^()\\]|\\.)*\)|[^,"()])+')
_LOCAL_PART = re.compile(r"[A-Za-z0-9._+-]+")
_NOTE = r"(?:[ \t]*\((?P<note>[^()]*)\))?"
_BARE = re.compile(rf'(?P<spec>[^\s<>"(),:;]+){_NOTE}')
_NAMED = re.compile(rf'(?P<name>"(?:[^"\\]|\\.)*+"[ \t]*+|[^"<>@:;()]*+)<(?P<spec>[^\s<>":;]+)>{_NOTE}')


def header_end(lines: bytes, start: int) -> int | None:
    """Return where the first line stands that is no header field, if the text may begin there.

    None: the fields end as they should, or too late, or a blind copy behind that line would be shown to
    everybody.
    """
    found = _FIELD_LINES.match(lines, start)
    end = start if found is None else found.end()
    if end > start and (end == len(lines) or lines.startswith(b"\r\n", end)):
        return None
    is_too_late = end - start > HEADER_OCTETS
    return None if is_too_late or _BLIND_COPY.match(lines, end) else end


def as_utf8(header: bytes) -> bytes:
    """Read the lines that are no UTF-8 as Windows-1252, which older programs mean."""
    lines = header.split(b"\r\n")
    return b"\r\n".join(
        each if _is_utf8(each) else each.decode("cp1252", "replace").encode() for each in lines
    )


def fit_field(name: str, octets: bytes, value: str, home: Mailbox) -> bytes:
    """Return a header field as a provider takes it: addresses that mean something elsewhere, ASCII only.

    Args:
        name: Its name in lower case.
        octets: The field as it came.
        value: Its unfolded value.
        home: Whose mail is that of all users of this machine.
    """
    label = octets.partition(b":")[0].decode()
    if name in _ADDRESSES:
        value = at_home(value, home, is_author=name in _AUTHORS)
        return f"{label}: {value}\r\n".encode() if value else octets
    if not octets.isascii() and (name in _TEXTS or name.startswith("x-")):
        try:
            return text_field(label, value)
        except FluenzrError:  # better as it came than not at all
            return octets
    return octets


def at_home(value: str, home: Mailbox, *, is_author: bool = False) -> str:
    """Return the value of an address field with users of this machine at ``home``; empty: nothing changes.

    An author's domain without a dot is this machine's name: nobody could answer there. A recipient's may
    be a mail server nearby, unless it is ``localhost``.
    """
    # A group, which no program writes to users here, or a quote without its end.
    if ";" in value or _ITEM.sub("", value).strip(","):
        return ""
    items = [each.strip() for each in _ITEM.findall(value)]
    fit = [_item_at_home(each, home, is_author=is_author) for each in items]
    return "" if fit == items else ",\r\n ".join(filter(None, fit))


def recipients_at_home(text: str, home: Mailbox) -> tuple[str, ...]:
    """Return the addresses of one word of a command line, which may hold several.

    Raises:
        FluenzrError: `address-malformed`.
    """
    return header_addresses((at_home(text, home) or text).replace("\r\n", ""))


def _item_at_home(item: str, home: Mailbox, *, is_author: bool) -> str:
    found = _NAMED.fullmatch(item) or _BARE.fullmatch(item)
    if found is None:
        return item
    parts = found.groupdict()
    spec, name = parts["spec"], (parts.get("name") or "").strip()
    is_local = _is_local(spec, is_author=is_author)
    if not is_local and item.isascii():
        return item
    address = home.address if is_local else spec
    if name and name.isascii():
        return f"{name} <{address}>"
    shown = _unquoted(name) or parts["note"] or (spec.partition("@")[0] if is_local else "")
    try:
        written = mailbox_field("To", (Mailbox(address=address, name=shown),))
    except FluenzrError:  # a name that cannot be written is not worth a message
        return address
    return written.decode().removeprefix("To: ").removesuffix("\r\n")


def _is_local(spec: str, *, is_author: bool) -> bool:
    local_part, at, domain = spec.partition("@")
    if not _LOCAL_PART.fullmatch(local_part):
        return False
    if not at or domain.lower() in _HERE:
        return True
    return is_author and _LOCAL_PART.fullmatch(domain) is not None and "." not in domain


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def quoted_printable(values: Mapping[str, str], body: Content) -> tuple[tuple[bytes, ...], Content] | None:
    """Return a text with short lines and the MIME fields that say how; None where that cannot be.

    Args:
        values: The values of the header's fields by their names in lower case.
        body: The text.
    """
    media_type = values.get("content-type", "text/plain").lower()
    encoding = values.get(_ENCODING, "7bit").lower()
    is_text = media_type.startswith("text/") and encoding in _AS_IT_IS
    if not is_text or body.size_bytes > ENCODED_LIMIT_BYTES:
        return None
    octets = body.whole().replace(b"\r\n", b"\n")
    charset = b"utf-8" if _is_utf8(octets) else b"unknown-8bit"  # RFC 1428 §3
    wanted = {
        "mime-version": b"MIME-Version: 1.0\r\n",
        "content-type": b'Content-Type: text/plain; charset="%b"\r\n' % charset,
    }
    added = tuple(octets for name, octets in wanted.items() if name not in values)
    field = b"Content-Transfer-Encoding: quoted-printable\r\n"
    return (*added, field), Octets(crlf(binascii.b2a_qp(octets)))


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True
