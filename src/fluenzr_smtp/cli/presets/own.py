"""``fluenzr presets add``, ``edit`` and ``remove``: the user's own presets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.presets.listing import Key
from fluenzr_smtp.cli.presets.records import PRESET, preset_record
from fluenzr_smtp.cli.presets.typed import limits_of, server_of
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Need, Preset, Protocol, UsernameRule
from fluenzr_smtp.problems import ProblemCode, Stage

SCHEMAS = {
    "presets add": form.record(preset=PRESET, path=form.TEXT),
    "presets edit": form.record(preset=PRESET, path=form.TEXT),
    "presets remove": form.record(removed=form.TEXT, path=form.TEXT),
}

_SERVER = "HOST[:PORT][/ENCRYPTION]"


def _text(name: str, metavar: str, explanation: str) -> typer.models.OptionInfo:
    return typer.Option(name, metavar=metavar, help=explanation)  # type: ignore[no-any-return]


def _server(name: str, what: str) -> typer.models.OptionInfo:
    return _text(name, _SERVER, f"{what}, such as mail.firma.example:465/ssl; again for a second choice.")


Title = Annotated[str | None, _text("--name", "TEXT", "The provider's name for people.")]
Smtp = Annotated[list[str] | None, _server("--smtp", "Submission server")]
Imap = Annotated[list[str] | None, _server("--imap", "IMAP server")]
Domains = Annotated[
    list[str] | None, _text("--domain", "DOMAIN", "A mail domain that has these servers; again for another.")
]
Exchangers = Annotated[
    list[str] | None, _text("--mx", "SUFFIX", "The end of its MX hosts' names; again for another.")
]
Countries = Annotated[list[str] | None, _text("--country", "CODE", "Where it is at home: FR, DE …")]
LoginName = Annotated[UsernameRule | None, typer.Option("--username", help="What the login name is.")]
FixedName = Annotated[str | None, _text("--username-value", "TEXT", "The login name, with --username fixed.")]


class AppPasswordNeed(StrEnum):
    """The needs that a record may name for app passwords."""

    UNKNOWN = Need.UNKNOWN.value
    NO = Need.NO.value
    OPTIONAL = Need.OPTIONAL.value
    WITH_TWO_FACTOR = Need.WITH_TWO_FACTOR.value
    REQUIRED = Need.REQUIRED.value


AppPassword = Annotated[
    AppPasswordNeed | None, typer.Option("--app-password", help="Whether it wants an app password.")
]
Page = Annotated[str | None, _text("--app-password-page", "TEXT", "Where an app password is made.")]
Limits = Annotated[
    list[str] | None,
    _text("--limit", "COUNT[:recipients]/SPAN", "A limit, such as 200/1h; again for another."),
]
Hint = Annotated[str | None, _text("--hint", "TEXT", "A sentence shown before the password is asked for.")]
Notes = Annotated[list[str] | None, _text("--note", "TEXT", "A sentence worth knowing; again for another.")]


def register(tree: typer.Typer) -> None:
    """Put the commands into their tree."""
    lines = (
        "fluenzr presets add firma --smtp mail.firma.example:465/ssl --imap mail.firma.example",
        "fluenzr presets add firma --smtp mail.firma.example --domain firma.example --hint 'Ask Ann.'",
    )
    tree.command("add", cls=Command, epilog=examples(*lines))(add)
    lines = (
        "fluenzr presets edit firma --limit 100/1h",
        "fluenzr presets edit ovh --smtp ssl0.ovh.net:465/ssl",
    )
    tree.command("edit", cls=Command, epilog=examples(*lines))(edit)
    tree.command("remove", cls=Command, epilog=examples("fluenzr presets remove firma"))(remove)


def add(
    ctx: typer.Context,
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="What --preset will take: small letters, digits, hyphens.")
    ],
    *,
    smtp: Smtp = None,
    imap: Imap = None,
    name: Title = None,
    domain: Domains = None,
    mx: Exchangers = None,
    country: Countries = None,
    username: LoginName = None,
    username_value: FixedName = None,
    app_password: AppPassword = None,
    app_password_page: Page = None,
    limit: Limits = None,
    hint: Hint = None,
    note: Notes = None,
) -> None:
    """Add a preset of your own: a firm's server, or a provider that is not in the catalogue.

    A key of the catalogue is replaced as a whole by yours; to change a part of it, use 'presets edit'.
    """
    from fluenzr_smtp.presets import own

    run = current(ctx)
    if not smtp:
        run.prompts.missing("--smtp")
    fields = _fields(
        name=name,
        smtp=_servers(smtp, Protocol.SMTP),
        imap=_servers(imap, Protocol.IMAP),
        domains=domain,
        mx=mx,
        countries=country,
        username=username,
        username_value=username_value,
        app_password=app_password,
        app_password_page=app_password_page,
        limits=None if limit is None else limits_of(limit),
        hint=hint,
        notes=note,
    )
    _saved(run, own.add(run.app.paths.own_presets, key.casefold(), fields))


def edit(
    ctx: typer.Context,
    key: Key,
    *,
    smtp: Smtp = None,
    imap: Imap = None,
    no_imap: Annotated[bool, typer.Option("--no-imap", help="It has no IMAP server.")] = False,
    name: Title = None,
    domain: Domains = None,
    mx: Exchangers = None,
    country: Countries = None,
    username: LoginName = None,
    username_value: FixedName = None,
    app_password: AppPassword = None,
    app_password_page: Page = None,
    limit: Limits = None,
    hint: Hint = None,
    note: Notes = None,
) -> None:
    """Change a preset; what is not named stays. Of one of the catalogue you get a copy of your own.

    What can be named several times replaces all that was there.
    """
    from fluenzr_smtp.presets import own

    run = current(ctx)
    base = run.app.presets.get(key)
    fields = _fields(
        name=name,
        smtp=_servers(smtp, Protocol.SMTP),
        imap=[] if no_imap else _servers(imap, Protocol.IMAP),
        domains=domain,
        mx=mx,
        countries=country,
        username=username,
        username_value=username_value,
        app_password=app_password,
        app_password_page=app_password_page,
        limits=None if limit is None else limits_of(limit),
        hint=hint,
        notes=note,
    )
    if not fields:
        run.prompts.missing("what to change, such as --smtp or --limit")
    if username is not None and username is not UsernameRule.FIXED:
        fields.setdefault("username_value", "")
    _saved(run, own.change(run.app.paths.own_presets, base.key, fields, base=base))


def remove(ctx: typer.Context, key: Key) -> None:
    """Remove a preset of your own; one of the catalogue that it replaced is there again."""
    from fluenzr_smtp.presets import PresetCatalog, own, read_own

    run = current(ctx)
    path = run.app.paths.own_presets
    shipped = PresetCatalog.load(own=None).presets
    if key.casefold() in shipped and key.casefold() not in read_own(path):
        reason = f"{key.casefold()} is of the catalogue; there is nothing of yours to remove"
        raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
    own.remove(path, key.casefold())
    back = "; the one of the catalogue holds again" if key.casefold() in shipped else ""
    data = {"removed": key.casefold(), "path": str(path)}
    run.end(data, show=lambda: run.output.line(f"Removed your preset {key.casefold()}{back}."))


def _saved(run: Invocation, preset: Preset) -> None:
    path = run.app.paths.own_presets
    run.end(
        {"preset": preset_record(preset), "path": str(path)},
        show=lambda: run.output.line(f"Saved the preset {preset.key} in {path}."),
    )


def _servers(typed: list[str] | None, protocol: Protocol) -> list[dict[str, object]] | None:
    return None if typed is None else [server_of(each, protocol) for each in typed]


def _fields(**said: object) -> dict[str, object]:
    """Return what was said, as a record holds it."""
    return {
        name: str(value) if isinstance(value, str) else value
        for name, value in said.items()
        if value is not None
    }
