"""From a draft to a message ready for submission (RFC 5322, RFC 6531)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.parser import BytesHeaderParser
from email.utils import format_datetime

from fluenzr_smtp.compose.addresses import distinct, domain_of, parse_address
from fluenzr_smtp.compose.fields import (
    added_field,
    check_header,
    check_reference,
    check_text,
    mailbox_field,
    malformed,
    plain_field,
    refuse_repeated_ids,
    text_field,
    unsubscribe_fields,
)
from fluenzr_smtp.compose.mime import build_body
from fluenzr_smtp.content import joined
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Content, Draft, Envelope, Mailbox, Octets, Priority, Submission
from fluenzr_smtp.problems import ProblemCode, Stage

Field = tuple[str, bytes]

# Importance (RFC 2156 §5.3.9), X-Priority (a habit of mail programs), Priority (RFC 2156 §5.3.6).
_RANKS = {
    Priority.HIGH: ("high", "1 (Highest)", "urgent"),
    Priority.LOW: ("low", "5 (Lowest)", "non-urgent"),
}
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


def compose(draft: Draft, *, now: datetime, token: str) -> Submission:
    """Build the message that a person asked for; the same arguments give the same bytes.

    Args:
        draft: What to send and to whom. Addresses are checked again here.
        now: The time for the Date field where the draft has none, aware, in the zone that it should show.
        token: Random text for Message-ID and MIME boundaries: 1 to 64 of ``A-Z a-z 0-9 _ -``.

    Raises:
        FluenzrError: `address-malformed`, `header-malformed`, `message-malformed`, `input-required`.
    """
    (sender,) = _checked((draft.sender,))
    to, cc, bcc = _checked(draft.to), _checked(draft.cc), _checked(draft.bcc)
    envelope = build_envelope(sender.address, (mailbox.address for mailbox in (*to, *cc, *bcc)))
    refuse_repeated_ids(draft.headers)
    optional = tuple(_optional_fields(draft))
    _refuse_set_twice(draft)
    message_id = _own_message_id(draft) or new_message_id(token, sender.address)
    body = build_body(draft, token)

    fields = [
        ("Date", date_field(draft.date or now)),
        ("From", mailbox_field("From", (sender,))),
        *_destination_fields(to, cc),
        *optional,
        ("Message-ID", plain_field("Message-ID", message_id)),
        *((name, added_field(name, value)) for name, value in draft.headers if not _is_message_id(name)),
        ("MIME-Version", plain_field("MIME-Version", "1.0")),
        *((line.partition(b":")[0].decode(), line) for line in body.fields),
    ]
    header = _joined(fields)
    return replace(build_submission(envelope, message_id, header, body.body), subject=draft.subject)


def build_envelope(mail_from: str, recipients: Iterable[str]) -> Envelope:
    """Build the envelope of checked addresses; whoever is named twice is in it once.

    Raises:
        FluenzrError: `input-required` where nobody is named.
    """
    once = distinct(recipients)
    if not once:
        raise failure(ProblemCode.INPUT_REQUIRED, Stage.INPUT, options=("--to",))
    return Envelope(mail_from=mail_from, recipients=once)


def build_submission(
    envelope: Envelope, message_id: str, header: bytes, body: Content, *, has_eight_bit_body: bool = False
) -> Submission:
    """Join header and body and note which extensions the server must offer for them."""
    addresses = (envelope.mail_from, *envelope.recipients)
    is_international = not (header.isascii() and all(map(str.isascii, addresses)))
    return Submission(
        envelope=envelope,
        message_id=message_id,
        content=joined((Octets(header + b"\r\n"), body)),
        needs_smtputf8=is_international,
        needs_eight_bit=has_eight_bit_body or not header.isascii(),
    )


def new_message_id(token: str, sender: str) -> str:
    """Return a Message-ID in the sender's domain (RFC 5322 §3.6.4)."""
    if not _TOKEN.fullmatch(token):
        raise ValueError("a token is 1 to 64 letters, digits, '_' and '-'")
    return f"<{token}@{domain_of(sender)}>"


def date_field(now: datetime) -> bytes:
    """Write the Date field with the offset of the given, aware time."""
    offset = now.utcoffset()
    if offset is None:
        raise ValueError("the Date field needs an aware time")
    if offset % timedelta(minutes=1):  # local mean time, which the field cannot say
        now = now.astimezone(UTC)
    return plain_field("Date", format_datetime(now))


def _checked(mailboxes: Sequence[Mailbox]) -> tuple[Mailbox, ...]:
    return tuple(Mailbox(address=parse_address(each.address), name=each.name) for each in mailboxes)


def _is_message_id(name: str) -> bool:
    return name.lower() == "message-id"


def _own_message_id(draft: Draft) -> str | None:
    for name, value in draft.headers:
        if _is_message_id(name):
            return check_header(name, value)[1]
    return None


def _destination_fields(to: Sequence[Mailbox], cc: Sequence[Mailbox]) -> Iterator[Field]:
    if to:
        yield "To", mailbox_field("To", to)
    if cc:
        yield "Cc", mailbox_field("Cc", cc)
    if not to and not cc:
        # Blind copies only: an empty group says so (RFC 5322 §3.4), a missing field looks like spam.
        yield "To", plain_field("To", "undisclosed-recipients:;")


def _optional_fields(draft: Draft) -> Iterator[Field]:
    if draft.reply_to:
        yield "Reply-To", mailbox_field("Reply-To", _checked(draft.reply_to))
    if draft.subject:
        yield "Subject", text_field("Subject", draft.subject)
    yield from _thread_fields(draft)
    yield from _rank_fields(draft.priority)
    yield from unsubscribe_fields(draft.list_unsubscribe)


def _thread_fields(draft: Draft) -> Iterator[Field]:
    """Name the message that is answered, and those before it in the thread (RFC 5322 §3.6.4)."""
    answered = draft.in_reply_to
    if answered:
        yield "In-Reply-To", plain_field("In-Reply-To", check_reference("In-Reply-To", answered))
    thread = [check_reference("References", each) for each in draft.references]
    if answered and answered not in thread:
        thread.append(answered)
    if thread:
        check_text("References", " ".join(thread))
        yield "References", plain_field("References", " ".join(thread))


def _rank_fields(priority: Priority) -> Iterator[Field]:
    if priority in _RANKS:
        names = ("Importance", "X-Priority", "Priority")
        yield from (
            (name, plain_field(name, value)) for name, value in zip(names, _RANKS[priority], strict=True)
        )


def _refuse_set_twice(draft: Draft) -> None:
    """Refuse a header that an option of this very draft sets too."""
    taken: set[str] = set()
    if draft.in_reply_to or draft.references:
        taken |= {"in-reply-to", "references"}
    if draft.priority in _RANKS:
        taken |= {"importance", "x-priority", "priority"}
    if draft.list_unsubscribe:
        taken |= {"list-unsubscribe", "list-unsubscribe-post"}
    for name, _ in draft.headers:
        if name.lower() in taken:
            raise malformed(name, "set-by-option")


def _joined(fields: Sequence[Field]) -> bytes:
    """Join the fields, and read them back: no field may have come in through the value of another."""
    header = b"".join(octets for _, octets in fields)
    expected = [name for name, _ in fields]
    found = BytesHeaderParser().parsebytes(header + b"\r\n").keys()
    strangers = [name for name in found if name not in expected]
    if found != expected:
        raise malformed(strangers[0] if strangers else expected[-1], "field-added")
    return header
