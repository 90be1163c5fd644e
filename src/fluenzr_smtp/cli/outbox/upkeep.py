"""``fluenzr outbox prune | repair``."""

from __future__ import annotations

from typing import Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.options import current
from fluenzr_smtp.cli.outbox.records import RECORD, record, table
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.model import State
from fluenzr_smtp.settings import parse_span

SCHEMAS = {
    "outbox prune": form.record(pruned=form.INTEGER),
    "outbox repair": form.record(messages=form.array(RECORD), set_aside=form.nullable(form.TEXT)),
}


def register(tree: typer.Typer) -> None:
    """Put the commands into their tree."""
    lines = ("fluenzr outbox prune", "fluenzr outbox prune --older-than 7d --state rejected")
    tree.command("prune", cls=Command, epilog=examples(*lines))(prune)
    tree.command("repair", cls=Command, epilog=examples("fluenzr outbox repair"))(repair)


def prune(
    ctx: typer.Context,
    *,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="TIME", help="Only messages unchanged for this long.")
    ] = "35d",
    states: Annotated[
        list[State] | None, typer.Option("--state", help="Only accepted or only rejected ones.")
    ] = None,
) -> None:
    """Forget messages that are accepted or refused for good; what waits or is in doubt stays."""
    run = current(ctx)
    wanted = set(states or (State.ACCEPTED, State.REJECTED))
    if wanted - {State.ACCEPTED, State.REJECTED}:
        ctx.fail("Only accepted and rejected messages can be pruned; cancel and resolve are for others.")
    before = run.app.clock.now() - parse_span(older_than, "--older-than")
    count = run.app.outbox.prune(before=before, states=wanted)
    run.end({"pruned": count}, show=lambda: run.output.line(f"pruned  {count}"))


def repair(ctx: typer.Context) -> None:
    """Make a new database where it is damaged, from the messages that are kept beside it.

    All of them are in doubt then, for nobody knows which had been sent; resolve settles them.
    """
    run = current(ctx)
    set_aside, found = run.app.outbox.repair()

    def show_all() -> None:
        if set_aside is None:
            run.output.line("The database is sound; nothing was changed.")
            return
        run.output.line(f"set aside  {set_aside}")
        if found:
            table(run, found)

    data = {"messages": [record(each) for each in found], "set_aside": set_aside and str(set_aside)}
    run.end(data, show=show_all)
