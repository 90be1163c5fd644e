"""``fluenzr outbox list | show``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.outbox.records import RECORD, record, rows, table, tell_held
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.model import State

if TYPE_CHECKING:
    from fluenzr_smtp.outbox import Record

SCHEMAS = {
    "outbox list": form.record(messages=form.array(RECORD), total=form.INTEGER),
    "outbox show": form.record(message=RECORD),
}

_LIMIT = 200
_MOST = 1_000_000
_NOTHING = "There is no such message in the outbox."
_NOTHING_WAITS = "Nothing waits in the outbox; --all shows what was accepted."

Account = Annotated[str | None, typer.Option("--account", metavar="NAME", help="Of this account only.")]
Messages = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The messages.")]


def register(tree: typer.Typer) -> None:
    """Put the commands into their tree."""
    lines = ("fluenzr outbox list", "fluenzr outbox list --state in-doubt --json")
    tree.command("list", cls=Command, epilog=examples(*lines))(list_messages)
    tree.command("show", cls=Command, epilog=examples("fluenzr outbox show k3f9x2ab"))(show)


def list_messages(
    ctx: typer.Context,
    *,
    states: Annotated[
        list[State] | None, typer.Option("--state", help="Only messages in this state; may be repeated.")
    ] = None,
    account: Account = None,
    every: Annotated[bool, typer.Option("--all", help="The accepted ones too.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=_MOST, help="The newest N.")
    ] = _LIMIT,
) -> None:
    """List the messages that are not accepted: those that wait, were refused, or are in doubt."""
    run = current(ctx)
    wanted = set(states) if states else None if every else set(State) - {State.ACCEPTED}
    box = run.app.outbox
    box.recover()
    found = box.list(states=wanted, account=account, limit=limit)
    if not states and not every:  # by some of its recipients refused, it is not done with either
        accepted = box.list(states={State.ACCEPTED}, account=account, limit=limit)
        partly = (
            each for each in accepted if any(one.state is not State.ACCEPTED for one in each.recipients)
        )
        found = tuple(sorted((*found, *partly), key=lambda each: each.created))[-limit:]

    def show_table() -> None:
        if found:
            table(run, found)
            _tell_pauses(run, found)
        else:
            run.output.note(_NOTHING if every or states else _NOTHING_WAITS)

    run.end({"messages": [record(each) for each in found], "total": len(found)}, show=show_table)


def _tell_pauses(run: Invocation, found: Iterable[Record]) -> None:
    """Tell why messages wait although their time has come: their account may not send now."""
    waiting = (each for each in found if each.state in (State.QUEUED, State.DEFERRED))
    lanes = {each.lane: each.account for each in waiting}
    for lane, account in lanes.items():
        pause = run.app.outbox.pause_of(lane)
        if pause is not None:
            until = {} if pause.until is None else {"retry_after": pause.until.isoformat()}
            tell_held(run, account, pause.problem.with_facts(**until))


def show(
    ctx: typer.Context,
    message: Annotated[str, typer.Argument(metavar="ID", help="The message; its first letters do.")],
) -> None:
    """Show what became of a message, recipient by recipient."""
    run = current(ctx)
    run.app.outbox.recover()
    found = run.app.outbox.get(message)
    run.end({"message": record(found)}, show=lambda: run.output.fields(rows(run, found)))
