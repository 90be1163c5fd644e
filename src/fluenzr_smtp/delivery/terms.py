"""On what terms messages go out: now or not at all, or now and later; what limits and failures mean then."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from fluenzr_smtp import pacing
from fluenzr_smtp.delivery.lane import Lane
from fluenzr_smtp.model import Clock, Limit, Outcome, RecipientOutcome
from fluenzr_smtp.outbox import Claim, Ledger, Pause, Record
from fluenzr_smtp.problems import Problem, ProblemCode, Stage

_HOUR = timedelta(hours=1)
_NONSENSE = frozenset({
    ProblemCode.UNEXPECTED_DATA,
    ProblemCode.UNEXPECTED_REPLY,
    ProblemCode.REPLY_MALFORMED,
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(ABC):
    """What is done about messages that cannot go at once. ``draw`` gives numbers in [0, 1) for jitter."""

    is_told_of_all: ClassVar[bool]

    clock: Clock
    draw: Callable[[], float]
    wait: Callable[[datetime, Problem], bool] | None = None

    def held(self, lane: Lane, ledger: Ledger, waiting: Sequence[Claim]) -> Problem | None:
        """Return what forbids to connect now, after having waited for it where that was asked for."""
        while problem := self._forbidding(lane, ledger, waiting):
            until = _until(problem)
            if until is None or not self.waits(until, problem):
                return problem
        return None

    def waits(self, until: datetime, problem: Problem) -> bool:
        """Wait for a moment, where that was asked for; say whether it has come."""
        return self.wait is not None and self.wait(until, problem)

    def rest(self, until: datetime) -> None:
        """Wait for the end of the pause that the account wants between two messages."""
        while (left := (until - self.clock.now()).total_seconds()) > 0:
            self.clock.sleep(min(left, 1.0))

    def limit_problem(self, lane: Lane, until: datetime | None, limit: Limit | None = None) -> Problem:
        """Return the problem that a reached limit is; ``until`` None: the message can never go."""
        facts = {"host": lane.stored.account.smtp.host}
        if limit is not None:
            facts["limit"] = pacing.text(limit)
        if until is None:
            return Problem(code=ProblemCode.RECIPIENT_LIMIT, stage=Stage.OUTBOX, facts=facts)
        facts["retry_after"] = _told(until)
        return Problem(code=ProblemCode.LIMIT_REACHED, stage=Stage.OUTBOX, facts=facts)

    def due(
        self, lane: Lane, ledger: Ledger, record: Record, outcomes: tuple[RecipientOutcome, ...]
    ) -> datetime | None:
        """Return when the deferred recipients are due again; learn from a limit that the server has named."""
        deferred = [each for each in outcomes if each.outcome is Outcome.DEFERRED]
        if not deferred:
            return None
        limit = next((each.problem for each in deferred if _is_limit_of_server(each.problem)), None)
        if limit is None:
            return self.next_attempt(record)
        until = self.clock.now() + (_shortest_window(lane) or _HOUR)
        ledger.pause_lane(lane.key, until=until, problem=limit)
        return until

    def judged(self, outcomes: tuple[RecipientOutcome, ...]) -> tuple[RecipientOutcome, ...]:
        """Return the outcomes as these terms have them."""
        return outcomes

    @abstractmethod
    def next_attempt(self, record: Record) -> datetime | None:
        """Return when a message that was deferred is tried again by itself."""

    def postpone(
        self, lane: Lane, ledger: Ledger, problem: Problem, waiting: Sequence[Claim]
    ) -> datetime | None:
        """Put back what was not tried, because the lane cannot be used; return when it is due.

        Where trying again would do harm, as with a refused password, the lane is held up until its settings
        change, and the answer is None.
        """
        raise NotImplementedError

    def _forbidding(self, lane: Lane, ledger: Ledger, waiting: Sequence[Claim]) -> Problem | None:
        pause = ledger.pause_of(lane.key)
        if pause is not None and (problem := self._pausing(pause, lane)):
            return problem
        if not lane.is_bounded:
            return None
        wanted = [len(each.submission.envelope.recipients) for each in waiting] or [1]
        turn = ledger.turn(lane.key, limits=lane.limits, pause=lane.pause, wanted=wanted)
        if turn.granted:
            return None
        if turn.limit is None and turn.next is not None:
            self.rest(turn.next)
            return None
        return self.limit_problem(lane, turn.next, turn.limit)

    def _pausing(self, pause: Pause, lane: Lane) -> Problem | None:
        if pause.until is None or pause.until <= self.clock.now():
            return None
        facts = {"retry_after": _told(pause.until)}
        return pause.problem.with_facts(**facts, host=lane.stored.account.smtp.host)


class Now(Terms):
    """Now or not at all: what cannot go is told, message by message, and nothing is kept of it."""

    is_told_of_all = True

    def next_attempt(self, record: Record) -> datetime | None:  # noqa: ARG002
        """Return None: nobody tries again but whoever sent it."""
        return None

    def _pausing(self, pause: Pause, lane: Lane) -> Problem | None:
        # Only what the server has said of limits: whether it can be reached, a person may try any time.
        if pause.problem.code is not ProblemCode.LIMIT_REACHED:
            return None
        return super()._pausing(pause, lane)


class Later(Terms):
    """Now and later: what cannot go stays in the queue, with growing pauses."""

    is_told_of_all = False

    def judged(self, outcomes: tuple[RecipientOutcome, ...]) -> tuple[RecipientOutcome, ...]:
        """Return the outcomes; where the server only spoke nonsense, nobody has refused the message."""
        return tuple(
            replace(each, outcome=Outcome.DEFERRED)
            if each.outcome is Outcome.REJECTED and each.problem is not None and _is_nonsense(each.problem)
            else each
            for each in outcomes
        )

    def next_attempt(self, record: Record) -> datetime | None:
        """Return when to try again: the pauses grow with the attempts."""
        return self.clock.now() + pacing.backoff(record.attempts + 1, draw=self.draw())

    def postpone(
        self, lane: Lane, ledger: Ledger, problem: Problem, waiting: Sequence[Claim]
    ) -> datetime | None:
        """Put back what was not tried, and hold the lane up."""
        ids = [each.record.id for each in waiting]
        until = _until(problem)
        if until is not None:  # a limit, of which log and pauses know
            ledger.release(ids, due=until)
            return until
        attempts = max((each.record.attempts for each in waiting), default=0)
        if problem.is_transient or _is_nonsense(problem):
            until = self.clock.now() + pacing.backoff(attempts + 1, draw=self.draw())
        ledger.pause_lane(lane.key, until=until, problem=problem, settings=lane.settings)
        ledger.release(ids, due=until, problem=problem)
        return until

    def _pausing(self, pause: Pause, lane: Lane) -> Problem | None:
        if pause.settings and pause.settings != lane.settings:  # it was about other settings than these
            return None
        return pause.problem if pause.until is None else super()._pausing(pause, lane)


def _told(moment: datetime) -> str:
    """Write a moment in whole seconds, never too early."""
    return (moment.astimezone(UTC) + timedelta(microseconds=999_999)).isoformat(timespec="seconds")


def _until(problem: Problem) -> datetime | None:
    told = problem.facts.get("retry_after")
    return datetime.fromisoformat(told) if isinstance(told, str) else None


def _is_limit_of_server(problem: Problem | None) -> bool:
    return problem is not None and problem.code is ProblemCode.LIMIT_REACHED and problem.reply is not None


def _is_nonsense(problem: Problem) -> bool:
    code = problem.reply.code if problem.reply is not None else None
    return problem.code in _NONSENSE and (code is None or code < 400)


def _shortest_window(lane: Lane) -> timedelta | None:
    return min((each.per for each in lane.limits if each.per is not None), default=None)
