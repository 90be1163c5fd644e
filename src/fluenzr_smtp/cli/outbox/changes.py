"""``fluenzr outbox retry | cancel``."""

from __future__ import annotations

from typing import Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.outbox.look import Account, Messages
from fluenzr_smtp.cli.outbox.records import RECORD, record
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.model import State

SCHEMAS = {
    "outbox retry": form.record(messages=form.array(RECORD)),
    "outbox cancel": form.record(cancelled=form.array(form.TEXT)),
}


def register(tree: typer.Typer) -> None:
    """Put the commands into their tree."""
    lines = ("fluenzr outbox retry k3f9x2ab", "fluenzr outbox retry --all && fluenzr outbox run")
    tree.command("retry", cls=Command, epilog=examples(*lines))(retry)
    tree.command("cancel", cls=Command, epilog=examples("fluenzr outbox cancel k3f9x2ab"))(cancel)


def retry(
    ctx: typer.Context,
    messages: Messages = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="All that were refused or wait for their next try.")
    ] = False,
    account: Account = None,
) -> None:
    """Make messages due now that were refused, given up or have to wait; outbox run sends them.

    An account that was held up, by a refused password for example, is tried again as well.
    """
    run = current(ctx)
    ids = _ids(run, messages, every=every, account=account, states={State.REJECTED, State.DEFERRED})
    found = run.app.post.retry(ids)

    def show_all() -> None:
        for each in found:
            run.output.line(f"queued  {each.id}")
        if not found:
            run.output.note("There is nothing to be tried again.")

    run.end({"messages": [record(each) for each in found]}, show=show_all)


def cancel(
    ctx: typer.Context,
    messages: Messages = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    account: Account = None,
) -> None:
    """Take messages out of the outbox that wait or were refused; they are not sent."""
    run = current(ctx)
    ids = _ids(run, messages, every=every, account=account, states={State.QUEUED, State.DEFERRED})
    cancelled = [each.id for each in run.app.outbox.cancel(ids)]

    def show_all() -> None:
        for each in cancelled:
            run.output.line(f"cancelled  {each}")
        if not cancelled:
            run.output.note("There is nothing to be taken out.")

    run.end({"cancelled": cancelled}, show=show_all)


def _ids(
    run: Invocation, messages: list[str] | None, *, every: bool, account: str | None, states: set[State]
) -> tuple[str, ...]:
    box = run.app.outbox
    box.recover()
    if messages:
        return tuple(dict.fromkeys(box.get(each).id for each in messages))
    if not every and account is None:
        run.prompts.missing("ID or --all")
    return tuple(each.id for each in box.list(states=states, account=account))
