"""What became of a message: the outcome of each recipient, and what follows from all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from fluenzr_smtp.model import Account, Content, Envelope, Outcome, RecipientOutcome, Submission
from fluenzr_smtp.outbox import RecipientRecord, Record, State
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode, ServerReply, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one submission.

    ``record`` is its identifier in the outbox, empty where nothing is kept of it; ``due`` is when it is tried
    again by itself; ``is_postponed``: nothing of it was tried, the account cannot be used now;
    ``is_repeated``: it was sent before under the same key, and this tells again what became of it then.
    ``saves_sent``: a copy is wanted among the sent mail; ``sent_folder`` is where it was put, or
    ``sent_problem`` why it was not.
    """

    account: Account
    submission: Submission
    recipients: tuple[RecipientOutcome, ...]
    record: str = ""
    key: str = ""
    due: datetime | None = None
    is_postponed: bool = False
    is_repeated: bool = False
    saves_sent: bool = False
    sent_folder: str | None = None
    sent_problem: Problem | None = None

    @classmethod
    def of_record(cls, account: Account, record: Record) -> Delivery:
        """Return what became of a message so far, as its record tells. Its content is not looked at."""
        submission = Submission(
            envelope=Envelope(
                mail_from=record.mail_from, recipients=tuple(each.address for each in record.recipients)
            ),
            message_id=record.message_id,
            content=_Unread(record.size_bytes),
            subject=record.subject,
        )
        return cls(
            account=account,
            submission=submission,
            recipients=tuple(map(_outcome, record.recipients)),
            record=record.id,
            key=record.key,
            due=record.due,
            saves_sent=record.saves_sent,
        )

    @classmethod
    def waiting(cls, account: Account, record: Record, problem: Problem) -> Delivery:
        """Return a message that was not tried because of a problem of its account."""
        told = cls.of_record(account, record)
        until = problem.facts.get("retry_after")
        if isinstance(until, str) and told.due is not None:
            told = replace(told, due=max(told.due, datetime.fromisoformat(until)))
        waiting = tuple(replace(each, problem=each.problem or problem) for each in told.recipients)
        return replace(told, recipients=waiting, is_postponed=True)

    @property
    def accepted(self) -> tuple[RecipientOutcome, ...]:
        """The recipients for whom the server took the message over."""
        return tuple(each for each in self.recipients if each.outcome is Outcome.ACCEPTED)

    @property
    def reply(self) -> ServerReply | None:
        """The server's answer after the last byte of the message, where it was accepted."""
        return self.accepted[0].reply if self.accepted else None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What stood in the way: the headline first, then each different problem once."""
        found = tuple(dict.fromkeys(each.problem for each in self.recipients if each.problem))
        if not found:
            return ()
        headline = self._headline(found)
        return (headline, *(each for each in found if each is not headline))

    @property
    def exit_status(self) -> ExitStatus:
        """The status that tells a script whether to try again (75), never (67, 69), or not to know (81)."""
        return self.problems[0].exit_status if self.problems else ExitStatus.OK

    def _headline(self, found: tuple[Problem, ...]) -> Problem:
        doubtful = next((each for each in found if each.code is ProblemCode.OUTBOX_IN_DOUBT), None)
        if doubtful:
            return doubtful
        if self.accepted:
            return Problem(
                code=ProblemCode.RECIPIENTS_PARTLY_REFUSED,
                stage=Stage.RECIPIENT,
                facts={"accepted": len(self.accepted), "total": len(self.recipients)},
            )
        # Nobody got it: as long as one refusal is for now only, trying all of it again is right and safe.
        return next((each for each in found if each.is_transient), found[0])


_OUTCOMES = {
    State.QUEUED: Outcome.DEFERRED,
    State.SENDING: Outcome.DEFERRED,
    State.ACCEPTED: Outcome.ACCEPTED,
    State.DEFERRED: Outcome.DEFERRED,
    State.REJECTED: Outcome.REJECTED,
    State.IN_DOUBT: Outcome.IN_DOUBT,
}


def _outcome(known: RecipientRecord) -> RecipientOutcome:
    return RecipientOutcome(
        recipient=known.address, outcome=_OUTCOMES[known.state], reply=known.reply, problem=known.problem
    )


@dataclass(frozen=True, slots=True)
class _Unread(Content):
    """A content of which only the size is of interest."""

    size_bytes: int

    def blocks(self) -> Iterator[bytes]:
        """Refuse: nobody sends what a record tells of."""
        raise LookupError("the content of a record is not read")
