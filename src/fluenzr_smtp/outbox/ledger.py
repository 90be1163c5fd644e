"""What delivery asks of the outbox: what may go, what became of it, what was learnt."""

from __future__ import annotations

import base64
import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fluenzr_smtp import pacing
from fluenzr_smtp.model import Clock, Limit, RecipientOutcome, Skills, Submission
from fluenzr_smtp.problems import Problem
from fluenzr_smtp.state import Pause, RecipientRecord, Record

LONGEST_SUBJECT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A message that this process works on. The envelope holds only the recipients that are still open.

    ``is_known``: it is not to be sent, its key was used before; the record tells what became of it then.
    """

    record: Record
    submission: Submission
    is_known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of a message in one attempt; ``due`` is when its deferred recipients are tried again."""

    id: str
    outcomes: tuple[RecipientOutcome, ...]
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Which messages may go now, and when the next one may; None: all may, or the next never may.

    ``granted`` are the first of those that want to go; the others stay as they are. ``gone`` must not be
    sent: they were cancelled meanwhile, or another process is ahead with their key. ``never`` and ``limit``
    are those of ``pacing.Turn``.
    """

    granted: tuple[str, ...] = ()
    next: datetime | None = None
    gone: tuple[str, ...] = ()
    never: bool = False
    limit: Limit | None = None


class Ledger(ABC):
    """The sent log as delivery sees it."""

    @abstractmethod
    def begin(self, submission: Submission, *, account: str, lane: str, key: str = "") -> Claim:
        """Take a message on that is sent now or not at all; nothing is written yet."""

    @abstractmethod
    def step(
        self,
        *,
        settlements: Sequence[Settlement],
        departing: Sequence[str],
        lane: str,
        limits: Sequence[Limit],
        pause: timedelta | None,
    ) -> Departure:
        """Write outcomes down and let messages go, within one durable transaction."""

    @abstractmethod
    def turn(
        self, lane: str, *, limits: Sequence[Limit], pause: timedelta | None, wanted: Sequence[int]
    ) -> pacing.Turn:
        """Say how many messages might go now; nothing is written."""

    @abstractmethod
    def release(
        self, ids: Collection[str], *, due: datetime | None = None, problem: Problem | None = None
    ) -> None:
        """Put back messages that were not tried."""

    @abstractmethod
    def pause_lane(self, lane: str, *, until: datetime | None, problem: Problem, settings: str = "") -> None:
        """Hold a lane up until a moment, or, with None, until its settings are others."""

    @abstractmethod
    def pause_of(self, lane: str) -> Pause | None:
        """Return what holds a lane up."""

    @abstractmethod
    def skills(self, server: str) -> Skills:
        """Return what is known of a server."""

    @abstractmethod
    def learn(self, server: str, skills: Skills) -> None:
        """Note what is known of a server."""


def new_record(
    submission: Submission,
    *,
    account: str,
    lane: str,
    key: str,
    now: datetime,
    due: datetime | None = None,
    expires: datetime | None = None,
    is_kept: bool = False,
    saves_sent: bool = False,
) -> Record:
    """Return the record of a message that nothing has happened to yet."""
    envelope = submission.envelope
    return Record(
        id=new_id(),
        account=account,
        lane=lane,
        mail_from=envelope.mail_from,
        message_id=submission.message_id,
        size_bytes=submission.content.size_bytes,
        key=plain_key(key),
        created=now,
        changed=now,
        due=due,
        expires=expires,
        attempts=0,
        recipients=tuple(RecipientRecord(address=each) for each in envelope.recipients),
        problem=None,
        is_kept=is_kept,
        saves_sent=saves_sent,
        needs_smtputf8=submission.needs_smtputf8,
        needs_eight_bit=submission.needs_eight_bit,
        subject=plain_text(submission.subject),
    )


def new_id() -> str:
    """Return an identifier that is short enough to be typed: 40 random bits in the letters of RFC 4648 §6."""
    return base64.b32encode(os.urandom(5)).decode("ascii").lower()


def plain_text(text: str) -> str:
    """Return a text that can be stored, of at most 1,000 characters."""
    return text[:LONGEST_SUBJECT].encode("utf-8", "backslashreplace").decode()


def plain_key(key: str) -> str:
    """Return a key that can be stored: bytes of an argument that are no UTF-8 are written out."""
    return key.encode("utf-8", "backslashreplace").decode()


@dataclass(slots=True, kw_only=True)
class Forgetful(Ledger):
    """A ledger where none can be kept: messages go now or not at all, nothing is remembered of them."""

    clock: Clock
    known: dict[str, Skills] = field(default_factory=dict)

    def begin(self, submission: Submission, *, account: str, lane: str, key: str = "") -> Claim:
        """Take a message on."""
        record = new_record(submission, account=account, lane=lane, key=key, now=self.clock.now())
        return Claim(record=record, submission=submission)

    def step(
        self,
        *,
        settlements: Sequence[Settlement],  # noqa: ARG002
        departing: Sequence[str],
        lane: str,  # noqa: ARG002
        limits: Sequence[Limit],  # noqa: ARG002
        pause: timedelta | None,  # noqa: ARG002
    ) -> Departure:
        """Let everything go."""
        return Departure(granted=tuple(departing))

    def turn(
        self,
        lane: str,  # noqa: ARG002
        *,
        limits: Sequence[Limit],  # noqa: ARG002
        pause: timedelta | None,  # noqa: ARG002
        wanted: Sequence[int],
    ) -> pacing.Turn:
        """Let everything go."""
        return pacing.Turn(granted=len(wanted))

    def release(
        self, ids: Collection[str], *, due: datetime | None = None, problem: Problem | None = None
    ) -> None:
        """Forget messages that were not tried."""

    def pause_lane(self, lane: str, *, until: datetime | None, problem: Problem, settings: str = "") -> None:
        """Forget what holds a lane up."""

    def pause_of(self, lane: str) -> Pause | None:  # noqa: ARG002
        """Return None."""
        return None

    def skills(self, server: str) -> Skills:
        """Return what this run has learnt."""
        return self.known.get(server, Skills())

    def learn(self, server: str, skills: Skills) -> None:
        """Remember it for this run."""
        self.known[server] = skills
