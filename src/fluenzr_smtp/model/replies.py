"""Replies: what came in as an answer to what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class ReplyKind(StrEnum):
    """What an incoming message is.

    ``delay``: a server still tries; ``bounce``: it has given up; ``complaint``: somebody called the message
    spam (RFC 5965); ``challenge``: a person's filter wants to be answered first.
    """

    HUMAN = "human"
    AUTOMATIC = "automatic"
    BOUNCE = "bounce"
    DELAY = "delay"
    COMPLAINT = "complaint"
    CHALLENGE = "challenge"
    UNSUBSCRIBE = "unsubscribe"


class MatchedBy(StrEnum):
    """By what a reply was recognised as the answer to a message, the surest first; the last is a guess."""

    IN_REPLY_TO = "in-reply-to"
    REFERENCES = "references"
    ORIGINAL = "original"
    RECIPIENT = "recipient"
    GUESS = "guess"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A recipient whom a message did not reach, or not yet.

    ``status`` is that of RFC 3463, empty where none is told; ``diagnostic`` the server's words, ``code`` what
    they mean as a problem and ``topic`` its section of the guide.
    """

    recipient: str
    status: str = ""
    is_permanent: bool = True
    diagnostic: str = ""
    code: str = ""
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a message is, and why: ``reason`` names the field or the words that decided.

    ``originals`` are the Message-IDs of the messages that it reports of; ``returns`` is when somebody says to
    be back. ``complainant`` is the address of who complains, where that is told.
    """

    kind: ReplyKind
    reason: str
    failed: tuple[Failed, ...] = ()
    originals: tuple[str, ...] = ()
    returns: date | None = None
    complainant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundReply:
    """A message that came in. Times are aware; ``date`` is the sender's word, ``received`` the server's.

    ``id`` is short, for people to type, and the same whenever the message is met. ``answers`` is the
    Message-ID of the message that it answers, empty where that is not known.
    """

    id: str
    account: str
    folder: str
    uid_validity: int
    uid: int
    verdict: Verdict
    message_id: str
    sender: str
    sender_name: str
    subject: str
    date: datetime | None
    received: datetime
    preview: str
    answers: str = ""
    matched_by: MatchedBy | None = None
    sent_by: str = ""
    sent_id: str = ""
