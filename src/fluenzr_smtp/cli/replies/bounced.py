"""``fluenzr replies bounced``: the addresses that came back for good."""

from __future__ import annotations

from typing import Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.columns import columns
from fluenzr_smtp.cli.moments import local
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import Command, examples

SCHEMAS: dict[str, form.Schema] = {
    "replies bounced": form.record(
        addresses=form.array(
            form.record(
                address=form.TEXT,
                since=form.TIME,
                status=form.nullable(form.TEXT),
                topic=form.nullable(form.TEXT),
                reply=form.TEXT,
            )
        ),
        forgotten=form.array(form.TEXT),
    )
}


def register(tree: typer.Typer) -> None:
    """Put the command into its tree."""
    lines = ("fluenzr replies bounced", "fluenzr replies bounced --forget bob@example.org")
    tree.command("bounced", cls=Command, epilog=examples(*lines))(bounced)


def bounced(
    ctx: typer.Context,
    *,
    forget: Annotated[
        list[str] | None,
        typer.Option("--forget", metavar="ADDRESS", help="Forget that it bounced; may be repeated."),
    ] = None,
) -> None:
    """List the addresses to which mail came back for good; send warns of them."""
    run = current(ctx)
    box = run.app.outbox
    forgotten = [each for each in forget or () if box.forget_bounced(each)]
    found = box.all_bounced()
    data = {
        "addresses": [
            {
                "address": each.address,
                "since": each.at,
                "status": each.status or None,
                "topic": each.topic or None,
                "reply": each.reply,
            }
            for each in found
        ],
        "forgotten": forgotten,
    }

    def show() -> None:
        _tell_forgotten(run, forget or (), forgotten)
        if found and not forget:
            rows = ((each.address, local(each.at), each.status or "-", each.topic or "-") for each in found)
            run.output.table(
                columns(("address", "since", "status", "topic"), rows, whole=frozenset({"address"}))
            )
        elif not forget:
            run.output.note("No address is known to have bounced.")

    run.end(data, show=show)


def _tell_forgotten(run: Invocation, wanted: list[str] | tuple[str, ...], forgotten: list[str]) -> None:
    for each in wanted:
        run.output.note(
            f"{each} is forgotten." if each in forgotten else f"{each} was not known to have bounced."
        )
