"""``fluenzr presets``: the providers whose settings are known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.documents import endpoint_record
from fluenzr_smtp.cli.limits import LIMIT, limit_record, limit_told
from fluenzr_smtp.cli.options import current
from fluenzr_smtp.cli.tree import Command, examples, noun
from fluenzr_smtp.model import Endpoint, Need, Preset, Security, UsernameRule

_PRESET = form.record(
    key=form.TEXT,
    name=form.TEXT,
    domains=form.array(form.TEXT),
    mx=form.array(form.TEXT),
    smtp=form.array(form.ENDPOINT),
    imap=form.array(form.ENDPOINT),
    username=form.choice(*(rule.value for rule in UsernameRule)),
    app_password=form.choice(*(need.value for need in Need)),
    app_password_page=form.TEXT,
    oauth=form.choice(*(need.value for need in Need)),
    saves_sent=form.BOOLEAN,
    limits=form.array(LIMIT),
    spf=form.array(form.TEXT),
    dkim=form.array(form.TEXT),
    pages=form.array(form.record(topic=form.TEXT, url=form.TEXT)),
    hint=form.TEXT,
    notes=form.array(form.TEXT),
    sources=form.array(form.TEXT),
    checked=form.nullable(form.DATE),
    own=form.BOOLEAN,
)

SCHEMAS = {
    "presets list": form.record(presets=form.array(_PRESET)),
    "presets show": form.record(preset=_PRESET),
}

_ENCRYPTION = {Security.STARTTLS: "STARTTLS", Security.IMPLICIT_TLS: "SSL", Security.NONE: "none"}
_USERNAME = {UsernameRule.ADDRESS: "the full address", UsernameRule.LOCAL_PART: "the part before the @"}
_PASSWORD = {
    Need.NO: "the password of the mailbox",
    Need.OPTIONAL: "the password of the mailbox, or an app password",
    Need.WITH_TWO_FACTOR: "the password of the mailbox; an app password where two-step verification is on",
    Need.PREFERRED: "an app password (better), or the password of the mailbox",
    Need.REQUIRED: "an app password; the usual one is refused",
}
_OAUTH = {
    Need.NO: "",
    Need.OPTIONAL: "possible",
    Need.WITH_TWO_FACTOR: "needed where two-step verification is on",
    Need.PREFERRED: "what the provider recommends",
    Need.REQUIRED: "needed: passwords are refused",
}
_SAVED = "the provider itself files what it takes among the sent mail"
_SHORT_NEEDS = {
    Need.WITH_TWO_FACTOR: "app password (2FA)",
    Need.PREFERRED: "app password",
    Need.REQUIRED: "app password",
}

_ROOM_FOR_ALL = 150  # columns; below, the list has of IMAP the port and of the provider the short name

_NEVER = date.min  # of an own preset that names no date

tree = noun("Providers whose servers, limits and rules are known.")


@tree.command("list", cls=Command, epilog=examples("fluenzr presets list", "fluenzr presets list --json"))
def list_presets(ctx: typer.Context) -> None:
    """List the providers that --preset knows."""
    run = current(ctx)
    presets = tuple(run.app.presets.presets.values())

    def show() -> None:
        from fluenzr_smtp.cli.columns import columns

        narrow = run.output.width is not None and run.output.width < _ROOM_FOR_ALL
        rows = (_row(each, narrow=narrow) for each in presets)
        names = ("key", "provider", "smtp", "imap", "needs")
        whole = frozenset({"key", "smtp", "imap"})
        run.output.table(columns(names, rows, whole=whole, least={"provider": 13, "needs": 12}))

    run.end({"presets": [_record(each) for each in presets]}, show=show)


@tree.command("show", cls=Command, epilog=examples("fluenzr presets show ovh"))
def show_preset(
    ctx: typer.Context,
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="The key of the preset, as 'presets list' shows it.")
    ],
) -> None:
    """Show all that is known of one provider, with sources."""
    run = current(ctx)
    preset = run.app.presets.get(key)
    run.end({"preset": _record(preset)}, show=lambda: run.output.fields(_told(preset)))


def _record(preset: Preset) -> dict[str, object]:
    return {
        "key": preset.key,
        "name": preset.name,
        "domains": preset.domains,
        "mx": preset.mx,
        "smtp": [endpoint_record(each) for each in preset.smtp],
        "imap": [endpoint_record(each) for each in preset.imap],
        "username": preset.username,
        "app_password": preset.app_password,
        "app_password_page": preset.app_password_page,
        "oauth": preset.oauth,
        "saves_sent": preset.saves_sent,
        "limits": [limit_record(each) for each in preset.limits],
        "spf": preset.spf,
        "dkim": preset.dkim,
        "pages": [{"topic": topic, "url": url} for topic, url in preset.pages],
        "hint": preset.hint,
        "notes": preset.notes,
        "sources": preset.sources,
        "checked": preset.checked if preset.checked > _NEVER else None,
        "own": preset.is_own,
    }


def _row(preset: Preset, *, narrow: bool) -> tuple[str, ...]:
    if not narrow:
        return preset.key, preset.name, _first(preset.smtp), _first(preset.imap), _needs(preset)
    name = preset.name.partition(" (")[0]
    imap = str(preset.imap[0].port) if preset.imap else "-"
    return preset.key, name, _first(preset.smtp), imap, _needs(preset)


def _first(endpoints: tuple[Endpoint, ...]) -> str:
    return str(endpoints[0]) if endpoints else "-"


def _needs(preset: Preset) -> str:
    if preset.oauth is Need.REQUIRED:
        return "OAuth"
    needs = _SHORT_NEEDS.get(preset.app_password, "")
    better = "OAuth advised" if preset.oauth is Need.PREFERRED else ""
    return ", ".join(each for each in (needs, better) if each)


def _told(preset: Preset) -> list[tuple[str, str]]:
    own = " (your own)" if preset.is_own else ""
    rows = [("key", preset.key), ("provider", preset.name + own)]
    rows += _endpoint_rows("smtp", preset.smtp)
    rows += _endpoint_rows("imap", preset.imap)
    rows += [("user name", _USERNAME[preset.username]), ("password", _PASSWORD[preset.app_password])]
    rows += [("its page", preset.app_password_page), ("oauth", _OAUTH[preset.oauth]), ("hint", preset.hint)]
    rows += [("sent mail", _SAVED if preset.saves_sent else "")]
    rows += _numbered("limit", (f"{limit_told(each)}, says {each.source}" for each in preset.limits))
    rows += _numbered("note", preset.notes)
    rows += [("domains", ", ".join(preset.domains)), ("mx", ", ".join(preset.mx))]
    rows += [("spf", " or ".join(f"include:{each}" for each in preset.spf))]
    rows += [("dkim selectors", ", ".join(preset.dkim))]
    rows += _numbered("help", tuple(f"{topic}: {url}" for topic, url in preset.pages))
    rows += _numbered("source", preset.sources)
    rows += [("checked", preset.checked.isoformat() if preset.checked > _NEVER else "")]
    return [(label, value) for label, value in rows if value]


def _endpoint_rows(label: str, endpoints: tuple[Endpoint, ...]) -> list[tuple[str, str]]:
    told = [f"{each}  {_ENCRYPTION[each.security]}" for each in endpoints]
    return _numbered(
        label, (each + ("  (default)" if at == 0 < len(told) - 1 else "") for at, each in enumerate(told))
    )


def _numbered(label: str, values: Iterator[str] | tuple[str, ...]) -> list[tuple[str, str]]:
    """Label the first of several values; an empty label continues it."""
    return [(label if at == 0 else "", value) for at, value in enumerate(values)]
