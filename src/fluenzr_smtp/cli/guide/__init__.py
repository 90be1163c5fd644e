"""``fluenzr guide``: what a problem, a code or a server's reply means, and what to do about it.

The command is here; ``explanation`` finds out what is meant, ``outputs`` tells it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from fluenzr_smtp.cli.guide.explanation import explained
from fluenzr_smtp.cli.guide.outputs import DATA, end_with, end_with_list
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ProblemCode, Stage

SCHEMAS = {"guide": DATA}

_EXAMPLES = examples(
    "fluenzr guide",
    "fluenzr guide auth-failed",
    "fluenzr guide tls-certificate-expired",
    "fluenzr guide '535 5.7.8 Authentication failed' --stage auth --preset zoho",
    "fluenzr guide - --json < reply.txt",
)

_READ_BYTES = 1 << 20

tree = typer.Typer(add_completion=False)


@tree.command(cls=Command, epilog=_EXAMPLES)
def guide(
    ctx: typer.Context,
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TOPIC|CODE|REPLY]",
            help="A topic, a problem code, or what a server said (- reads it from standard input). "
            "Without it the topics are listed.",
        ),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option("--stage", metavar="NAME", help="At what the server said it, such as auth."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset", metavar="KEY", help="The provider who said it, or the software, such as exim."
        ),
    ] = None,
) -> None:
    """Explain a problem or a server's reply, and what to do about it."""
    run = current(ctx)
    if not text:
        end_with_list(run)
        return
    asked = _stage(ctx, stage)
    given = _pasted(run) if text == ["-"] else " ".join(text)
    end_with(run, explained(run, given.strip(), stage=asked, provider=preset or ""))


def _pasted(run: Invocation) -> str:
    """Return the beginning of standard input: more than is looked at is not kept.

    Raises:
        FluenzrError: ``file-unreadable``.
    """
    stdin = run.app.files.stdin
    try:
        content = run.app.files.read("-") if stdin is None else stdin.read(_READ_BYTES)
    except OSError as error:
        code, reason = ProblemCode.FILE_UNREADABLE, error.strerror or ""
        raise failure(code, Stage.INPUT, path="-", reason=reason) from error
    return content.decode("utf-8", "replace")


def _stage(ctx: typer.Context, name: str | None) -> Stage | None:
    if name is None:
        return None
    from fluenzr_smtp.classify import STAGE_NAMES

    if name.lower() not in STAGE_NAMES:
        ctx.fail(f"'{name}' is not a stage. There are: {', '.join(STAGE_NAMES)}")
    return STAGE_NAMES[name.lower()]
