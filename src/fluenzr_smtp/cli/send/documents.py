"""What ``send`` tells a script: each message with the outcome of each of its recipients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.model import Outcome
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.delivery import Delivery

_STATES = ("queued", *(each.value for each in Outcome))
_RECIPIENT = form.record(
    recipient=form.TEXT,
    outcome=form.choice(*_STATES),
    reply=form.nullable(form.REPLY),
    problem=form.nullable(form.PROBLEM),
)
_FIELDS = {
    "mail_from": form.TEXT,
    "message_id": form.TEXT,
    "size_bytes": form.INTEGER,
    "reply": form.nullable(form.REPLY),
    "recipients": form.array(_RECIPIENT),
    "id": form.nullable(form.TEXT),
    "key": form.nullable(form.TEXT),
    "is_repeated": form.BOOLEAN,
    "due": form.nullable(form.TIME),
    "sent_folder": form.nullable(form.TEXT),
    "sent_problem": form.nullable(form.PROBLEM),
    "content": form.nullable(form.TEXT),
}
SCHEMAS = {
    "send": form.record(
        account=form.TEXT,
        **{name: form.nullable(each) for name, each in _FIELDS.items()},
        total=form.INTEGER,
        accepted=form.INTEGER,
        queued=form.INTEGER,
        messages=form.array(form.record(**_FIELDS)),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message of the request and what became of it.

    ``is_kept``: the outbox holds it for later. ``content`` is the message itself, where it was asked for.
    """

    delivery: Delivery
    is_kept: bool = False
    is_repeated: bool = False
    content: str | None = None

    @property
    def is_accepted(self) -> bool:
        """Say whether the server has taken it over for somebody."""
        return bool(self.delivery.accepted)

    @property
    def is_waiting(self) -> bool:
        """Say whether it is tried again by itself."""
        return self.is_kept and any(each.outcome is Outcome.DEFERRED for each in self.delivery.recipients)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the exit status has to tell: of a message that waits in the outbox nothing yet."""
        if not self.is_waiting:
            return self.delivery.problems
        lasting = (Outcome.REJECTED, Outcome.IN_DOUBT)
        ended = [each for each in self.delivery.recipients if each.problem and each.outcome in lasting]
        found = tuple(dict.fromkeys(each.problem for each in ended if each.problem))
        if not found or any(each.outcome is Outcome.IN_DOUBT for each in ended):
            return found
        # The others wait: whoever took the status of a refusal for that of all would send to them again.
        total = len(self.delivery.recipients)
        return (_partly(queued=total - len(ended) - len(self.delivery.accepted), total=total), *found)


def problems_of(sent: Sequence[Sent]) -> tuple[Problem, ...]:
    """Return what stood in the way of all messages together: the headline first, each problem once."""
    found = tuple(dict.fromkeys(problem for each in sent for problem in each.problems))
    if len(sent) < 2 or not found:
        return found
    doubtful = next((each for each in found if each.code is ProblemCode.OUTBOX_IN_DOUBT), None)
    if doubtful is not None:
        return (doubtful, *(each for each in found if each is not doubtful))
    good = sum(not each.problems for each in sent)
    if good or any(each.is_accepted for each in sent):
        headline = _partly(accepted=good, messages=len(sent))
        return (headline, *(each for each in found if each.code is not headline.code))
    later = next((each for each in found if each.is_transient), found[0])
    return (later, *(each for each in found if each is not later))


def _partly(**counts: int) -> Problem:
    return Problem(code=ProblemCode.RECIPIENTS_PARTLY_REFUSED, stage=Stage.RECIPIENT, facts=counts)


def status_of(problems: Sequence[Problem]) -> ExitStatus:
    """Return the exit status that these problems mean."""
    return problems[0].exit_status if problems else ExitStatus.OK


def document(account: str, sent: Sequence[Sent]) -> dict[str, object]:
    """Return the data of the document; the fields of a message stand at its top where there is only one."""
    messages = [_record(each) for each in sent]
    only = messages[0] if len(messages) == 1 else dict.fromkeys(_FIELDS)
    return {
        "account": account,
        **only,
        "total": len(sent),
        "accepted": sum(each.is_accepted for each in sent),
        "queued": sum(each.is_waiting for each in sent),
        "messages": messages,
    }


def _record(sent: Sent) -> dict[str, object]:
    delivery = sent.delivery
    return {
        "mail_from": delivery.submission.envelope.mail_from,
        "message_id": delivery.submission.message_id,
        "size_bytes": delivery.submission.content.size_bytes,
        "reply": delivery.reply,
        "recipients": [
            {
                "recipient": each.recipient,
                "outcome": "queued"
                if sent.is_kept and each.problem is None and not each.reply
                else each.outcome,
                "reply": each.reply,
                "problem": each.problem,
            }
            for each in delivery.recipients
        ],
        "id": delivery.record or None,
        "key": sent.delivery.key or None,
        "is_repeated": sent.is_repeated,
        "due": delivery.due,
        "sent_folder": delivery.sent_folder,
        "sent_problem": delivery.sent_problem,
        "content": sent.content,
    }
