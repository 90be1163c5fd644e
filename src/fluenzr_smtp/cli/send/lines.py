"""What ``send`` tells people: one line for what went, one for each recipient who is not served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.moments import local
from fluenzr_smtp.cli.output import printable, reply_line
from fluenzr_smtp.model import Outcome, RecipientOutcome

if TYPE_CHECKING:
    from fluenzr_smtp.cli.options import Invocation
    from fluenzr_smtp.cli.send.documents import Sent


def show(run: Invocation, sent: Sequence[Sent], *, quiet: bool) -> None:
    """Show what became of the messages."""
    if len(sent) == 1:
        _show_one(run, sent[0], quiet=quiet)
    else:
        _show_many(run, sent, quiet=quiet)
    for each in sent:
        if each.delivery.sent_problem is not None:
            run.output.problem(each.delivery.sent_problem)


def _show_one(run: Invocation, sent: Sent, *, quiet: bool) -> None:
    delivery = sent.delivery
    submission = delivery.submission
    where = f"{printable(submission.envelope.mail_from)} -> "
    accepted = ", ".join(printable(each.recipient) for each in delivery.accepted)
    if accepted and delivery.reply and not quiet:
        again = " (sent before, not again)" if sent.is_repeated else ""
        run.output.line(
            f"accepted  {where}{accepted}  {printable(submission.message_id)}"
            f"  {reply_line(delivery.reply)}{again}"
        )
    if delivery.sent_folder is not None and not quiet:
        run.output.note(f"A copy is in {printable(delivery.sent_folder)}.")
    if sent.is_waiting and not quiet:
        waiting = (each for each in delivery.recipients if each.outcome is Outcome.DEFERRED)
        names = ", ".join(printable(each.recipient) for each in waiting)
        run.output.line(f"queued  {where}{names}  {printable(submission.message_id)}  {delivery.record}")
        tell_why_waiting(run, sent)
    if sent.is_repeated and not quiet and not accepted and not sent.is_waiting:
        is_doubtful = any(each.outcome is Outcome.IN_DOUBT for each in delivery.recipients)
        run.output.note(
            "The key was used before: nothing was tried now, and this is what became of it then. "
            f"'fluenzr outbox {'resolve' if is_doubtful else 'retry'} {delivery.record}' goes on with it."
        )
    if any(each.outcome is Outcome.IN_DOUBT for each in delivery.recipients):
        settle = f" 'fluenzr outbox resolve {delivery.record}' settles it." if delivery.record else ""
        run.output.note(f"The message in doubt is {printable(submission.message_id)}.{settle}")
    for each in delivery.recipients:
        if each.problem is not None and len(delivery.recipients) > 1:
            run.output.note(f"{each.outcome}: {printable(each.recipient)}  {_why(each)}")


def tell_why_waiting(run: Invocation, sent: Sent) -> None:
    """Tell, beside the result, why a message was not taken at once, and what will send it."""
    problem = next((each.problem for each in sent.delivery.recipients if each.problem), None)
    if problem is not None:
        run.output.note(f"It waits: {printable(run.output.sentence(problem).title)}.")
    due = sent.delivery.due
    since = f", from {local(due)} on" if due is not None and problem is not None else ""
    run.output.note(f"'fluenzr outbox run' sends it{since}; have it run regularly.")


def _show_many(run: Invocation, sent: Sequence[Sent], *, quiet: bool) -> None:
    lines = [
        f"{outcome.outcome}: {printable(outcome.recipient)}  {_why(outcome)}"
        for each in sent
        if not each.is_waiting
        for outcome in each.delivery.recipients
        if outcome.problem is not None
    ]
    for line in dict.fromkeys(lines):
        run.output.note(line)
    if quiet:
        return
    accepted = sum(each.is_accepted for each in sent)
    waiting = sum(each.is_waiting for each in sent)
    before = sum(each.is_repeated for each in sent)
    parts = [f"accepted {accepted} of {len(sent)}"]
    parts += [f"queued {waiting}"] if waiting else []
    parts += [f"sent before {before}"] if before else []
    run.output.line(", ".join(parts))


def _why(outcome: RecipientOutcome) -> str:
    if outcome.reply is not None:
        return reply_line(outcome.reply)
    return "" if outcome.problem is None else str(outcome.problem.code)
