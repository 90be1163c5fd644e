"""``fluenzr replies show``: one reply in full."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.moments import local
from fluenzr_smtp.cli.network import Timeout
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.output import printable
from fluenzr_smtp.cli.replies.records import REPLY
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ProblemCode, Stage

SCHEMAS: dict[str, form.Schema] = {
    "replies show": form.record(
        reply=REPLY, text=form.TEXT, own_text=form.TEXT, is_cut=form.BOOLEAN, saved=form.nullable(form.TEXT)
    )
}
_CUT_AT_BYTES = 1024 * 1024


def register(tree: typer.Typer) -> None:
    """Put the command into its tree."""
    lines = ("fluenzr replies show k3f9x2ab", "fluenzr replies show k3f9x2ab --save ~/mail")
    tree.command("show", cls=Command, epilog=examples(*lines))(show)


def show(
    ctx: typer.Context,
    reply: Annotated[str, typer.Argument(metavar="ID", help="The reply; its first letters do.")],
    *,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="DIR", help="Write the original into this folder, as .eml."),
    ] = None,
    timeout: Timeout = int(STEP_SECONDS),
) -> None:
    """Show the whole text of a reply that was shown before."""
    run = current(ctx)
    inbox = run.app.inbox
    found = inbox.outbox.reply(reply)
    stored = run.app.account(found.account)
    with inbox.session(stored, timeout=float(timeout)) as session:
        octets = inbox.beginning(session, found)
        saved = None if save is None else inbox.save(session, found, save)
    from fluenzr_smtp.replies import Seen, parsed

    seen = Seen(parsed(octets), octets)
    told = _told(run, found.document)
    is_cut = len(octets) >= _CUT_AT_BYTES

    def show_all() -> None:
        run.output.fields(_fields(told))
        run.output.line()
        for line in seen.text.rstrip().split("\n"):
            run.output.line(printable(line, limit=10_000))
        _note(run, saved, is_cut=is_cut)

    data = {"reply": told, "text": seen.text, "own_text": seen.own, "is_cut": is_cut, "saved": saved}
    run.end(data, show=show_all)


def _told(run: Invocation, document: str) -> dict[str, str]:
    """Return what was shown of the reply, out of the document that is kept."""
    try:
        told: dict[str, str] = json.loads(document)["data"]["replies"][0]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        path = str(run.app.paths.outbox)
        raise failure(ProblemCode.OUTBOX_DAMAGED, Stage.OUTBOX, path=path) from error
    return told


def _fields(told: dict[str, str]) -> list[tuple[str, str]]:
    name, address = told["from_name"], told["from"]
    return [
        ("from", f"{name} <{address}>" if name else address),
        ("subject", told["subject"]),
        ("date", _when(told["date"])),
        ("kind", f"{told['kind']} ({told['reason']})"),
        ("answers", told["answers"] or "-"),
        ("folder", f"{told['folder']} of {told['account']}"),
    ]


def _when(date: str | None) -> str:
    """Return the sender's date in the reader's zone, if it has one there."""
    if not date:
        return "-"
    try:
        return local(datetime.fromisoformat(date))
    except (OverflowError, ValueError):  # at the ends of the calendar
        return date


def _note(run: Invocation, saved: Path | None, *, is_cut: bool) -> None:
    if is_cut:
        run.output.note("Only the first MiB was read; --save writes all of it.")
    if saved is not None:
        run.output.note(f"Written to {saved}.")
