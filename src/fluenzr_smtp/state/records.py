"""What the store holds, as values: messages with their recipients, what was sent, lanes that are paused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fluenzr_smtp.model import State
from fluenzr_smtp.problems import Problem, ServerReply

_OPEN = frozenset({State.QUEUED, State.DEFERRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientRecord:
    """One recipient of a message with the server's last words about it."""

    address: str
    state: State = State.QUEUED
    reply: ServerReply | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A message that was taken on. Times are aware UTC.

    ``id`` is short, for people to type. ``lane`` is what limits and pauses are counted for; ``key`` makes a
    message one of its kind, empty: it has none. ``due`` is None where nothing is tried by itself, ``expires``
    for what is sent directly. ``problem`` is what stood in the way last. ``is_kept`` says that the content
    lies beside the database; without it (sent directly, or done with) nothing can be tried again.
    """

    id: str
    account: str
    lane: str
    mail_from: str
    message_id: str
    size_bytes: int
    key: str
    created: datetime
    changed: datetime
    due: datetime | None
    expires: datetime | None
    attempts: int
    recipients: tuple[RecipientRecord, ...]
    problem: Problem | None
    is_kept: bool
    saves_sent: bool
    needs_smtputf8: bool
    needs_eight_bit: bool
    subject: str = ""

    def is_open(self, recipient: RecipientRecord) -> bool:
        """Say whether the message is still to be handed over for one of its recipients.

        For a deferred one that is so only as long as the content is kept.
        """
        return recipient.state in _OPEN if self.is_kept else recipient.state is State.QUEUED

    @property
    def open_recipients(self) -> tuple[str, ...]:
        """The addresses that the message is still to be handed over for."""
        return tuple(each.address for each in self.recipients if self.is_open(each))

    @property
    def state(self) -> State:
        """What is to be said of the message as a whole: the recipient that is worst off decides."""
        states = {each.state for each in self.recipients}
        for each in (State.IN_DOUBT, State.SENDING):
            if each in states:
                return each
        waiting = {each.state for each in self.recipients if self.is_open(each)}
        if waiting:
            return State.DEFERRED if State.DEFERRED in waiting else State.QUEUED
        return State.ACCEPTED if State.ACCEPTED in states else State.REJECTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A record and what is nobody else's concern.

    ``digest`` is the SHA-256 of the file that holds the content; ``owner`` the process that has claimed the
    message, empty: none; ``sent`` the entry of the sent log that the present attempt made.
    """

    record: Record
    digest: bytes | None = None
    owner: str = ""
    sent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An entry of the sent log: a message that began to be handed over. It outlives the record ``id``."""

    id: str
    account: str
    lane: str
    message_id: str
    at: datetime
    addresses: tuple[str, ...] = ()
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a folder was read, for one question (``view``) of an account's.

    All with a UID up to ``uid`` was looked at that came in on the day ``since`` or later. ``modseq`` is None
    where the server tells none (RFC 7162).
    """

    account: str
    folder: str
    view: str
    uid_validity: int
    uid: int
    since: datetime
    modseq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRecord:
    """A reply that was shown. ``document`` is what was told of it, as JSON."""

    id: str
    account: str
    folder: str
    uid_validity: int
    uid: int
    kind: str
    received: datetime
    message_id: str
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """A reply that a program is to be called with. ``tries`` says how often it may still fail with it."""

    reply: ReplyRecord
    view: str
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounced:
    """An address that a server has refused for good; ``topic`` is the guide's section on why."""

    address: str
    at: datetime
    status: str = ""
    topic: str = ""
    reply: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A lane on which nothing goes: until a time, or (None) until its settings are other ones."""

    lane: str
    since: datetime
    until: datetime | None
    problem: Problem
    settings: str = ""
