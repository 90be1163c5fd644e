"""What each answer means for the message that it belongs to, and what follows it (RFC 5321 §3.3, §4.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Endpoint, Skill
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage
from fluenzr_smtp.smtp.modes import SMTPModes
from fluenzr_smtp.smtp.replies import is_intermediate, is_success
from fluenzr_smtp.smtp.transaction import Due, Transaction
from fluenzr_smtp.smtp.trust import is_not_understood

_CLOSING = 421
OUT_OF_STEP = frozenset({
    ProblemCode.UNEXPECTED_DATA,
    ProblemCode.UNEXPECTED_REPLY,
    ProblemCode.REPLY_MALFORMED,
})  # fmt: skip


class SMTPAnswers(SMTPModes):
    """The part of a session that reads answers, in the order in which they are due."""

    def __init__(self, endpoint: Endpoint, *, final_timeout: float, **how: Any) -> None:  # noqa: ANN401
        super().__init__(endpoint, **how)
        self._final_timeout = final_timeout
        self._closing: Problem | None = None
        self._answers: Mapping[Due, Callable[[Transaction, ServerReply], None]] = {
            Due.RSET: self._on_reset,
            Due.MAIL: self._on_mail,
            Due.RCPT: self._on_recipient,
            Due.DATA: self._on_data,
            Due.END: self._on_end,
        }

    def _advance(self, flight: Transaction) -> bool:
        """Read the next answer of a message, or go on where none is due; say whether a content went out."""
        if not flight.due:
            return not flight.is_out and self._went_on(flight)
        due = flight.due[0]
        stage, is_final = flight.stage, due is Due.END and flight.is_out
        is_final = is_final and not flight.is_hopeless and self._closing is None
        self._wire.begin(stage, timeout=self._final_timeout if is_final else None)
        try:
            reply = self._reply()
        except FluenzrError as error:
            self._require_promise(flight, error.problem)
            raise
        flight.due.pop(0)
        if reply.code == _CLOSING:
            self._closing = self._closing or self.refusal(reply, stage).problem
            if not flight.is_out:  # nobody goes on with a server that closes the channel (RFC 5321 §3.8)
                raise FluenzrError(self._closing)
        self._answers[due](flight, reply)
        return False

    def _went_on(self, flight: Transaction) -> bool:
        """All answers to the envelope are in: send the content, or end the transaction without it."""
        if flight.is_hopeless:
            flight.is_out = True
            return False
        self._learn(Skill.PIPELINING, flight.is_grouped)
        if flight.is_grouped and Skill.CHUNKING in self._used:
            flight.skill = Skill.CHUNKING
        self._send_content(flight)
        return True

    def _on_reset(self, flight: Transaction, reply: ServerReply) -> None:
        """Whatever the server says to RSET: the answer to MAIL tells whether it was done."""

    def _on_mail(self, flight: Transaction, reply: ServerReply) -> None:
        if not is_success(reply):
            flight.refused = self.refusal(reply, Stage.SENDER).problem

    def _on_recipient(self, flight: Transaction, reply: ServerReply) -> None:
        if flight.refused is not None:
            return  # of a transaction that was not begun
        if is_success(reply):
            flight.take_recipient(reply, None)
            return
        problem = self.refusal(
            reply, Stage.RECIPIENT, recipient=flight.recipients[len(flight.outcomes)]
        ).problem
        if reply.code in (500, 502, 503):
            self._require_promise(flight, problem)
        flight.take_recipient(reply, problem)

    def _on_data(self, flight: Transaction, reply: ServerReply) -> None:
        if reply.code == 354 and flight.is_hopeless:  # RFC 2920 §3.1: an empty message, which nobody gets
            flight.is_out = True
            flight.due = [Due.END]
            self._say(["."])
        elif flight.is_hopeless:
            if is_success(reply):  # of something else: what follows would be taken for the content
                raise self._wire.broken(ProblemCode.UNEXPECTED_REPLY)
        elif reply.code != 354:
            problem = self.refusal(reply, Stage.MESSAGE).problem
            if is_not_understood(reply):
                self._require_promise(flight, problem)
            self._refuse(flight, problem)

    def _on_end(self, flight: Transaction, reply: ServerReply) -> None:
        if flight.is_hopeless:
            if flight.skill is Skill.CHUNKING and reply.code in (500, 502) and not self._takes_chunks:
                raise self._wire.broken(ProblemCode.UNEXPECTED_REPLY)  # it reads the content as commands
            if flight.is_whole and is_success(reply):  # somebody got it after all
                flight.due = [Due.END]
                raise self._wire.broken(ProblemCode.UNEXPECTED_REPLY)
            return
        if (reply.enhanced or "").startswith(
            "2.1."
        ):  # RFC 3463 §3.2: about an address, so not about a message
            flight.due = [Due.END]
            raise self._wire.broken(ProblemCode.UNEXPECTED_REPLY)
        if reply.code == 250 and flight.is_out:
            flight.final = reply
            self._learn(Skill.PIPELINING, flight.is_grouped or flight.skill is Skill.CHUNKING)
            self._learn(Skill.CHUNKING, flight.skill is Skill.CHUNKING)
            return
        problem = self.refusal(reply, Stage.MESSAGE).problem
        self._require_chunks(flight, reply, problem)
        if is_success(reply) or is_intermediate(
            reply
        ):  # neither yes nor no: nor is what follows to be believed
            flight.due = [Due.END]
            raise self._wire.broken(ProblemCode.UNEXPECTED_REPLY)
        flight.is_end_refused = True
        self._refuse(flight, problem)

    def _refuse(self, flight: Transaction, problem: Problem) -> None:
        """Give all recipients that were accepted the refusal of the message."""
        flight.outcomes = list(flight.failed(problem))
        flight.due.clear()
        flight.is_out = True

    def _is_in_step(self) -> bool:
        """Say whether EHLO, which is like RSET (RFC 5321 §4.1.4), gets the answer that only it gets."""
        if not self.capabilities:  # nothing would tell its answer from others
            return True
        try:
            reply = self._command(f"EHLO {self._smtp.local_hostname}", stage=Stage.MESSAGE)
        except FluenzrError as error:
            return error.problem.code not in OUT_OF_STEP
        keywords = {line.split()[0].lower() for line in reply.text.splitlines() if line.strip()}
        return reply.code == 250 and not keywords.isdisjoint(self.capabilities)
