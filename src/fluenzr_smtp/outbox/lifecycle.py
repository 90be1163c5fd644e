"""What a message becomes: from record to record, pure. Nothing in doubt opens again but by ``resolved``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Outcome, RecipientOutcome
from fluenzr_smtp.problems import FactValue, Problem, ProblemCode, ServerReply, Stage
from fluenzr_smtp.state import RecipientRecord, Record, State, Stored

_OF_OUTCOME = {
    Outcome.ACCEPTED: State.ACCEPTED,
    Outcome.DEFERRED: State.DEFERRED,
    Outcome.REJECTED: State.REJECTED,
    Outcome.IN_DOUBT: State.IN_DOUBT,
}
_TAKEN = frozenset({State.ACCEPTED, State.IN_DOUBT})
_UNDONE = frozenset({State.REJECTED, State.DEFERRED, State.QUEUED})
_FINAL_FOR_NOW = frozenset({State.IN_DOUBT, State.SENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A message after an attempt. ``stored`` is None where nothing of it is kept.

    ``is_sent`` says whether the server has, or may have, taken it over for somebody in this attempt.
    """

    stored: Stored | None
    is_sent: bool


def departed(stored: Stored, *, owner: str, sent: int, now: datetime) -> Stored:
    """Return a message of which the handing over begins: whoever was open is being sent to."""
    record = stored.record
    changed = _each(record, record.is_open, lambda each: replace(each, state=State.SENDING))
    return replace(stored, owner=owner, sent=sent, record=replace(changed, changed=now, due=None))


def settled(
    stored: Stored, outcomes: Sequence[RecipientOutcome], *, now: datetime, due: datetime | None
) -> Settled:
    """Return a message after an attempt; of whom it was sent to and nothing is said is in doubt."""
    told = {each.recipient: each for each in outcomes}
    record = stored.record
    recipients = tuple(_after(each, told.get(each.address), stored) for each in record.recipients)
    is_sent = any(
        after.state in _TAKEN and before.state is not State.ACCEPTED
        for before, after in zip(record.recipients, recipients, strict=True)
    )
    if not record.is_kept and not any(each.state in _TAKEN for each in recipients):
        return Settled(stored=None, is_sent=False)
    changed = replace(
        record,
        recipients=recipients,
        attempts=record.attempts + 1,
        problem=_why(recipients),
        changed=now,
        due=due or now,
    )
    sent = stored.sent if changed.state is State.IN_DOUBT else None
    return Settled(stored=_put_down(replace(stored, record=changed, owner="", sent=sent)), is_sent=is_sent)


def _why(recipients: tuple[RecipientRecord, ...]) -> Problem | None:
    """Return why a message is where it is: what keeps it in the queue goes before what is settled."""
    found = [each for each in recipients if each.problem is not None]
    waiting = [each for each in found if each.state in (State.IN_DOUBT, State.DEFERRED)]
    return next((each.problem for each in (*waiting, *found)), None)


def released(stored: Stored, *, now: datetime, due: datetime | None, problem: Problem | None) -> Stored:
    """Return a message that was claimed and not tried; with a problem that counts as an attempt."""
    record = stored.record

    def waiting(recipient: RecipientRecord) -> RecipientRecord:
        if problem is None:
            is_first = recipient.state is not State.DEFERRED
            return replace(recipient, state=State.QUEUED) if is_first else recipient
        return replace(recipient, state=State.DEFERRED, reply=problem.reply, problem=problem)

    changed = _each(record, lambda each: _is_in_hand(record, each), waiting)
    changed = replace(
        changed,
        attempts=record.attempts + (problem is not None),
        problem=problem or record.problem,
        changed=now,
        due=due or now,
    )
    return replace(stored, record=changed, owner="", sent=None)


def orphaned(stored: Stored, *, now: datetime) -> Stored | None:
    """Return a message whose process is dead: in doubt if it was being sent, else free; None: forgotten."""
    record = stored.record
    if any(each.state is State.SENDING for each in record.recipients):
        problem = doubt(record)
        changed = _with_states(record, State.SENDING, State.IN_DOUBT, problem)
        changed = replace(changed, problem=problem, attempts=record.attempts + 1, changed=now, due=now)
        return _put_down(replace(stored, owner="", record=changed))
    if not record.is_kept and not any(each.state in _TAKEN for each in record.recipients):
        return None
    return replace(stored, owner="")


def retried(stored: Stored, *, now: datetime) -> Stored:
    """Return a message that a person wants to be tried at once, with all its time before it.

    Raises:
        FluenzrError: ``outbox-state-wrong`` (reason ``not-kept`` where the content is not there).
    """
    record = stored.record
    if stored.owner and record.open_recipients:
        return stored  # it is about to be tried
    if record.state in _FINAL_FOR_NOW or not any(each.state in _UNDONE for each in record.recipients):
        raise state_wrong(record)
    if not record.is_kept:
        raise state_wrong(record, reason="not-kept")
    changed = _each(
        record, lambda each: each.state in _UNDONE, lambda each: RecipientRecord(address=each.address)
    )
    return replace(stored, record=_opened(changed, now))


def cancelled(stored: Stored, *, now: datetime) -> Stored | None:
    """Return what stays of a message that a person takes back: those who have it, or None.

    Raises:
        FluenzrError: ``outbox-state-wrong``.
    """
    record = stored.record
    if stored.owner:
        raise state_wrong(record, state=State.SENDING)
    if record.state in _FINAL_FOR_NOW or record.state is State.ACCEPTED:
        raise state_wrong(record)
    recipients = tuple(each for each in record.recipients if each.state is State.ACCEPTED)
    if not recipients:
        return None
    return _put_down(replace(stored, record=replace(record, recipients=recipients, changed=now)))


def resolved(stored: Stored, *, accepted: bool, now: datetime) -> Stored | None:
    """Return a message after a person found out; None: it was not accepted, and its content is not there.

    Raises:
        FluenzrError: ``outbox-state-wrong``.
    """
    record = stored.record
    if record.state is not State.IN_DOUBT:
        raise state_wrong(record)
    known = replace(stored, sent=None)
    if accepted:
        changed = _with_states(record, State.IN_DOUBT, State.ACCEPTED, None)
        return _put_down(replace(known, record=replace(changed, problem=None, changed=now)))
    if record.is_kept:
        changed = _with_states(record, State.IN_DOUBT, State.QUEUED, None)
        return replace(known, record=_opened(changed, now))
    recipients = tuple(each for each in record.recipients if each.state is not State.IN_DOUBT)
    if not any(each.state is State.ACCEPTED for each in recipients):
        return None
    return replace(known, record=replace(record, recipients=recipients, problem=None, changed=now))


def adopted(stored: Stored, *, key: str, now: datetime) -> Stored:
    """Return a message that is known by its file alone: in doubt, for it may have been sent."""
    problem = doubt(stored.record)
    changed = _with_states(stored.record, State.IN_DOUBT, State.IN_DOUBT, problem)
    return replace(stored, record=replace(changed, key=key, problem=problem, changed=now))


def given_up(stored: Stored, problem: Problem, *, now: datetime) -> Stored:
    """Return a message that is tried no more for those who were still open."""
    record = stored.record
    changed = _each(record, record.is_open, lambda each: replace(each, state=State.REJECTED, problem=problem))
    return replace(stored, owner="", record=replace(changed, problem=problem, changed=now, due=None))


def expired(stored: Stored, *, now: datetime) -> Stored:
    """Return a message whose time is up."""
    record = stored.record
    span = (record.expires or record.created) - record.created
    problem = problem_of(
        ProblemCode.OUTBOX_EXPIRED,
        record.problem.reply if record.problem else None,
        message=record.id,
        days=max(1, round(span / timedelta(days=1))),
    )
    return given_up(stored, problem, now=now)


def damaged(stored: Stored, *, path: str, now: datetime) -> Stored:
    """Return a message whose content is not what it was, and lies set aside now; empty: it is not there."""
    facts = {"path": path} if path else {}
    problem = problem_of(ProblemCode.OUTBOX_MESSAGE_DAMAGED, None, message=stored.record.id, **facts)
    lost = given_up(stored, problem, now=now)
    return replace(lost, digest=None, record=replace(lost.record, is_kept=False))


def doubt(record: Record) -> Problem:
    """Return the problem of a message of which nobody knows whether it was taken over."""
    host = record.lane.rpartition("@")[2]
    facts = {"message": record.id, "message_id": record.message_id, "host": host}
    return problem_of(ProblemCode.OUTBOX_IN_DOUBT, None, **facts)


def problem_of(code: ProblemCode, reply: ServerReply | None, /, **facts: FactValue) -> Problem:
    """Return a problem of this room."""
    return Problem(code=code, stage=Stage.OUTBOX, reply=reply, facts=MappingProxyType(facts))


def state_wrong(record: Record, *, state: State | None = None, **facts: FactValue) -> FluenzrError:
    """Return the failure of what cannot be done with a message as it stands."""
    told = (state or record.state).value
    if told == State.IN_DOUBT:
        facts["doubtful"] = record.id
    return failure(ProblemCode.OUTBOX_STATE_WRONG, Stage.OUTBOX, message=record.id, state=told, **facts)


def _is_in_hand(record: Record, recipient: RecipientRecord) -> bool:
    return record.is_open(recipient) or recipient.state is State.SENDING


def _after(recipient: RecipientRecord, told: RecipientOutcome | None, stored: Stored) -> RecipientRecord:
    # What is in doubt only because this process was taken for dead is not in doubt for it.
    was_orphaned = recipient.state is State.IN_DOUBT and not stored.owner
    if not _is_in_hand(stored.record, recipient) and not was_orphaned:
        return recipient
    if told is not None:
        state = _OF_OUTCOME[told.outcome]
        return RecipientRecord(address=recipient.address, state=state, reply=told.reply, problem=told.problem)
    if recipient.state is State.SENDING:
        return replace(recipient, state=State.IN_DOUBT, problem=doubt(stored.record))
    return recipient


def _each(
    record: Record,
    which: Callable[[RecipientRecord], bool],
    change: Callable[[RecipientRecord], RecipientRecord],
) -> Record:
    return replace(
        record, recipients=tuple(change(each) if which(each) else each for each in record.recipients)
    )


def _with_states(record: Record, before: State, after: State, problem: Problem | None) -> Record:
    return _each(
        record,
        lambda each: each.state is before,
        lambda each: replace(each, state=after, problem=problem),
    )


def _opened(record: Record, now: datetime) -> Record:
    expires = None if record.expires is None else now + max(record.expires - record.created, timedelta(0))
    return replace(record, problem=None, changed=now, due=now, expires=expires)


def _put_down(stored: Stored) -> Stored:
    """Let go of the content where nobody can need it again, and of the time where nothing is tried."""
    record = stored.record
    if all(each.state is State.ACCEPTED for each in record.recipients):
        return replace(stored, digest=None, record=replace(record, is_kept=False, due=None))
    if not record.open_recipients:
        return replace(stored, record=replace(record, due=None))
    return stored
