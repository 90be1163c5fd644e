"""A message of the outbox as documents and tables show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.moments import local, retry_after
from fluenzr_smtp.cli.output import printable, reply_line
from fluenzr_smtp.model import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fluenzr_smtp.cli.options import Invocation
    from fluenzr_smtp.outbox import Record
    from fluenzr_smtp.problems import Problem

STATE = form.choice(*(each.value for each in State))
RECORD = form.record(
    id=form.TEXT,
    account=form.TEXT,
    state=STATE,
    mail_from=form.TEXT,
    message_id=form.TEXT,
    subject=form.TEXT,
    size_bytes=form.INTEGER,
    key=form.nullable(form.TEXT),
    created=form.TIME,
    changed=form.TIME,
    due=form.nullable(form.TIME),
    expires=form.nullable(form.TIME),
    attempts=form.INTEGER,
    problem=form.nullable(form.PROBLEM),
    recipients=form.array(
        form.record(
            recipient=form.TEXT,
            state=STATE,
            reply=form.nullable(form.REPLY),
            problem=form.nullable(form.PROBLEM),
        )
    ),
)


def record(found: Record) -> dict[str, object]:
    """Return a message as documents show it."""
    return {
        "id": found.id,
        "account": found.account,
        "state": found.state,
        "mail_from": found.mail_from,
        "message_id": found.message_id,
        "subject": found.subject,
        "size_bytes": found.size_bytes,
        "key": found.key or None,
        "created": found.created,
        "changed": found.changed,
        "due": found.due,
        "expires": found.expires,
        "attempts": found.attempts,
        "problem": found.problem,
        "recipients": [
            {
                "recipient": each.address,
                "state": each.state,
                "reply": each.reply,
                "problem": each.problem,
            }
            for each in found.recipients
        ],
    }


def table(run: Invocation, records: Iterable[Record]) -> None:
    """Show messages as a table."""
    from fluenzr_smtp.cli.columns import columns

    rows = (
        (
            each.id,
            _state(each),
            local(each.due) if each.due and each.state in _WAITING else "-",
            _recipients(each),
            each.subject or "-",
            each.account,
            str(each.attempts),
        )
        for each in records
    )
    names = ("id", "state", "next try", "to", "subject", "account", "tries")
    run.output.table(columns(names, rows, whole=frozenset({"id", "state", "next try"})))


def rows(run: Invocation, found: Record) -> Iterator[tuple[str, str]]:
    """Yield what there is to know of a message, for people."""
    yield "id", found.id
    yield "state", found.state.value
    yield "account", found.account
    yield "from", found.mail_from
    if found.subject:
        yield "subject", found.subject
    yield "Message-ID", found.message_id
    yield "size", f"{found.size_bytes} bytes"
    if found.key:
        yield "key", found.key
    yield "taken on", local(found.created)
    yield "changed", local(found.changed)
    if found.due is not None and found.state in _WAITING:
        yield "next try", local(found.due)
    if found.expires is not None and found.state in _WAITING:
        yield "given up at", local(found.expires)
    yield "tries", str(found.attempts)
    for each in found.recipients:
        said = reply_line(each.reply) if each.reply else ""
        if not said and each.problem is not None:
            said = run.output.sentence(each.problem).title
        yield "to", f"{each.address}  {each.state}" + (f"  {said}" if said else "")
    if found.problem is not None:
        yield "why", run.output.sentence(found.problem).title


def tell_held(run: Invocation, account: str, problem: Problem) -> None:
    """Tell, beside the result, what holds up the messages of an account, and until when."""
    title, until = printable(run.output.sentence(problem).title), retry_after(problem)
    if until is not None:
        run.output.note(f"{printable(account)} waits until {local(until)}: {title}.")
    elif problem.is_transient:
        run.output.note(f"{printable(account)} waits: {title}.")
    else:
        run.output.note(f"{printable(account)} is held up until its settings change: {title}.")


def _state(found: Record) -> str:
    is_partly = found.state is State.ACCEPTED and any(
        each.state is not State.ACCEPTED for each in found.recipients
    )
    return "partly" if is_partly else found.state.value


def _recipients(found: Record) -> str:
    first = printable(found.recipients[0].address) if found.recipients else "-"
    more = len(found.recipients) - 1
    return f"{first} +{more}" if more > 0 else first


_WAITING = frozenset({State.QUEUED, State.DEFERRED})
