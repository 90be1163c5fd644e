"""Carry messages over one connection: limits first, then the durable mark, then the wire, then the outcome.

The order is the promise: before a byte leaves that could complete a message, the ledger says ``sending`` and
that is on the disk; a crash from there on leaves the message in doubt, never to be sent again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fluenzr_smtp.delivery.connection import Connection, Opening
from fluenzr_smtp.delivery.lane import Lane
from fluenzr_smtp.delivery.result import Delivery
from fluenzr_smtp.delivery.terms import Terms
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock, Outcome, RecipientOutcome, Submission
from fluenzr_smtp.outbox import Claim, Departure, Ledger, Settlement
from fluenzr_smtp.problems import Problem, ProblemCode, Stage
from fluenzr_smtp.smtp import WINDOW, Resumption

Take = Callable[[int], tuple[Claim, ...]]

_GATHER_SECONDS = 0.005
_INTERRUPTED = Problem(code=ProblemCode.INTERRUPTED, stage=Stage.MESSAGE)
_BUSY = Problem(code=ProblemCode.OUTBOX_BUSY, stage=Stage.OUTBOX)
# How a server ends a connection that has carried enough: the next one carries on.
_WORN_OUT = frozenset({
    ProblemCode.CONNECTION_LOST,
    ProblemCode.SERVER_GAVE_UP,
    ProblemCode.SERVER_FAULT,
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """A claim whose outcome is known, and when it is due again."""

    claim: Claim
    outcomes: tuple[RecipientOutcome, ...]
    due: datetime | None = None
    is_postponed: bool = False

    @property
    def settlement(self) -> Settlement:
        return Settlement(id=self.claim.record.id, outcomes=self.outcomes, due=self.due)


class Courier:
    """Carries a lane's messages over a connection of its own. Not shared between threads."""

    def __init__(
        self,
        lane: Lane,
        ledger: Ledger,
        *,
        terms: Terms,
        clock: Clock,
        timeout: float,
        resumption: Resumption | None = None,
        opening: Opening | None = None,
    ) -> None:
        self._lane = lane
        self._ledger = ledger
        self._terms = terms
        self._leaving = clock.leave
        self._connection = Connection(
            lane,
            ledger,
            clock=clock,
            timeout=timeout,
            resumption=resumption or Resumption(),
            opening=opening,
        )
        self._waiting: list[Claim] = []
        self._departed: set[str] = set()
        self._repeated: set[str] = set()
        self._in_flight: dict[int, Claim] = {}
        self._is_over = False
        self._broken: FluenzrError | None = None

    def carry(self, take: Take) -> Iterator[Delivery]:
        """Carry all that ``take`` hands out, asked for as many messages as there is room for; tell of each.

        A delivery is told once it is durable. Never raises for what the server or the network does.

        Raises:
            FluenzrError: ``outbox-…``, ``disk-full``: the ledger cannot be kept, of messages that wait in it;
                nothing more is sent.
        """
        try:
            yield from self._carry(take)
        finally:
            self._connection.close()
        if self._broken is not None:
            raise self._broken

    def _carry(self, take: Take) -> Iterator[Delivery]:
        known: list[_Outcome] = []
        while self._fetch(take) or known or self._in_flight:
            if (stopped := self._stopped()) is not None:
                if _is_never(stopped):
                    known.append(self._failed(self._waiting.pop(0), stopped))
                    continue
                yield from self._told(known)
                yield from self._end(stopped, take)
                return
            departure = yield from self._stepped(known, take)
            if departure is None:
                return
            known = self._push(departure)
            if self._in_flight:
                known += self._gathered()
            elif self._waiting and not known and (held := self._held(departure)) is not None:
                if not _is_never(held):
                    yield from self._end(held, take)
                    return
                known = [self._failed(self._waiting.pop(0), held)]

    def _fetch(self, take: Take) -> bool:
        """Fill up what waits for its turn; say whether anything does."""
        room = self._connection.room - len(self._waiting)
        if not self._is_over and room > 0:
            fresh = self._taken(take, room)
            self._is_over = not fresh
            self._waiting += fresh
        return bool(self._waiting)

    def _taken(self, take: Take, room: int) -> Sequence[Claim]:
        """Take what is handed out; where nothing can be, what is known or on its way is told first."""
        try:
            return take(room)
        except FluenzrError as error:
            self._broken = error
            return ()

    def _held(self, departure: Departure) -> Problem | None:
        """Wait for the moment that a limit allows; return the limit where that was not asked for."""
        try:
            with self._leaving.waiting():
                return self._waited(departure)
        except KeyboardInterrupt:
            return self._interrupted()

    def _waited(self, departure: Departure) -> Problem | None:
        if departure.limit is None and departure.next is not None:
            self._terms.rest(departure.next)
            return None
        problem = self._terms.limit_problem(self._lane, departure.next, departure.limit)
        if departure.next is not None and self._terms.waits(departure.next, problem):
            return None
        return problem

    # -- before --------------------------------------------------------------------------------------

    def _stopped(self) -> Problem | None:
        """Open the connection where one is needed; return what forbids or prevents it."""
        if self._connection.is_interrupted or (self._leaving.is_wanted and not self._in_flight):
            return self._interrupted()
        if not self._waiting or self._connection.is_open:
            return None
        try:
            with self._leaving.waiting():
                held = self._terms.held(self._lane, self._ledger, self._waiting)
            if held is None:
                self._connection.open()
        except FluenzrError as error:
            return error.problem
        except KeyboardInterrupt:
            return self._interrupted()
        return held

    def _interrupted(self) -> Problem:
        """Return what ends the run, unless nothing has gone yet: then there is nothing to be told."""
        if self._terms.is_told_of_all and not self._departed:
            raise KeyboardInterrupt
        return _INTERRUPTED

    def _stepped(self, known: list[_Outcome], take: Take) -> Generator[Delivery, None, Departure | None]:
        """Tell of the outcomes that are known once they are written; return what may go now.

        Where they cannot be written they are told all the same, for what is accepted stays so; nothing more
        is sent, and the answer is None.
        """
        try:
            departure = self._step(known)
        except FluenzrError as error:
            yield from self._deliveries(known)
            yield from self._broken_off(error, take)
            return None
        yield from self._deliveries(known)
        return departure

    def _broken_off(self, error: FluenzrError, take: Take) -> Iterator[Delivery]:
        """Nothing can be written any more: hear what is on its way; the rest is not sent."""
        while self._in_flight:
            yield from self._deliveries(self._read())
        if not self._terms.is_told_of_all:
            raise error
        waiting, self._waiting = self._waiting, []
        while waiting:
            yield from self._deliveries([self._failed(each, error.problem) for each in waiting])
            waiting = list(take(1))

    def _step(self, known: list[_Outcome]) -> Departure:
        """Write down the outcomes that are known, and mark what may go now: on the disk when this returns."""
        leaving = [each.record.id for each in self._waiting if each.record.id not in self._departed]
        if not leaving and not any(self._is_written(each.claim) for each in known):
            return Departure()
        return self._ledger.step(
            settlements=[each.settlement for each in known if self._is_written(each.claim)],
            departing=leaving if self._connection.is_open else (),
            lane=self._lane.key,
            limits=self._lane.limits,
            pause=self._lane.pause,
        )

    def _is_written(self, claim: Claim) -> bool:
        """Say whether the ledger knows a message: one that is sent now or not at all, once it departs."""
        return claim.record.is_kept or claim.record.id in self._departed

    # -- on the wire ---------------------------------------------------------------------------------

    def _push(self, departure: Departure) -> list[_Outcome]:
        """Push what may go; return the outcomes of messages that cannot be made fit for this server."""
        self._departed.update(departure.granted)
        unfit = [self._failed(each, _BUSY) for each in self._waiting if each.record.id in departure.gone]
        self._waiting = [each for each in self._waiting if each.record.id not in departure.gone]
        left: list[Claim] = []
        for claim in self._waiting:
            if claim.record.id not in self._departed or self._connection.room < 1:
                left.append(claim)
                continue
            try:
                submission = self._fit(claim.submission)
            except FluenzrError as error:
                unfit.append(self._failed(claim, error.problem))
                continue
            self._in_flight[id(submission)] = replace(claim, submission=submission)
            self._connection.push(submission)
        self._waiting = left
        return unfit

    def _fit(self, submission: Submission) -> Submission:
        """Return the message as this server takes it (RFC 6152 §3)."""
        if not submission.needs_eight_bit or self._connection.takes_eight_bit:
            return submission
        from fluenzr_smtp.compose import seven_bit

        return seven_bit(submission)

    def _gathered(self) -> list[_Outcome]:
        """Read at least one outcome, and those that follow at once: to write down many costs as much as one.

        As long as half a window is still on its way the server has something to do meanwhile.
        """
        known = self._read()
        while len(self._in_flight) >= WINDOW // 2 and self._connection.answers_within(_GATHER_SECONDS):
            known += self._read()
        return known

    def _read(self) -> list[_Outcome]:
        settled, unsent = self._connection.settled()
        for submission in unsent:
            self._again(self._in_flight.pop(id(submission)))
        known: list[_Outcome] = []
        for each in settled:
            claim = self._in_flight.pop(id(each.submission))
            if self._connection.is_interrupted and _is_untried(each.outcomes):
                self._waiting.append(claim)
            elif self._is_worth_repeating(claim, each.outcomes):
                self._again(claim)
            else:
                known.append(self._known(claim, each.outcomes))
        return known

    def _is_worth_repeating(self, claim: Claim, outcomes: tuple[RecipientOutcome, ...]) -> bool:
        """Say whether only the connection was at its end, which others before had come through."""
        return (
            self._connection.has_accepted
            and not self._connection.is_open
            and claim.record.id not in self._repeated
            and all(each.outcome is Outcome.DEFERRED for each in outcomes)
            and all(each.problem is not None and each.problem.code in _WORN_OUT for each in outcomes)
        )

    def _again(self, claim: Claim) -> None:
        self._repeated.add(claim.record.id)
        self._waiting.append(claim)

    # -- afterwards ----------------------------------------------------------------------------------

    def _known(self, claim: Claim, outcomes: tuple[RecipientOutcome, ...]) -> _Outcome:
        outcomes = self._terms.judged(outcomes)
        due = self._terms.due(self._lane, self._ledger, claim.record, outcomes)
        return _Outcome(claim=claim, outcomes=outcomes, due=due)

    def _failed(self, claim: Claim, problem: Problem) -> _Outcome:
        recipients = claim.submission.envelope.recipients
        return self._known(claim, tuple(RecipientOutcome.failed(each, problem) for each in recipients))

    def _end(self, problem: Problem, take: Take) -> Iterator[Delivery]:
        """End the run of a lane that cannot be used now; nothing of what waits was sent."""
        waiting, self._waiting = self._waiting, []
        if not self._terms.is_told_of_all:
            if problem is _INTERRUPTED:
                self._leave(waiting)
                return
            until = self._terms.postpone(self._lane, self._ledger, problem, waiting)
            yield from self._deliveries([_postponed(each, problem, until) for each in waiting])
            return
        while waiting:
            yield from self._told([self._failed(each, problem) for each in waiting])
            waiting = list(take(1))

    def _leave(self, waiting: list[Claim]) -> None:
        """Put back what was not sent, and leave as was wanted; there may be nothing left to leave."""
        if waiting:
            self._ledger.release([each.record.id for each in waiting])
            raise KeyboardInterrupt

    def _told(self, known: list[_Outcome]) -> Iterator[Delivery]:
        """Write outcomes down and tell of them; where there are none, do nothing."""
        if known:
            try:
                self._step(known)
            except FluenzrError:
                if not self._terms.is_told_of_all:
                    raise
            yield from self._deliveries(known)

    def _deliveries(self, known: list[_Outcome]) -> Iterator[Delivery]:
        for each in known:
            yield Delivery(
                account=self._lane.stored.account,
                submission=each.claim.submission,
                recipients=each.outcomes,
                record=each.claim.record.id,
                key=each.claim.record.key,
                due=each.due,
                is_postponed=each.is_postponed,
                saves_sent=each.claim.record.saves_sent,
            )


def _is_never(problem: Problem) -> bool:
    """Say whether only the first of those that wait is held back, for good: it alone exceeds a limit."""
    return problem.code is ProblemCode.RECIPIENT_LIMIT and problem.stage is Stage.OUTBOX


def _is_untried(outcomes: tuple[RecipientOutcome, ...]) -> bool:
    return all(each.problem is not None and each.problem.code is ProblemCode.INTERRUPTED for each in outcomes)


def _postponed(claim: Claim, problem: Problem, due: datetime | None) -> _Outcome:
    """Return what is told of a message that was not tried: it waits, whatever stands in the way."""
    outcomes = tuple(
        RecipientOutcome(recipient=each, outcome=Outcome.DEFERRED, problem=problem)
        for each in claim.submission.envelope.recipients
    )
    return _Outcome(claim=claim, outcomes=outcomes, due=due, is_postponed=True)
