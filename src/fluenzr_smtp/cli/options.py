"""What every command shares: one run's collaborators, and the options that are taken everywhere."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperOption

from fluenzr_smtp.cli.documents import Document
from fluenzr_smtp.cli.output import Output, prepared
from fluenzr_smtp.cli.prompts import Prompts

if TYPE_CHECKING:
    from collections.abc import Callable

    from fluenzr_smtp.app import App
    from fluenzr_smtp.problems import ExitStatus, Problem

_PANEL = "Everywhere"


@dataclass(kw_only=True)
class Invocation:
    """One run of the program. ``command`` is its words (``presets list``) once they are known."""

    app: App
    output: Output
    prompts: Prompts
    command: str = ""
    debug: bool = False

    @classmethod
    def of_this_process(cls, app: App) -> Invocation:
        """Return a run that talks through the streams of the process."""
        stdout, stderr = prepared(sys.stdout), prepared(sys.stderr)
        return cls(
            app=app,
            output=Output(
                stdout=stdout,
                stderr=stderr,
                environ=app.environ,
                chosen_language=lambda: app.chosen_language,
            ),
            prompts=Prompts(stdin=sys.stdin, stderr=stderr),
        )

    def answer_in_json(self) -> None:
        """From now on stdout carries one document, and nobody is asked."""
        self.output.json = True
        self.prompts.allowed = False
        prepared(sys.stdout, encoding="utf-8")  # RFC 8259 §8.1

    def end(
        self,
        data: object,
        *,
        show: Callable[[], None] | None = None,
        problems: tuple[Problem, ...] = (),
        exit_status: ExitStatus | None = None,
    ) -> None:
        """End the command with its data: ``show`` tells people what the document tells a script.

        ``exit_status`` is, unless given, that of the first problem, or 0.
        """
        self.output.result(self.document(data, problems=problems, exit_status=exit_status), show)

    def document(
        self, data: object, *, problems: tuple[Problem, ...] = (), exit_status: ExitStatus | None = None
    ) -> Document:
        """Return the document of a command's data; its status is, unless given, that of the first problem."""
        from fluenzr_smtp.problems import ExitStatus

        status = exit_status or (problems[0].exit_status if problems else ExitStatus.OK)
        return Document(command=self.command, data=data, problems=problems, exit_status=status)


def current(ctx: typer.Context) -> Invocation:
    """Return the run that a command belongs to."""
    found = ctx.find_object(Invocation)
    if found is None:
        raise LookupError("no command runs outside of run()")
    return found


def everywhere() -> list[TyperOption]:
    """Return the options that every command takes, fresh: they act on the run and reach no command."""
    return [
        _flag("--json", _set_json, "Print one JSON document on stdout; ask nothing."),
        _flag("--no-input", _set_no_input, "Ask nothing; fail when something is missing."),
        _flag("--debug", _set_debug, "Show a traceback when something goes wrong."),
        TyperOption(
            param_decls=["--lang"],
            callback=_set_language,
            expose_value=False,
            is_eager=True,
            metavar="CODE",
            help="Language of the messages, such as en.",
            rich_help_panel=_PANEL,
        ),
    ]


def _flag(name: str, callback: Callable[..., object], explanation: str) -> TyperOption:
    return TyperOption(
        param_decls=[name],
        is_flag=True,
        default=False,
        callback=callback,
        expose_value=False,
        is_eager=True,
        help=explanation,
        rich_help_panel=_PANEL,
    )


# Callbacks as Typer's own library calls them; its types are not public.


def _set_json(ctx: Any, _param: object, value: bool) -> None:  # noqa: ANN401, FBT001
    if value:
        current(ctx).answer_in_json()


def _set_no_input(ctx: Any, _param: object, value: bool) -> None:  # noqa: ANN401, FBT001
    if value:
        current(ctx).prompts.allowed = False


def _set_debug(ctx: Any, _param: object, value: bool) -> None:  # noqa: ANN401, FBT001
    if value:
        current(ctx).debug = True


def _set_language(ctx: Any, _param: object, value: str | None) -> None:  # noqa: ANN401
    if value:
        from fluenzr_smtp.messages import require_language

        current(ctx).output.language = require_language(value)
