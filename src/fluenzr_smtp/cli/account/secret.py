"""Where the secret of an account comes from: an option, the environment, or a hidden prompt."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Secret, TokenCommand
from fluenzr_smtp.problems import ProblemCode, Stage

OPTIONS = ("--password-stdin", "--password-file", "--password-command", "--token-command")
VARIABLE = "FLUENZR_PASSWORD"

_PANEL = "Password (never as an argument)"
_COMMAND_SECONDS = 60.0

StdinFlag = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from standard input.", rich_help_panel=_PANEL),
]
FileOption = Annotated[
    str | None,
    typer.Option(
        "--password-file", metavar="FILE", help="Read the password from a file.", rich_help_panel=_PANEL
    ),
]
CommandOption = Annotated[
    str | None,
    typer.Option(
        "--password-command",
        metavar="COMMAND",
        help="Run a command that prints the password, such as 'pass show shop'.",
        rich_help_panel=_PANEL,
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token-command",
        metavar="COMMAND",
        help="Log in by OAuth: a command that prints an access token, such as 'oama access me@shop.fr'. "
        "It is kept, and run at each login.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSource:
    """What was said of where the secret is."""

    stdin: bool = False
    file: str | None = None
    command: str | None = None
    token_command: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """The options that were used."""
        typed = (self.file, self.command, self.token_command)
        used = (self.stdin, *(each is not None for each in typed))
        return tuple(option for option, is_used in zip(OPTIONS, used, strict=True) if is_used)

    def read(self, run: Invocation) -> Secret | None:
        """Return the secret from the one option that was used, else from the environment; None if neither.

        Raises:
            FluenzrError: ``usage-invalid`` for two options at once; ``secret-…``, ``file-…``.
        """
        from fluenzr_smtp import files, secrets_in

        if len(self.named) > 1:
            reason = f"{' and '.join(self.named)} exclude each other"
            raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
        if self.stdin:
            return secrets_in.from_stdin(sys.stdin.buffer)
        if self.file is not None:
            return secrets_in.from_file(files.located(self.file))
        if self.command is not None:
            environ = run.app.environ
            return secrets_in.from_command(self.command, environ=environ, timeout=_COMMAND_SECONDS)
        if self.token_command is not None:
            secrets_in.require_command(self.token_command)
            return TokenCommand(self.token_command, run.app.token_from)
        text = run.app.environ.get(VARIABLE)
        return None if text is None else secrets_in.from_text(text)


def ask(run: Invocation, address: str) -> Secret:
    """Ask for the secret at the terminal.

    Raises:
        FluenzrError: ``input-required``, ``secret-empty``, ``secret-malformed``.
    """
    from fluenzr_smtp import secrets_in

    answer = run.prompts.ask_secret(f"Password of {address}", option=OPTIONS[0])
    return secrets_in.from_text(answer.reveal())
