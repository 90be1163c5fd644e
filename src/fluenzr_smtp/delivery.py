"""Hand one submission to its server, now or not at all, and tell what became of each recipient."""

from __future__ import annotations

from dataclasses import dataclass

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Account, Clock, Outcome, RecipientOutcome, Secret, Submission
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode, ServerReply, Stage
from fluenzr_smtp.smtp import SMTPSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one submission. ``reply`` is the server's answer to the message, if it took it."""

    account: Account
    submission: Submission
    recipients: tuple[RecipientOutcome, ...]

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


def deliver(
    account: Account, secret: Secret | None, submission: Submission, *, clock: Clock, timeout: float
) -> Delivery:
    """Submit a message over one connection; never raises for what the server or the network does.

    ``timeout`` bounds each step, in seconds; the answer after the last byte is awaited for ten minutes
    (RFC 5321 §4.5.3.2.6) whatever it says.
    """
    session = SMTPSession(account.smtp, clock=clock, timeout=timeout, provider=account.preset or "")
    if secret is not None:
        session.hide(secret)
    try:
        session.open()
        if account.username is not None and secret is not None:
            session.authenticate(account.username, secret)
        outcomes = session.submit(submission)
    except FluenzrError as error:
        recipients = submission.envelope.recipients
        outcomes = tuple(RecipientOutcome.failed(each, error.problem) for each in recipients)
    finally:
        session.close()
    return Delivery(account=account, submission=submission, recipients=outcomes)
