"""Which message an incoming one answers: by what it names or, as a guess, by its author and subject."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Protocol

from fluenzr_smtp.model.replies import MatchedBy, ReplyKind, Verdict
from fluenzr_smtp.outbox import Sent
from fluenzr_smtp.replies.header import Header
from fluenzr_smtp.replies.phrases import AUTOMATIC_SUBJECT, WEAK_SUBJECT, found, plain

_REPORTED_WITHIN = timedelta(days=14)
_ANSWERED_WITHIN = timedelta(days=120)
_REPORTS = frozenset({ReplyKind.BOUNCE, ReplyKind.DELAY, ReplyKind.COMPLAINT})

# What programs put before the subject of an answer or of what is passed on, and how often they did.
_PREFIX = re.compile(
    r"(?:re|aw|sv|vs|antw|antwoord|res|resp|rv|r|odp|ynt|rif|ref|bls|tr|fwd?|wg|enc|i|vl|doorst|pd|"
    r"továbbítás|"
    r"回复|回覆|答复|答覆|转发|轉寄|返信|転送|답장|회신|전달|ответ|отв|пересл|उत्तर|"
    r"जवाब)(?: ?\[\d{1,3}\]| ?\(\d{1,3}\)|\^\d{1,3}|\d{1,2})?"
    r" ?[:：]\s*"
)
_TAG = re.compile(r"\[[^\]]{1,60}\]\s*")
_VERP = re.compile(r"[+=-]([A-Za-z0-9._%-]{1,64})=([A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24})@")
_ADDRESS = re.compile(r"[^\s<>@;,()\"]{1,64}@[^\s<>@;,()\"]{1,255}")


class SentLog(Protocol):
    """What was sent, as it is looked up here."""

    def sent_as(self, message_ids: Iterable[str]) -> Sent | None:
        """Return the message that has the first of these Message-IDs that is known."""

    def sent_to(self, address: str, *, within: timedelta) -> tuple[Sent, ...]:
        """Return what went to an address lately, the newest first."""


def match(header: Header, verdict: Verdict, log: SentLog) -> tuple[Sent, MatchedBy] | None:
    """Return the message that an incoming one answers or reports of, and by what that is known.

    Of several messages of one thread the newest counts, where the answer names none of them alone.
    """
    for ids, by in (
        (verdict.originals if verdict.kind in _REPORTS else (), MatchedBy.ORIGINAL),
        (header.in_reply_to, MatchedBy.IN_REPLY_TO),
        (header.references, MatchedBy.REFERENCES),
        (verdict.originals, MatchedBy.ORIGINAL),
    ):
        sent = _newest(ids, log)
        if sent is not None:
            return sent, by
    if verdict.kind in _REPORTS:
        sent = next((each for address in _reported(header, verdict) for each in _lately(address, log)), None)
        return None if sent is None else (sent, MatchedBy.RECIPIENT)
    guess = _guess(header, log, is_wish=verdict.kind is ReplyKind.UNSUBSCRIBE)
    return None if guess is None else (guess, MatchedBy.GUESS)


def _newest(ids: Iterable[str], log: SentLog) -> Sent | None:
    known = [sent for each in ids if (sent := log.sent_as((each,))) is not None]
    return max(known, key=lambda each: each.at, default=None)


def _reported(header: Header, verdict: Verdict) -> Iterator[str]:
    """Yield the addresses that a report is about, the surest first."""
    yield from (each.recipient for each in verdict.failed if each.recipient)
    yield from _ADDRESS.findall(header.raw("Original-Recipient"))
    for name in ("To", "Delivered-To", "X-Original-To"):
        for local, domain in _VERP.findall(header.raw(name)):
            yield f"{local}@{domain}".lower()


def _lately(address: str, log: SentLog) -> tuple[Sent, ...]:
    return log.sent_to(address, within=_REPORTED_WITHIN)[:1]


def _guess(header: Header, log: SentLog, *, is_wish: bool) -> Sent | None:
    """Return the newest message to this author under the same subject.

    Who wants no more mail seldom keeps the subject: then the newest message to the author is meant.
    """
    subject = normalised(header.subject)
    if not header.sender or not (subject or is_wish):
        return None
    sent = log.sent_to(header.sender, within=_ANSWERED_WITHIN)
    if is_wish:
        return next(iter(sent), None)
    return next((each for each in sent if normalised(each.subject) == subject), None)


def normalised(subject: str) -> str:
    """Return a subject as its answers have it too: plain, without prefixes and the tags of lists."""
    text = plain(subject)
    while (shorter := _shortened(text)) != text:
        text = shorter
    return text


def _shortened(text: str) -> str:
    for each in (_PREFIX, _TAG):
        match_ = each.match(text)
        if match_ is not None and match_.end() < len(text):
            return text[match_.end() :].strip()
    robots = found(AUTOMATIC_SUBJECT, text, at_start=True) or found(WEAK_SUBJECT, text, at_start=True)
    rest = text[len(robots) :].lstrip(" :–—-(")
    return rest.removesuffix(")") if robots and rest else text
