"""Messages: what a person asked for, what goes on the wire, what became of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fluenzr_smtp.model.accounts import Mailbox
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply


class Content(ABC):
    """Bytes that are given out in blocks, so that they need not be in memory at once. Never change."""

    @property
    @abstractmethod
    def size_bytes(self) -> int:
        """How many bytes there are, known before the first one is given out."""

    @abstractmethod
    def blocks(self) -> Iterator[bytes]:
        """Yield all bytes from the first one on, in blocks of any size but none; may be called again.

        Raises:
            FluenzrError: ``file-unreadable`` (reason ``changed``) where a file is not what it was.
        """

    def whole(self) -> bytes:
        """Return all bytes at once: for small contents, and for tests."""
        return b"".join(self.blocks())


@dataclass(frozen=True, slots=True)
class Octets(Content):
    """Bytes that are in memory anyway."""

    octets: bytes = field(repr=False)

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""
        return len(self.octets)

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes, unless there are none."""
        if self.octets:
            yield self.octets


class Priority(StrEnum):
    """How a sender ranks a message (Importance, RFC 2156 §5.3.9; X-Priority)."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file to attach. ``media_type`` is ``type/subtype``; empty: guessed from the name.

    With a ``content_id`` it is part of the HTML, which names it as ``cid:…`` (RFC 2392).
    """

    filename: str
    content: Content = field(repr=False)
    media_type: str = ""
    content_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a person asked to be sent.

    ``in_reply_to`` and ``references`` are Message-IDs with their angle brackets; ``date`` is aware, None:
    now; ``list_unsubscribe`` holds ``https:`` and ``mailto:`` addresses (RFC 2369, RFC 8058).
    """

    sender: Mailbox
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    subject: str = ""
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    date: datetime | None = None
    list_unsubscribe: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who the server is told about (RFC 5321 §2.3.1): never confused with the header."""

    mail_from: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A message ready for the wire: CRLF line ends, not dot-stuffed; the bytes never change again.

    ``subject`` is that of its header, decoded: late replies are recognised by it where they name no message.
    """

    envelope: Envelope
    message_id: str
    content: Content = field(repr=False)
    needs_smtputf8: bool = False
    needs_eight_bit: bool = False
    subject: str = ""


class State(StrEnum):
    """Where a message or one of its recipients stands.

    ``accepted`` is not delivered: the server took the message over. ``in-doubt``: the answer after the last
    byte was lost (RFC 1047).
    """

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    IN_DOUBT = "in-doubt"


class Outcome(StrEnum):
    """What became of a recipient. Accepted is not delivered: the server took the message over."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    IN_DOUBT = "in-doubt"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientOutcome:
    """One recipient's outcome with the server's own words."""

    recipient: str
    outcome: Outcome
    reply: ServerReply | None = None
    problem: Problem | None = None

    @classmethod
    def failed(cls, recipient: str, problem: Problem) -> RecipientOutcome:
        """Return the outcome of a recipient for whom a problem ended the attempt."""
        if problem.code is ProblemCode.OUTBOX_IN_DOUBT:
            outcome = Outcome.IN_DOUBT
        else:
            is_open = problem.is_transient or problem.code is ProblemCode.INTERRUPTED  # nobody has refused it
            outcome = Outcome.DEFERRED if is_open else Outcome.REJECTED
        return cls(recipient=recipient, outcome=outcome, reply=problem.reply, problem=problem)
