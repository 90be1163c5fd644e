"""The tree of commands: which there are, where they live, and what all of them have in common.

A command's module is imported when the command is called or help lists it, so that ``send`` does not pay
for ``account``. A new command is a row of ``COMMANDS`` and a module with a ``tree`` and ``SCHEMAS``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from fluenzr_smtp.cli.options import everywhere

if TYPE_CHECKING:
    from types import ModuleType

    from fluenzr_smtp.cli.options import Invocation

PROGRAM = "fluenzr"

#: The first word of a command and the module of this package that it lives in, in the order of the help.
COMMANDS = {
    "account": "account",
    "discover": "discover",
    "send": "send",
    "outbox": "outbox",
    "replies": "replies",
    "diagnose": "diagnose",
    "guide": "guide",
    "vault": "vault",
    "presets": "presets",
    "config": "config",
    "demo": "demo",
    "sendmail": "sendmail",
    "schema": "schema",
}


def examples(*lines: str) -> str:
    """Return the closing part of a help text: commands that can be copied."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def noun(explanation: str) -> typer.Typer:
    """Return a group of commands that share their first word."""
    return typer.Typer(cls=Group, no_args_is_help=True, add_completion=False, help=explanation)


def open_noun() -> typer.Typer:
    """Return a group of commands that does something without any of them: its callback, which explains it."""
    return typer.Typer(cls=OpenGroup, add_completion=False)


def module_of(command: str) -> ModuleType:
    """Import the module in which a command of this first word lives."""
    return import_module(f"fluenzr_smtp.cli.{COMMANDS[command]}")


def _unwrapped(text: str) -> str:
    """Return a docstring as paragraphs of one line: it is wrapped for its source, not for a terminal."""
    return "\n\n".join(" ".join(each.split()) for each in text.split("\n\n"))


# The types of Typer's own library are not public, hence Any in the signatures below.


class Command(TyperCommand):
    """A command: takes the options that are taken everywhere, and tells the run its name."""

    def __init__(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **settings)
        if self.help:
            self.help = _unwrapped(self.help)
        self.params = [*self.params, *everywhere()]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401
        """Note the command's words before anything can go wrong with its options."""
        run: Invocation = ctx.obj
        run.command = ctx.command_path.partition(" ")[2]
        return super().parse_args(ctx, args)


class Group(TyperGroup):
    """A group of commands; takes the options that are taken everywhere."""

    def __init__(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **settings)
        self.params = [*self.params, *everywhere()]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401
        """Refuse a missing command; its help is for people only."""
        if not args and ctx.obj.output.json:
            ctx.fail("Missing command.")
        return super().parse_args(ctx, args)


class OpenGroup(Group):
    """A group that is a command itself: what it does alone is its callback."""

    def __init__(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **settings)
        if self.help:
            self.help = _unwrapped(self.help)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401
        """Note the command's words before anything can go wrong with its options."""
        run: Invocation = ctx.obj
        run.command = ctx.command_path.partition(" ")[2]
        return TyperGroup.parse_args(self, ctx, args)


class Root(Group):
    """The program: finds its commands when they are needed."""

    def __init__(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **settings)
        self.commands = {name: TyperCommand(name) for name in COMMANDS}  # names only, for suggestions

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        """Return a command of this first word, or None."""
        if cmd_name not in COMMANDS:
            return None
        found = typer.main.get_command(module_of(cmd_name).tree)
        found.name = cmd_name
        return found
