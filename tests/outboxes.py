"""What the tests of the store and of the outbox work with: a clock that is set, messages, outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fluenzr_smtp.model import Clock, Envelope, Octets, Outcome, RecipientOutcome, Submission
from fluenzr_smtp.outbox import Outbox, Record, Settlement
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
LANE = "anna@smtp.example.org:465"
LIFETIME = timedelta(days=2)
OK = ServerReply(250, "2.0.0", "queued")
LATER = Problem(
    code=ProblemCode.SERVER_FAULT, stage=Stage.RECIPIENT, reply=ServerReply(451, "4.3.0", "later")
)
NEVER = Problem(
    code=ProblemCode.RECIPIENT_REFUSED, stage=Stage.RECIPIENT, reply=ServerReply(550, "5.1.1", "no such user")
)
DOUBT = Problem(code=ProblemCode.OUTBOX_IN_DOUBT, stage=Stage.MESSAGE)
ACCEPTED, DEFERRED = Outcome.ACCEPTED, Outcome.DEFERRED
REJECTED, IN_DOUBT = Outcome.REJECTED, Outcome.IN_DOUBT
_PROBLEMS = {ACCEPTED: None, DEFERRED: LATER, REJECTED: NEVER, IN_DOUBT: DOUBT}


@dataclass
class Watch:
    """A clock that stands still until it is set."""

    time: datetime = START
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(now=lambda: self.time, monotonic=lambda: 0.0, sleep=lambda _: None)

    def go(self, **span: float) -> None:
        """Set the clock forward, or back."""
        self.time += timedelta(**span)


def message(
    *recipients: str, content: bytes = b"Subject: x\r\n\r\nbody\r\n", mail_from: str = "anna@example.org"
) -> Submission:
    """Return a message to these recipients, or to one."""
    envelope = Envelope(mail_from=mail_from, recipients=recipients or ("bob@example.net",))
    return Submission(envelope=envelope, message_id="<1@example.org>", content=Octets(content))


def put(
    box: Outbox, *recipients: str, account: str = "anna", lane: str = LANE, key: str = "", **how
) -> Record:
    """Put a message into the queue for two days."""
    how.setdefault("expires", box._now() + LIFETIME)
    record, _ = box.put(message(*recipients), account=account, lane=lane, key=key, **how)
    return record


def begin(box: Outbox, *recipients: str, key: str = "", account: str = "anna") -> str:
    """Begin a message that is sent directly; return its id."""
    return box.begin(message(*recipients), account=account, lane=LANE, key=key).record.id


def outcome(recipient: str, what: Outcome) -> RecipientOutcome:
    """Return what became of a recipient."""
    problem = _PROBLEMS[what]
    reply = OK if what is ACCEPTED else problem.reply if problem else None
    return RecipientOutcome(recipient=recipient, outcome=what, reply=reply, problem=problem)


def settle(box: Outbox, id_: str, *what: Outcome, due: datetime | None = None) -> None:
    """Settle a message with these outcomes, in the order of its recipients."""
    record = box.find(id_)
    addresses = [each.address for each in record.recipients] if record else ["bob@example.net"]
    outcomes = tuple(outcome(address, each) for address, each in zip(addresses, what, strict=True))
    box.step(settlements=[Settlement(id=id_, outcomes=outcomes, due=due)])


def depart(box: Outbox, *ids: str) -> tuple[str, ...]:
    """Let messages begin; return those that may."""
    return box.step(departing=ids, lane=LANE).granted


def sent(box: Outbox, *what: Outcome, key: str = "", recipients: tuple[str, ...] = ()) -> str:
    """Send a message directly with these outcomes; return its id."""
    id_ = begin(box, *recipients, key=key)
    depart(box, id_)
    settle(box, id_, *what)
    return id_


def files(folder: Path, name: str = "messages") -> list[str]:
    """Return the names of the files in a folder of the outbox."""
    place = folder / name
    return sorted(each.name for each in place.iterdir()) if place.exists() else []
