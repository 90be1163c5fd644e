"""Ready-made messages: checked, completed and made fit for the wire, otherwise left as they are.

Only the header is read. The body is never parsed, so that nothing in it can be misread or rewritten. Nor is
it held in memory: it is looked at once for what it needs, and its line ends are made right while it is sent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from fluenzr_smtp.compose import handed
from fluenzr_smtp.compose.addresses import header_addresses, parse_address
from fluenzr_smtp.compose.characters import printable
from fluenzr_smtp.compose.fields import mailbox_field, plain_field
from fluenzr_smtp.compose.handed import HEADER_OCTETS
from fluenzr_smtp.compose.message import build_envelope, build_submission, date_field, new_message_id
from fluenzr_smtp.content import Lines, Survey, long_line
from fluenzr_smtp.content.lines import normalised
from fluenzr_smtp.content.words import decoded
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Content, Mailbox, Octets, Submission
from fluenzr_smtp.problems import FactValue, ProblemCode, Stage

START_OCTETS = 2 * HEADER_OCTETS  # holds an mbox line and the header

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
_ADDRESS_LISTS = frozenset({"to", "cc", "reply-to"})
_BLIND_FIELDS = frozenset({"bcc", "resent-bcc"})
_RECIPIENT_FIELDS = frozenset({"to", "cc", "bcc"})
_RESENT_FIELDS = frozenset({"resent-to", "resent-cc", "resent-bcc"})

_FIELD_START = re.compile(rb"([!-9;-~]+):")
_HEADER_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MBOX_START = re.compile(rb"From (?! *:)[^\r\n]*\r\n")
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


@dataclass(frozen=True, slots=True)
class _Message:
    """A message in two, with CRLF line ends only; ``line`` is the number of the header's first one."""

    header: bytes = field(repr=False)
    body: Content
    line: int
    survey: Survey
    """Of the body."""


def from_raw(
    content: Content | bytes,
    *,
    mail_from: str,
    recipients: Sequence[str] | None,
    default_from: Mailbox,
    now: datetime,
    token: str,
    extra: Sequence[str] = (),
    is_handed: bool = False,
) -> Submission:
    """Make a ready-made message fit for submission.

    Line ends become CRLF (CR CR LF is one), an mbox "From " line and the blind copies go, missing Date,
    Message-ID and From fields come last in the header. Everything else keeps its octets: U+0085 and U+2028 in
    a header too, which end a line for some programs but not in mail.

    Args:
        content: The message, header and body. It is read twice: now, and when it is sent.
        mail_from: The envelope's sender.
        recipients: The envelope's recipients; None: those named in To, Cc and Bcc, or in the Resent- fields
            where there are any, as ``sendmail -t`` does.
        default_from: The author where the message names none.
        now: The time for a missing Date field, aware.
        token: Random text for a missing Message-ID: 1 to 64 of ``A-Z a-z 0-9 _ -``.
        extra: Further recipients.
        is_handed: Whether it was handed over as to sendmail: names without a domain, such as cron's
            ``root``, are users of this machine whose mail is the author's own, and what a mail server of
            this machine would see to is seen to (``compose.handed``).

    Raises:
        FluenzrError: `message-malformed`, `message-line-too-long`, `address-malformed`, `input-required`,
            `file-unreadable`.
    """
    octets = Octets(content) if isinstance(content, bytes) else content
    message = _message(octets, is_handed=is_handed, needs_header=recipients is None)
    fields = list(_fields(message.header, message.line))
    if is_handed:
        recipients = None if recipients is None else _at_home(recipients, default_from)
        extra = _at_home(extra, default_from)
        fields, message = _fit(_merged(fields), message, default_from)
    _refuse_duplicates(fields)
    sender = parse_address(mail_from)
    named = _named_recipients(fields) if recipients is None else tuple(map(parse_address, recipients))
    envelope = build_envelope(sender, (*named, *map(parse_address, extra)))

    kept = [each for each in fields if each.name not in _BLIND_FIELDS]
    _refuse_long_lines(kept, message.survey)
    message_id = _message_id(kept) or new_message_id(token, sender)
    header = [each.octets for each in kept]
    header += _missing_fields({each.name for each in kept}, message_id, now, default_from)
    made = build_submission(
        envelope,
        message_id,
        b"".join(header),
        message.body,
        has_eight_bit_body=not message.survey.is_ascii,
    )
    return replace(made, subject=next((decoded(each.value) for each in kept if each.name == "subject"), ""))


def author(content: Content) -> str:
    """Return the first address of the From field, empty where there is none that can be read."""
    lines, _ = _start(normalised(content.blocks(), merges_doubled=True))
    try:
        start, end = _header_place(lines, is_whole=True, ends_early=True)
        header = handed.as_utf8(lines[start:end])
        found = (each for each in _fields(header, 1) if each.name == "from")
        return next((address for each in found for address in header_addresses(each.value)), "")
    except FluenzrError:  # what is wrong is told when the message is made
        return ""


def _at_home(recipients: Sequence[str], home: Mailbox) -> Sequence[str]:
    return [address for each in recipients for address in handed.recipients_at_home(each, home)]


def _merged(fields: Sequence[_Field]) -> list[_Field]:
    """Return one field for what a program wrote twice, as PHP does with a To among the additional headers."""
    merged: list[_Field] = []
    place: dict[str, int] = {}
    for each in fields:
        at = place.setdefault(each.name, len(merged))
        if at == len(merged) or each.name not in _SINGLE_FIELDS:
            merged.append(each)
        elif not merged[at].value:
            merged[at] = each
        elif not each.value or each.value == merged[at].value:
            continue
        elif each.name in _ADDRESS_LISTS:
            more = each.octets.partition(b":")[2].lstrip()
            merged[at] = replace(
                merged[at], octets=merged[at].octets.removesuffix(b"\r\n") + b",\r\n " + more
            )
        else:
            merged.append(each)  # nobody can say which one is meant
    return merged


def _fit(fields: Sequence[_Field], message: _Message, home: Mailbox) -> tuple[list[_Field], _Message]:
    """Return what a mail server of this machine would make of a message that a program handed over."""
    fit = [
        replace(each, octets=handed.fit_field(each.name, each.octets, each.value, home)) for each in fields
    ]
    if message.survey.long_line is None:
        return fit, message
    encoded = handed.quoted_printable({each.name: each.value for each in fields}, message.body)
    if encoded is None:
        return fit, message
    added, body = encoded
    kept = [each for each in fit if each.name != "content-transfer-encoding"]
    return [*kept, *(_field(octets, 0) for octets in added)], replace(message, body=body, survey=Survey())


def _malformed(reason: str, **facts: FactValue) -> FluenzrError:
    return failure(ProblemCode.MESSAGE_MALFORMED, Stage.INPUT, None, reason=reason, **facts)


def _message(content: Content, *, is_handed: bool, needs_header: bool) -> _Message:
    blocks = normalised(content.blocks(), merges_doubled=True)
    lines, rest = _start(blocks)
    if b"\0" in lines:
        raise _malformed("nul", line=lines[: lines.index(b"\0")].count(b"\n") + 1)
    if not rest and not lines.strip():
        raise _malformed("empty")
    if not rest and not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    start, end = _header_place(lines, is_whole=not rest, ends_early=is_handed and not needs_header)
    offset = end + 2 if lines.startswith(b"\r\n", end) else end
    header = handed.as_utf8(lines[start:end]) if is_handed else lines[start:end]

    survey = Survey(lines.count(b"\n", 0, offset) + 1)
    for block in chain((lines[offset:] + rest,), blocks):
        survey.feed(block)
        if survey.nul_line is not None:
            raise _malformed("nul", line=survey.nul_line)
    first_line = lines.count(b"\n", 0, start) + 1
    if not rest:
        return _Message(header, Octets(lines[offset:]), first_line, survey)
    line_end = b"" if survey.ends_in_line_end else b"\r\n"
    size = survey.size_bytes + len(line_end)
    body = Lines(content, size, merges_doubled=True, offset=offset, end=line_end)
    return _Message(header, body, first_line, survey)


def _start(blocks: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Return as many octets as hold any header, and what else was in their last block."""
    start = bytearray()
    for block in blocks:
        start += block
        if len(start) > START_OCTETS:
            break
    return bytes(start[:START_OCTETS]), bytes(start[START_OCTETS:])


def _header_place(lines: bytes, *, is_whole: bool, ends_early: bool) -> tuple[int, int]:
    """Return where the header begins and ends in the start of a message.

    ``ends_early``: the first line that is no field begins the text, unless a blind copy would be shown in it.
    """
    mbox = _MBOX_START.match(lines)
    start = mbox.end() if mbox else 0
    if ends_early and (end := handed.header_end(lines, start)) is not None:
        return start, end
    end = _header_end(lines, start)
    if end - start > HEADER_OCTETS or (end == len(lines) and not is_whole):
        raise _malformed("header-too-long")
    if start == end and _STRAY_FIELD.match(lines, end):  # a Bcc among them would be shown to everybody
        raise _malformed("header-empty", line=2 if mbox else 1)
    return start, end


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


def _refuse_long_lines(fields: Sequence[_Field], body: Survey) -> None:
    for each in fields:
        if (start := long_line(each.octets)) >= 0:
            raise _line_too_long(each.line + each.octets.count(b"\n", 0, start))
    if body.long_line is not None:
        raise _line_too_long(body.long_line)


def _line_too_long(line: int) -> FluenzrError:
    return failure(ProblemCode.MESSAGE_LINE_TOO_LONG, Stage.INPUT, line=line)


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
