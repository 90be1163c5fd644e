"""One message on a connection: which replies are due for it, and what follows from them (RFC 5321 §3.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from fluenzr_smtp.model import Outcome, RecipientOutcome, Skill, Submission
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage
from fluenzr_smtp.smtp.replies import is_success


class Due(StrEnum):
    """What the next reply answers."""

    RSET = "rset"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END = "end"


@dataclass(slots=True, kw_only=True)
class Transaction:
    """A message whose outcome is not known yet. ``due`` are the replies that the server still owes.

    ``content`` is that of a small message, checked. ``is_out``: the last byte of the message was handed to
    the network, so that the server may have it all.
    """

    submission: Submission
    about_to_end: Callable[[], None] | None = None
    due: list[Due] = field(default_factory=list)
    outcomes: list[RecipientOutcome] = field(default_factory=list)
    content: bytes | None = field(default=None, repr=False)
    is_out: bool = False
    is_grouped: bool = False
    is_end_refused: bool = False
    skill: Skill | None = None
    refused: Problem | None = None
    final: ServerReply | None = None

    @property
    def accepted(self) -> int:
        """How many recipients were accepted so far."""
        return sum(each.outcome is Outcome.ACCEPTED for each in self.outcomes)

    @property
    def recipients(self) -> tuple[str, ...]:
        """The recipients of the envelope."""
        return self.submission.envelope.recipients

    @property
    def is_whole(self) -> bool:
        """Say whether the content went with the envelope, before anything was answered."""
        return self.skill is Skill.CHUNKING and not self.is_grouped

    @property
    def is_hopeless(self) -> bool:
        """Say whether nobody can get the message: the sender or all recipients are refused."""
        if self.refused is not None:
            return True
        return len(self.outcomes) == len(self.recipients) and not self.accepted

    @property
    def stage(self) -> Stage:
        """The stage of the next reply."""
        if not self.due or self.due[0] in (Due.DATA, Due.END):
            return Stage.MESSAGE
        return Stage.RECIPIENT if self.due[0] is Due.RCPT else Stage.SENDER

    def take_recipient(self, reply: ServerReply, problem: Problem | None) -> None:
        """Note the answer to the next RCPT."""
        address = self.recipients[len(self.outcomes)]
        if problem is None and is_success(reply):
            outcome = RecipientOutcome(recipient=address, outcome=Outcome.ACCEPTED, reply=reply)
        elif problem is not None:
            outcome = RecipientOutcome.failed(address, problem)
        else:
            raise ValueError("a refusal has a problem")
        self.outcomes.append(outcome)

    def settled(self) -> tuple[RecipientOutcome, ...]:
        """Return the outcomes once all replies are in."""
        if self.refused is not None and not self.outcomes:
            return self.failed(self.refused)
        if self.final is None:
            return tuple(self.outcomes) if self.is_hopeless else self.failed(self.refused)
        return tuple(
            RecipientOutcome(recipient=each.recipient, outcome=Outcome.ACCEPTED, reply=self.final)
            if each.outcome is Outcome.ACCEPTED
            else each
            for each in self.outcomes
        )

    def failed(self, problem: Problem | None) -> tuple[RecipientOutcome, ...]:
        """Return the outcomes where a problem ended it: whoever was refused before stays so."""
        if problem is None:
            raise ValueError("a failure has a problem")
        known = {each.recipient: each for each in self.outcomes if each.outcome is not Outcome.ACCEPTED}
        return tuple(known.get(each) or RecipientOutcome.failed(each, problem) for each in self.recipients)

    def forget(self) -> None:
        """Take nothing for known of a message that went whole: the answers may have been those to others."""
        if self.is_whole and self.is_out:
            self.outcomes.clear()
            self.refused = None

    def is_doubtful(self) -> bool:
        """Say whether the server may have accepted the message although nothing says so."""
        return self.is_out and not self.is_hopeless


def doubt(problem: Problem, submission: Submission) -> Problem:
    """Return the problem of a message whose answer was lost for this reason."""
    facts = {"message_id": submission.message_id, "cause": problem.code.value}
    known = {name: problem.facts[name] for name in ("host", "port") if name in problem.facts}
    return Problem(code=ProblemCode.OUTBOX_IN_DOUBT, stage=Stage.MESSAGE, facts={**known, **facts})
