"""``fluenzr outbox resolve``: look for messages in doubt in the account's mailboxes, and settle them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.network import Timeout
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.outbox.look import Account, Messages
from fluenzr_smtp.cli.output import printable
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import State
from fluenzr_smtp.problems import Problem, ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.outbox import Record


class Verdict(StrEnum):
    """What a person knows of a message in doubt."""

    ACCEPTED = "accepted"
    QUEUED = "queued"


_RELEASED = "released"  # what was sent without --queue and is now known not to have arrived
_SETTLED = form.record(
    id=form.TEXT,
    message_id=form.TEXT,
    verdict=form.nullable(form.choice(*(each.value for each in Verdict), _RELEASED)),
    folder=form.nullable(form.TEXT),
    problem=form.nullable(form.PROBLEM),
)
SCHEMAS = {"outbox resolve": form.record(messages=form.array(_SETTLED))}


def register(tree: typer.Typer) -> None:
    """Put the command into its tree."""
    lines = ("fluenzr outbox resolve", "fluenzr outbox resolve k3f9x2ab --as accepted")
    tree.command("resolve", cls=Command, epilog=examples(*lines))(resolve)


def resolve(
    ctx: typer.Context,
    messages: Messages = None,
    *,
    verdict: Annotated[
        Verdict | None,
        typer.Option("--as", help="Settle it as you know: accepted, or queued to send it once more."),
    ] = None,
    account: Account = None,
    timeout: Timeout = int(STEP_SECONDS),
) -> None:
    """Settle messages in doubt: look for their Message-IDs in the account's mailboxes by IMAP.

    What is found was accepted. What is not found stays in doubt, for not every provider files what it was
    sent: look for yourself, then say what you know with --as.
    """
    run = current(ctx)
    box = run.app.outbox
    box.recover()
    if messages:
        found = tuple(box.get(each) for each in dict.fromkeys(messages))
    elif verdict is not None:
        run.prompts.missing("ID")
    else:
        found = box.list(states={State.IN_DOUBT}, account=account)
    results = [_settled(run, each, verdict, float(timeout)) for each in found]
    problems = tuple(problem for _, problem in results if problem is not None)

    def show_all() -> None:
        for told, _ in results:
            where = f"  found in {printable(str(told['folder']))}" if told["folder"] else ""
            run.output.line(f"{told['verdict'] or 'in-doubt'}  {told['id']}{where}")
        if not results:
            run.output.note("No message is in doubt.")

    run.end({"messages": [told for told, _ in results]}, problems=problems, show=show_all)


def _settled(
    run: Invocation, found: Record, verdict: Verdict | None, timeout: float
) -> tuple[dict[str, object], Problem | None]:
    told: dict[str, object] = {
        "id": found.id,
        "message_id": found.message_id,
        "folder": None,
        "problem": None,
    }
    if verdict is not None:
        run.app.outbox.resolve(found.id, accepted=verdict is Verdict.ACCEPTED)
        if verdict is Verdict.QUEUED and not found.is_kept:
            run.output.note(
                f"{found.id} was sent without --queue, so its content is not here: send it again yourself. "
                "It is out of the outbox."
            )
            return {**told, "verdict": _RELEASED}, None
        return {**told, "verdict": verdict}, None
    if found.state is not State.IN_DOUBT:
        run.app.outbox.resolve(found.id, accepted=True)  # fails by its name
    try:
        folder = run.app.post.look_for(found, timeout=timeout)
    except FluenzrError as error:
        return {**told, "verdict": None, "problem": error.problem}, error.problem
    if folder is None:
        facts = {"host": printable(found.account), "message": found.id, "message_id": found.message_id}
        problem = Problem(code=ProblemCode.OUTBOX_IN_DOUBT, stage=Stage.OUTBOX, facts=facts)
        return {**told, "verdict": None, "problem": problem}, problem
    run.app.outbox.resolve(found.id, accepted=True)
    return {**told, "verdict": Verdict.ACCEPTED, "folder": folder}, None
