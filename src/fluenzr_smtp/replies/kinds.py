"""What an incoming message is, and by what that is seen: the surest signs first, and a person in doubt.

A person who is called a robot is not heard; a robot that is called a person is read once and passed over.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from fluenzr_smtp.model.replies import Failed, ReplyKind, Verdict
from fluenzr_smtp.replies import bounces
from fluenzr_smtp.replies.header import ids_in
from fluenzr_smtp.replies.parts import has_attached, parameter, parts_of
from fluenzr_smtp.replies.phrases import AWAY_TEXT, found, plain
from fluenzr_smtp.replies.report_phrases import (
    BOUNCE_SUBJECT,
    COMPLAINT_DESKS,
    COMPLAINT_SUBJECT,
    REFUSED_BY_RULE,
)
from fluenzr_smtp.replies.reports import (
    complainant_of,
    has_part,
    original_ids,
    quoted_ids,
    receipt_ids,
    status_report,
)
from fluenzr_smtp.replies.robots import is_by_a_person_at_a_desk, robots_field, robots_sign
from fluenzr_smtp.replies.seen import LOOKED_AT, Seen
from fluenzr_smtp.replies.wish_phrases import (
    CHALLENGE,
    CHALLENGE_SUBJECT,
    FILTER_NAMES,
    UNSUBSCRIBE_SUBJECT,
    UNSUBSCRIBE_TEXT,
)

_SHORT_WISH = 240
_WORD_OR_TWO = 60
_A_WORD = 24
_CLEAR = (
    r"un-?subscri|desinscri|desabonn|descadastr|disiscri|opt-?out|suscripcion|inscricao|uitschrijv|afmelden|配信停止|退订|取消订阅",
)
# How the fields begin that filters add which want to be answered first: each version has its own.
_CHALLENGE_FIELDS = (
    *("X-TMDA-Confirm", "X-Boxbe-", "X-Challenge", "X-UOL-A", "X-ASK-Auth", "X-Sendio"),
    *("X-SpamArrest", "X-Spam-Arrest", "X-SpamLion", "X-BlueBottle", "X-MailInBlack"),
)
_LINK = (r"https?://",)


def verdict_on(seen: Seen, *, received: datetime, own: frozenset[str] = frozenset()) -> Verdict:
    """Return what a message is. ``own`` are the addresses that it may have been sent to."""
    for judge in (_complaint, _status, _receipt, _calendar, _formless, _challenge, _wish_in_subject):
        verdict = judge(seen, own)
        if verdict is not None:
            return verdict
    reason = "" if is_by_a_person_at_a_desk(seen) else robots_sign(seen)
    if reason:
        return Verdict(kind=ReplyKind.AUTOMATIC, reason=reason, returns=_back(seen, received))
    said = found(UNSUBSCRIBE_TEXT, seen.words) if len(seen.words) <= _SHORT_WISH else ""
    if len(seen.words) <= _WORD_OR_TWO:
        said = said or found(UNSUBSCRIBE_SUBJECT, seen.words, at_start=True)
    if said:
        return Verdict(kind=ReplyKind.UNSUBSCRIBE, reason=f"Text: {said}")
    return Verdict(kind=ReplyKind.HUMAN, reason="no sign of a program")


def _back(seen: Seen, received: datetime) -> date | None:
    from fluenzr_smtp.replies.returning import return_date

    text = f"{seen.header.subject}\n{seen.own}"
    written = seen.header.date
    begun = written if written is not None and written <= received else received
    return return_date(text, today=begun.astimezone(UTC).date()) if found(AWAY_TEXT, plain(text)) else None


# -- reports -------------------------------------------------------------------------------------------


def _complaint(seen: Seen, _own: frozenset[str]) -> Verdict | None:
    kind = parameter(seen.message, "report-type").lower()
    if kind == "feedback-report" or has_part(seen.message, "message/feedback-report"):
        return _complained(seen, "Content-Type: message/feedback-report")
    said = found(COMPLAINT_SUBJECT, seen.subject)
    is_quoted = has_attached(seen.message) or bool(quoted_ids(seen.text.encode("utf-8", "replace")))
    is_desk = bool(found(COMPLAINT_DESKS, seen.header.sender))
    is_told = seen.header.has("X-HmXmrOriginalRecipient") or (said and (is_quoted or is_desk))
    if is_told and not seen.is_answer:
        return _complained(seen, f"Subject: {said}" if said else "X-HmXmrOriginalRecipient")
    return None


def _complained(seen: Seen, reason: str) -> Verdict:
    named = seen.header.raw("X-HmXmrOriginalRecipient")
    return replace(
        _report(seen, ReplyKind.COMPLAINT, reason), complainant=complainant_of(seen.message, named=named)
    )


def _status(seen: Seen, _own: frozenset[str]) -> Verdict | None:
    report = status_report(seen.message)
    if report is None:
        return None
    if report.failed:
        reason = f"message/delivery-status: failed {report.failed[0].status}".strip()
        return _report(seen, ReplyKind.BOUNCE, reason, report.failed)
    if report.delayed:
        reason = f"message/delivery-status: delayed {report.delayed[0].status}".strip()
        return _report(seen, ReplyKind.DELAY, reason, report.delayed)
    if report.is_done:
        return _report(seen, ReplyKind.AUTOMATIC, "message/delivery-status: delivered")
    return None


def _calendar(seen: Seen, _own: frozenset[str]) -> Verdict | None:
    """Return what the answer to an invitation is to which nobody has added a word (RFC 5546 §3.2.3)."""
    for part in parts_of(seen.message):
        if part.get_content_type() == "text/calendar" and parameter(part, "method").lower() == "reply":
            return None if seen.words else _report(seen, ReplyKind.AUTOMATIC, "Content-Type: text/calendar")
    return None


def _receipt(seen: Seen, _own: frozenset[str]) -> Verdict | None:
    if has_part(seen.message, "message/disposition-notification"):
        text = plain(bounces.report_text(seen.message))
        # Dovecot's, of a full mailbox or a rule that refuses.
        if found(BOUNCE_SUBJECT, seen.subject) or found(REFUSED_BY_RULE, text):
            named = bounces.failures(
                seen.header,
                seen.octets,
                bounces.report_text(seen.message),
                is_permanent=True,
                own=frozenset(),
            )
            return _report(seen, ReplyKind.BOUNCE, "Content-Type: message/disposition-notification", named)
        return _report(seen, ReplyKind.AUTOMATIC, "Content-Type: message/disposition-notification")
    return None


def _formless(seen: Seen, own: frozenset[str]) -> Verdict | None:
    text = bounces.report_text(seen.message)
    is_answer = seen.is_answer and not seen.header.has_null_return_path
    words = seen.words if is_answer else plain((text or seen.text)[:LOOKED_AT])
    reason = bounces.is_report(seen.header, words, seen.octets, is_answer=is_answer)
    if not reason:
        return None
    is_late = bounces.is_delay(seen.header, words)
    named = bounces.failures(
        seen.header,
        seen.octets,
        text or seen.text,
        is_permanent=not is_late,
        own=own | frozenset(seen.header.addresses("To")),
    )
    return _report(seen, ReplyKind.DELAY if is_late else ReplyKind.BOUNCE, reason, named)


def _report(seen: Seen, kind: ReplyKind, reason: str, failed: tuple[Failed, ...] = ()) -> Verdict:
    named = seen.header.raw("X-Original-Message-ID")
    stated = (*original_ids(seen.message), *receipt_ids(seen.message), *ids_in(named))
    originals = dict.fromkeys((*stated, *quoted_ids(seen.octets)))
    mine = seen.header.message_id
    return Verdict(
        kind=kind, reason=reason, failed=failed, originals=tuple(each for each in originals if each != mine)
    )


# -- filters and wishes --------------------------------------------------------------------------------


def _challenge(seen: Seen, _own: frozenset[str]) -> Verdict | None:
    field = seen.header.beginning(_CHALLENGE_FIELDS)
    if field:
        return Verdict(kind=ReplyKind.CHALLENGE, reason=f"{field}: {seen.header.text(field)[:100]}")
    words = plain(seen.own[:LOOKED_AT])
    said = found(CHALLENGE, words)
    is_program = robots_field(seen) or seen.header.has_null_return_path
    asks = not seen.is_answer and found(CHALLENGE_SUBJECT, seen.subject)
    names = plain(f"{seen.header.sender} {seen.header.sender_name} {seen.header.text('X-Mailer')}")
    is_filter = found(FILTER_NAMES, names) or (found(_LINK, words) and found(FILTER_NAMES, words))
    is_one = said and (is_program or asks or is_filter)
    return Verdict(kind=ReplyKind.CHALLENGE, reason=f"Text: {said[:100]}") if is_one else None


def _wish_in_subject(seen: Seen, _own: frozenset[str]) -> Verdict | None:
    said = found(UNSUBSCRIBE_SUBJECT, seen.subject, at_start=True)
    is_alone = len(seen.words) <= _A_WORD or bool(found(UNSUBSCRIBE_TEXT, seen.words))
    is_clear = (
        bool(found(_CLEAR, seen.subject)) and not seen.is_called_answer and len(seen.words) <= 2 * _SHORT_WISH
    )
    if said and (is_alone or is_clear) and not seen.header.has("List-Id"):
        return Verdict(kind=ReplyKind.UNSUBSCRIBE, reason=f"Subject: {said}")
    return None
