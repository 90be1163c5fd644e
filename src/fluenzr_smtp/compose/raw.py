"""Ready-made messages: checked, completed and made fit for the wire, otherwise left as they are.

Only the header is read. The body is never parsed, so that nothing in it can be misread or rewritten.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fluenzr_smtp.compose.addresses import header_addresses, parse_address
from fluenzr_smtp.compose.characters import printable
from fluenzr_smtp.compose.fields import mailbox_field, plain_field
from fluenzr_smtp.compose.message import build_envelope, build_submission, date_field, new_message_id
from fluenzr_smtp.compose.mime import LONG_LINE, crlf
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Mailbox, Submission
from fluenzr_smtp.problems import FactValue, ProblemCode, Stage

HEADER_OCTETS = 1_048_576

# RFC 5322 §3.6: at most one of each.
_SINGLE_FIELDS = (
    "date",
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "message-id",
    "in-reply-to",
    "references",
    "subject",
)
_BLIND_FIELDS = frozenset({"bcc", "resent-bcc"})
_RECIPIENT_FIELDS = frozenset({"to", "cc", "bcc"})
_RESENT_FIELDS = frozenset({"resent-to", "resent-cc", "resent-bcc"})

_FIELD_START = re.compile(rb"([!-9;-~]+):")
_HEADER_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MBOX_START = re.compile(rb"From (?! *:)[^\r\n]*\r\n")
# Many servers take CR CR LF for one line end. Read as two, it would end the header at its first line.
_DOUBLED_CR = re.compile(rb"(?<!\r)\r\r++\n")
# The lookahead lets the address of a web page be a text's first line.
_STRAY_FIELD = re.compile(rb"(?:[ \t]*\r\n)*+[!-9;-~]+[ \t]*:(?!//)")
_ANY_ID = re.compile(r"<[^<>\s]+>")


@dataclass(frozen=True, slots=True)
class _Field:
    """A header field as it came: ``name`` in lower case, ``octets`` with all its lines and their CRLF."""

    name: str
    octets: bytes = field(repr=False)
    line: int

    @property
    def value(self) -> str:
        """The unfolded value (RFC 5322 §2.2.3)."""
        return self.octets.decode().partition(":")[2].replace("\r\n", "").strip(" \t")


def from_raw(
    content: bytes,
    *,
    mail_from: str,
    recipients: Sequence[str] | None,
    default_from: Mailbox,
    now: datetime,
    token: str,
    extra: Sequence[str] = (),
) -> Submission:
    """Make a ready-made message fit for submission.

    Line ends become CRLF (CR CR LF is one), an mbox "From " line and the blind copies go, missing Date,
    Message-ID and From fields come last in the header. Everything else keeps its octets: U+0085 and U+2028 in
    a header too, which end a line for some programs but not in mail.

    Args:
        content: The message, header and body.
        mail_from: The envelope's sender.
        recipients: The envelope's recipients; None: those named in To, Cc and Bcc, or in the Resent- fields
            where there are any, as ``sendmail -t`` does.
        default_from: The author where the message names none.
        now: The time for a missing Date field, aware.
        token: Random text for a missing Message-ID: 1 to 64 of ``A-Z a-z 0-9 _ -``.
        extra: Further recipients.

    Raises:
        FluenzrError: `message-malformed`, `message-line-too-long`, `address-malformed`, `input-required`.
    """
    header, body, first_line = _split(content)
    fields = tuple(_fields(header, first_line))
    _refuse_duplicates(fields)
    sender = parse_address(mail_from)
    named = _named_recipients(fields) if recipients is None else tuple(map(parse_address, recipients))
    envelope = build_envelope(sender, (*named, *map(parse_address, extra)))

    kept = [each for each in fields if each.name not in _BLIND_FIELDS]
    _refuse_long_lines(kept, body, body_line=first_line + header.count(b"\n") + 1)
    message_id = _message_id(kept) or new_message_id(token, sender)
    octets = [each.octets for each in kept]
    octets += _missing_fields({each.name for each in kept}, message_id, now, default_from)
    return build_submission(envelope, message_id, b"".join(octets), body)


def _malformed(reason: str, **facts: FactValue) -> FluenzrError:
    return failure(ProblemCode.MESSAGE_MALFORMED, Stage.INPUT, None, reason=reason, **facts)


def _split(content: bytes) -> tuple[bytes, bytes, int]:
    """Return header and body with CRLF line ends only, and the number of the header's first line."""
    if b"\0" in content:
        raise _malformed("nul", line=content[: content.index(b"\0")].count(b"\n") + 1)
    if not content.strip():
        raise _malformed("empty")
    lines = crlf(_DOUBLED_CR.sub(b"\n", content))
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    mbox = _MBOX_START.match(lines)
    start = mbox.end() if mbox else 0
    end = _header_end(lines, start)
    if end - start > HEADER_OCTETS:
        raise _malformed("header-too-long")
    first_line = 2 if mbox else 1
    if start == end and _STRAY_FIELD.match(lines, end):  # a Bcc among them would be shown to everybody
        raise _malformed("header-empty", line=first_line)
    return lines[start:end], lines[end + 2 :], first_line


def _header_end(lines: bytes, start: int) -> int:
    """Return where the empty line stands, or the end of a message without a body."""
    if lines.startswith(b"\r\n", start):
        return start
    blank = lines.find(b"\r\n\r\n", start)
    return len(lines) if blank < 0 else blank + 2


def _fields(header: bytes, first_line: int) -> Iterator[_Field]:
    if control := _HEADER_CONTROL.search(header):
        raise _malformed("control-character", line=first_line + header.count(b"\n", 0, control.start()))
    start, line = 0, first_line
    while start < len(header):
        end = _field_end(header, start)
        yield _field(header[start:end], line)
        line += header.count(b"\n", start, end)
        start = end


def _field_end(header: bytes, start: int) -> int:
    end = header.index(b"\n", start) + 1
    while header.startswith((b" ", b"\t"), end):
        end = header.index(b"\n", end) + 1
    return end


def _field(octets: bytes, line: int) -> _Field:
    name = _FIELD_START.match(octets)
    if name is None:
        has_colon = b":" in octets.partition(b"\r\n")[0]
        raise _malformed("field-name-invalid" if has_colon else "no-colon", line=line)
    try:
        octets.decode()
    except UnicodeDecodeError as exc:
        raise _malformed("not-utf-8", line=line, header=printable(name[1].decode())) from exc
    return _Field(name[1].decode().lower(), octets, line)


def _refuse_duplicates(fields: Sequence[_Field]) -> None:
    count = Counter(each.name for each in fields)
    for name in _SINGLE_FIELDS:
        if count[name] > 1:
            raise _malformed("duplicate-field", header=name)


def _named_recipients(fields: Sequence[_Field]) -> tuple[str, ...]:
    resent = [each for each in fields if each.name in _RESENT_FIELDS]
    sources = resent or [each for each in fields if each.name in _RECIPIENT_FIELDS]
    return tuple(address for each in sources for address in header_addresses(each.value))


def _refuse_long_lines(fields: Sequence[_Field], body: bytes, *, body_line: int) -> None:
    for octets, line in (*((each.octets, each.line) for each in fields), (body, body_line)):
        if found := LONG_LINE.search(octets):
            number = line + octets.count(b"\n", 0, found.start())
            raise failure(ProblemCode.MESSAGE_LINE_TOO_LONG, Stage.INPUT, line=number)


def _message_id(fields: Sequence[_Field]) -> str | None:
    for each in fields:
        if each.name == "message-id":
            if not _ANY_ID.fullmatch(each.value):
                raise _malformed("message-id-invalid", header="Message-ID", line=each.line)
            return each.value
    return None


def _missing_fields(
    present: set[str], message_id: str, now: datetime, default_from: Mailbox
) -> Iterator[bytes]:
    if "date" not in present:
        yield date_field(now)
    if "from" not in present:
        author = Mailbox(address=parse_address(default_from.address), name=default_from.name)
        yield mailbox_field("From", (author,))
    if "message-id" not in present:
        yield plain_field("Message-ID", message_id)
