"""Messages on their way over one connection: written as densely as the server takes them, settled in order.

With PIPELINING and CHUNKING (RFC 2920, RFC 3030) a small message is one flight, envelope and content, and
several are on their way at a time; with PIPELINING alone the next envelope follows the last content; else
a command waits for its answer. Whatever goes wrong is told for each message: not wholly sent, refused, or in
doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Endpoint, Outcome, RecipientOutcome, Skill, Skills, Submission
from fluenzr_smtp.problems import Problem, ProblemCode, Stage
from fluenzr_smtp.smtp.answers import OUT_OF_STEP, SMTPAnswers
from fluenzr_smtp.smtp.transaction import Due, Transaction, doubt
from fluenzr_smtp.smtp.trust import PromiseBrokenError

FINAL_REPLY_SECONDS = 600.0  # RFC 5321 §4.5.3.2.6: impatience after the last byte makes duplicates
WINDOW = 8
"""Messages that may be on their way at a time: each of them would be in doubt if the connection were lost."""
_RECIPIENTS = 100


@dataclass(frozen=True, slots=True)
class Settled:
    """A message and what became of each of its recipients."""

    submission: Submission
    outcomes: tuple[RecipientOutcome, ...]


class SMTPFlights(SMTPAnswers):
    """The part of a session in which messages are handed over."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        final_timeout: float = FINAL_REPLY_SECONDS,
        skills: Skills = Skills(),  # noqa: B008 - frozen
        **how: Any,  # noqa: ANN401 - as Session has them
    ) -> None:
        super().__init__(endpoint, final_timeout=final_timeout, skills=skills, **how)
        self._ended: list[Settled] = []
        self._unsure: list[Settled] = []
        self._is_shaken = False
        self._has_begun = False
        self._broken: PromiseBrokenError | None = None
        self.is_interrupted = False

    # -- what delivery uses --------------------------------------------------------------------------

    def submit(
        self, submission: Submission, *, about_to_end: Callable[[], None] | None = None
    ) -> tuple[RecipientOutcome, ...]:
        """Hand one message over; return what became of each recipient, ``in-doubt`` included.

        ``about_to_end`` is called before the bytes leave with which the server may have the whole message.

        Raises:
            FluenzrError: before any recipient was named, or when the server closed the channel then:
                ``sender-refused``, ``message-too-big``, ``smtputf8-not-offered`` ….
            PromiseBrokenError: The server failed in an extension; nothing was accepted.
        """
        flight = self._pushed(submission, about_to_end)
        while not (settled := self.settled()):
            continue
        if flight.refused is not None:
            raise FluenzrError(flight.refused)
        outcomes = settled[0].outcomes
        if self.is_interrupted and not any(each.outcome is Outcome.IN_DOUBT for each in outcomes):
            raise KeyboardInterrupt
        return outcomes

    @property
    def in_flight(self) -> int:
        """How many messages were pushed whose outcome was not told yet."""
        repeated = self._broken.unsent if self._broken is not None else ()
        return len(self._flights) + len(self._unsure) + len(self._ended) + len(repeated)

    @property
    def room(self) -> int:
        """How many messages may be pushed now.

        More than one only once this connection has taken a chunk: what follows a refused BDAT may be read as
        commands (RFC 3030 §2), and no answer to it be believed.
        """
        if self._ended or self._is_shaken or self._closing is not None or not self._wire.is_open:
            return 0
        if any(not each.is_out for each in self._flights):
            return 0
        if not self._is_trusted:
            return 0 if self._flights else 1
        if Skill.CHUNKING in self._used:
            return (WINDOW if Skill.CHUNKING in self.learnt.proven else 1) - len(self._flights)
        return 2 - len(self._flights) if Skill.PIPELINING in self._used else 1 - len(self._flights)

    def push(self, submission: Submission, *, about_to_end: Callable[[], None] | None = None) -> None:
        """Write a message, or the part of it that may go before the server answers; wait for nothing.

        What goes wrong is told by ``settled``.
        """
        self._pushed(submission, about_to_end)

    def answers_within(self, seconds: float) -> bool:
        """Wait so long for the next answer at most; say whether there is something to be read."""
        self._wire.begin(Stage.MESSAGE)
        return self._wire.arrives_within(seconds)

    def settled(self, *, wait: bool = True) -> tuple[Settled, ...]:
        """Read the answers that are there, waiting for those of one message at least if told to.

        Raises:
            PromiseBrokenError: The server failed in an extension; nothing of what is named was accepted.
        """
        done: list[Settled] = self._take_ended()
        self._raise_broken(done)
        try:
            with self._clock.leave.waiting():
                self._read_answers(done, wait=wait)
        except PromiseBrokenError as error:
            self._broken = error
            done += self._take_unsure()
            self._wire.close()
        except FluenzrError as error:
            self._lose(error.problem)
        except KeyboardInterrupt:
            self._interrupt()
        if self._closing is not None and not self._flights:
            self._wire.close()
        done += self._take_ended()
        self._raise_broken(done)
        return tuple(done)

    def _read_answers(self, done: list[Settled], *, wait: bool) -> None:
        while self._flights and self._is_worth_reading(wait=wait and not done):
            if self._advance(self._flights[0]) and self.room:
                break  # a content went out: the next envelope may follow it before its answer is there
            while self._flights and self._is_settled:
                self._settle(done)
            if self._is_shaken and not self._flights:
                done += self._verified()

    # -- within --------------------------------------------------------------------------------------

    def _pushed(self, submission: Submission, about_to_end: Callable[[], None] | None) -> Transaction:
        flight = Transaction(submission=submission, about_to_end=about_to_end)
        self._flights.append(flight)
        self._smtp.command_encoding = "ascii"
        try:
            commands = self._envelope(flight)
            flight.content = self._small_content(submission)
        except FluenzrError as error:  # of this message alone; nothing was written
            flight.refused = error.problem
            flight.is_out = True
            return flight
        try:
            with self._clock.leave.waiting():
                self._begin_flight(flight, commands)
        except PromiseBrokenError as error:
            self._broken = error
            self._wire.close()
        except FluenzrError as error:
            self._lose(error.problem)
        except KeyboardInterrupt:
            self._interrupt()
        return flight

    def _begin_flight(self, flight: Transaction, commands: list[str]) -> None:
        if len(self._flights) == 1:
            self._prepare(Stage.SENDER)
            if self._wire.has_ended:  # before a byte of this message left
                raise self._wire.broken(ProblemCode.CONNECTION_LOST)
        else:
            self._wire.begin(Stage.SENDER)
        due = [Due.MAIL] + [Due.RCPT] * len(flight.recipients)
        if self._has_begun:  # RFC 3030 §2: after a failed BDAT nothing else is sure to end the transaction
            commands, due = ["RSET", *commands], [Due.RSET, *due]
        self._has_begun = True
        used = self._used
        if Skill.PIPELINING not in used:
            self._say_one_by_one(flight, commands, due)
        elif flight.content is not None and self._may_go_whole(flight):
            self._say_whole(flight, commands, due, flight.content)
        else:
            has_data = Skill.CHUNKING not in used
            flight.is_grouped, flight.skill = True, Skill.PIPELINING
            flight.due = [*due, Due.DATA] if has_data else due
            self._say([*commands, "DATA"] if has_data else commands)

    def _may_go_whole(self, flight: Transaction) -> bool:
        """Say whether the content may go before the envelope is answered.

        Not behind more recipients than every server takes (RFC 5321 §4.5.3.1.8): one that leaves at so many
        errors would leave the message in doubt.
        """
        is_trusted = Skill.CHUNKING in self._used and self._is_trusted
        return is_trusted and len(flight.recipients) <= _RECIPIENTS

    def _say_one_by_one(self, flight: Transaction, commands: list[str], due: list[Due]) -> None:
        for command, answered in zip([*commands, "DATA"], [*due, Due.DATA], strict=True):
            if answered is Due.DATA and flight.is_hopeless:
                break
            flight.due = [answered]
            self._prepare(flight.stage)
            self._say([command])
            self._advance(flight)
            if flight.refused is not None or flight.is_out:
                break

    def _settle(self, done: list[Settled]) -> None:
        """Tell of the first message, or keep what is told of it until it is sure."""
        flight = self._flights.popleft()
        told = Settled(flight.submission, flight.settled())
        # With a refusal the answers can get out of step: it may have been given twice, or the content been
        # read as commands (RFC 3030 §2). Then the answer to one thing would be taken for that to the next.
        is_refused = any(each.outcome is not Outcome.ACCEPTED for each in told.outcomes)
        self._is_shaken |= (flight.is_whole and is_refused) or flight.is_end_refused
        (self._unsure if self._is_shaken else done).append(told)

    def _verified(self) -> list[Settled]:
        """Ask what only one answer fits, to see whether those before it were in step; tell what was kept."""
        is_in_step = self._closing is not None or self._is_in_step()
        unsure, self._is_shaken = self._take_unsure(), False
        if is_in_step:
            return unsure
        problem = self._wire.broken(ProblemCode.UNEXPECTED_REPLY).problem
        self._wire.close()
        doubts = [(each.submission, doubt(problem, each.submission)) for each in unsure]
        return [
            Settled(
                submission,
                tuple(RecipientOutcome.failed(each, told) for each in submission.envelope.recipients),
            )
            for submission, told in doubts
        ]

    def _is_worth_reading(self, *, wait: bool) -> bool:
        return wait or self._is_settled or not self._flights[0].due or self._wire.has_arrived()

    @property
    def _is_settled(self) -> bool:
        flight = self._flights[0]
        return not flight.due and flight.is_out

    def _take_ended(self) -> list[Settled]:
        ended, self._ended = self._ended, []
        return ended

    def _take_unsure(self) -> list[Settled]:
        unsure, self._unsure = self._unsure, []
        return unsure

    def _raise_broken(self, done: list[Settled]) -> None:
        """Tell of a broken promise, but of what was settled before it first: that is not to be repeated."""
        if self._broken is not None and not done:
            error, self._broken = self._broken, None
            raise error

    # -- when it ends --------------------------------------------------------------------------------

    def _lose(self, problem: Problem) -> None:
        """The connection is lost: tell for each message whether the server may have it."""
        self._ended += self._take_unsure()
        if problem is not self._closing:
            self._read_the_rest()
        self._suspect()
        self._mistrust(problem)
        is_closed = self._has_closed(problem)
        if is_closed and self._closing is not None:
            problem = self._closing
        for each in self._flights:
            if each.is_hopeless or (each.is_out and not each.due):
                outcomes = each.settled()
            elif each.is_doubtful() and not is_closed:
                outcomes = each.failed(doubt(problem, each.submission))
            else:
                outcomes = each.failed(problem)
                each.refused = None if each.outcomes else problem
            self._ended.append(Settled(each.submission, outcomes))
        self._flights.clear()
        self._wire.close()

    def _suspect(self) -> None:
        """Do without pipelining from now on where a server that was only trusted gave no answer at all."""
        first = self._flights[0] if self._flights else None
        is_proven = Skill.PIPELINING in self.skills.proven | self.learnt.proven
        if first is not None and not is_proven and first.is_doubtful() and Due.MAIL in first.due:
            self.learnt = replace(self.learnt, broken=self.learnt.broken | {Skill.PIPELINING})

    def _mistrust(self, problem: Problem) -> None:
        """Where the answers make no sense, those before may not have been what they were taken for."""
        for each in self._flights if problem.code in OUT_OF_STEP else ():
            if each.due:
                each.forget()

    def _has_closed(self, problem: Problem) -> bool:
        """Say whether the server closed the channel as it had said (RFC 5321 §3.8), and looked at no more."""
        is_end = problem.code is ProblemCode.CONNECTION_LOST and not self._smtp.is_mid_reply
        return self._closing is not None and (is_end or problem is self._closing)

    def _read_the_rest(self) -> None:
        """Read what the server said before it went: it may tell why, or that it has taken messages over."""
        try:
            while self._flights and self._flights[0].due and self._has_answered():
                self._advance(self._flights[0])
                while self._flights and self._is_settled:
                    flight = self._flights.popleft()
                    self._ended.append(Settled(flight.submission, flight.settled()))
        except PromiseBrokenError as error:
            self._broken = error
        except FluenzrError:
            return

    def _has_answered(self) -> bool:
        if not self._wire.has_line and self._wire.is_open:
            self._wire.has_arrived()  # takes it in
        return self._wire.has_line

    def _interrupt(self) -> None:
        """Somebody wants to leave: tell what is known of each message, and let ``is_interrupted`` say why."""
        self.is_interrupted = True
        self._lose(self._wire.failure(ProblemCode.INTERRUPTED).problem)
