"""``fluenzr config``: the user's choices, one by one. No secret is among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Any

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.output import printable
from fluenzr_smtp.cli.tree import Command, examples, noun
from fluenzr_smtp.config import PLAIN, Config, OAuthChoice
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.messages import require_language
from fluenzr_smtp.model import is_client_id, is_tenant
from fluenzr_smtp.problems import ProblemCode, Stage

_CHOICE = form.record(key=form.TEXT, value=form.nullable({"type": ["string", "integer"]}))

SCHEMAS = {
    "config list": form.record(choices=form.array(_CHOICE)),
    "config get": _CHOICE,
    "config set": _CHOICE,
    "config unset": _CHOICE,
}

_RULES: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "client_id": (is_client_id, "not-a-client-id"),
    "tenant": (is_tenant, "not-a-tenant"),
}
_PARTS = tuple(_RULES)
_KEYS = (*PLAIN, *(f"oauth.PROVIDER.{part}" for part in _PARTS))
_MOST_DAYS = 36_500
_SHOWN = 80  # characters of what is refused

tree = noun("Your choices: which account, which language, which client ids.")

Key = Annotated[str, typer.Argument(metavar="KEY", help=f"One of {', '.join(_KEYS)}.")]


@tree.command("list", cls=Command, epilog=examples("fluenzr config list", "fluenzr config list --json"))
def list_choices(ctx: typer.Context) -> None:
    """List what was chosen."""
    run = current(ctx)
    chosen = _chosen(run.app.config)

    def show() -> None:
        if not chosen:
            run.output.note("Nothing was chosen yet. A choice: fluenzr config set KEY VALUE")
        run.output.fields([(key, str(value)) for key, value in chosen.items()])

    run.end({"choices": [{"key": key, "value": value} for key, value in chosen.items()]}, show=show)


@tree.command("get", cls=Command, epilog=examples("fluenzr config get oauth.google.client_id"))
def get(ctx: typer.Context, key: Key) -> None:
    """Print one choice; nothing where none was made."""
    run = current(ctx)
    _parts(key)
    value = _chosen(run.app.config).get(key)
    run.end(
        {"key": key, "value": value},
        show=lambda: None if value is None else run.output.line(printable(str(value))),
    )


@tree.command(
    "set",
    cls=Command,
    epilog=examples(
        "fluenzr config set oauth.google.client_id 1234-abc.apps.googleusercontent.com",
        "fluenzr config set oauth.microsoft.client_id 11111111-2222-3333-4444-555555555555",
        "fluenzr config set oauth.microsoft.tenant my-company.com",
        "fluenzr config set language fr",
        "fluenzr config set secret_max_age_days 180",
    ),
)
def set_choice(
    ctx: typer.Context, key: Key, value: Annotated[str, typer.Argument(metavar="VALUE", help="The choice.")]
) -> None:
    """Choose. A client secret is no choice: it is asked for, and kept in the vault."""
    run = current(ctx)
    kept = _checked(run, key, value.strip())
    run.app.choose(lambda config: _with(config, key, kept))
    run.end(
        {"key": key, "value": kept}, show=lambda: run.output.line(f"{key} is {printable(str(kept))} now.")
    )


@tree.command("unset", cls=Command, epilog=examples("fluenzr config unset default_account"))
def unset(ctx: typer.Context, key: Key) -> None:
    """Take a choice back."""
    run = current(ctx)
    _parts(key)
    if key in _chosen(run.app.config):
        run.app.choose(lambda config: _with(config, key, None))
    run.end({"key": key, "value": None}, show=lambda: run.output.line(f"{key} is not set any more."))


def _chosen(config: Config) -> dict[str, str | int]:
    """Return the choices that this command knows, by their keys."""
    plain = {key: getattr(config, key) for key in PLAIN}
    oauth = {
        f"oauth.{name}.{part}": getattr(choice, part)
        for name, choice in config.oauth.items()
        for part in _PARTS
    }
    return {key: value for key, value in (plain | oauth).items() if value is not None}


def _parts(key: str) -> tuple[str, str] | None:
    """Return the provider and the part that a key of OAuth names; a provider may be a host name.

    Raises:
        FluenzrError: ``usage-invalid`` for a key that is none.
    """
    if key in PLAIN:
        return None
    rest, _, part = key.rpartition(".")
    root, _, name = rest.partition(".")
    if root == "oauth" and part in _PARTS and name and name == name.strip() and name.isprintable():
        return name, part
    reason = f"there is no choice '{printable(key)}'; there are {', '.join(_KEYS)}"
    raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)


def _checked(run: Invocation, key: str, value: str) -> str | int:
    """Return the value as it is kept.

    Raises:
        FluenzrError: ``usage-invalid`` for a key that is none, ``setting-invalid``, ``account-unknown``.
    """
    if (parts := _parts(key)) is not None:
        is_sound, reason = _RULES[parts[1]]
        if not is_sound(value):
            raise _refused(key, value, reason)
        return value
    if key == "default_account":
        return run.app.accounts.get(value).account.name
    if key == "language":
        return require_language(value, setting=key)
    if not value.isdecimal() or len(value) > len(str(_MOST_DAYS)) or not 1 <= int(value) <= _MOST_DAYS:
        raise _refused(key, value, "not-a-number")
    return int(value)


def _with(config: Config, key: str, value: str | int | None) -> Config:
    parts = _parts(key)
    changed: dict[str, Any]
    if parts is None:
        changed = {key: value}
        return replace(config, **changed)
    name, part = parts
    changed = {part: value}
    choice = replace(config.oauth.get(name, OAuthChoice()), **changed)
    oauth: Mapping[str, OAuthChoice] = MappingProxyType({**config.oauth, name: choice})
    return replace(config, oauth=oauth)


def _refused(key: str, value: str, reason: str) -> FluenzrError:
    return failure(ProblemCode.SETTING_INVALID, Stage.USAGE, setting=key, value=value[:_SHOWN], reason=reason)
