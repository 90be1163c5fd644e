"""``fluenzr presets list`` and ``show``: what is known of providers."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.limits import limit_told
from fluenzr_smtp.cli.options import current
from fluenzr_smtp.cli.presets.records import NEVER, PRESET, preset_record
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.model import Endpoint, Need, Placeholder, Preset, Security, UsernameRule

SCHEMAS = {
    "presets list": form.record(presets=form.array(PRESET)),
    "presets show": form.record(preset=PRESET),
}

Key = Annotated[str, typer.Argument(metavar="KEY", help="The key of the preset, as 'presets list' shows it.")]


class Wanted(StrEnum):
    """What ``--needs`` asks for."""

    APP_PASSWORD = "app-password"  # noqa: S105 - what is wanted, none itself
    OAUTH = "oauth"
    PASSWORD = "password"  # noqa: S105
    NOTHING = "nothing"


_ENCRYPTION = {Security.STARTTLS: "STARTTLS", Security.IMPLICIT_TLS: "SSL", Security.NONE: "none"}
_USERNAME = {
    UsernameRule.ADDRESS: "the full address",
    UsernameRule.LOCAL_PART: "the part before the @",
    UsernameRule.GIVEN: "handed out by the provider; you are asked for it",
    UsernameRule.NONE: "none: nobody logs in",
}
_PASSWORD = {
    Need.UNKNOWN: "the password of the mailbox, as far as is known",
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
    Need.REQUIRED: "needed: passwords are refused; --token-command gives the access token",
}
_SAVED = "the provider itself files what it takes among the sent mail"
_SHORT_NEEDS = {
    Need.WITH_TWO_FACTOR: "app password (2FA)",
    Need.PREFERRED: "app password",
    Need.REQUIRED: "app password",
}

_ROOM_FOR_ALL = 150  # columns; below, the list has short names and no ports, IMAP or limits


def register(tree: typer.Typer) -> None:
    """Put the commands into their tree."""
    lines = (
        "fluenzr presets list",
        "fluenzr presets list --country FR",
        "fluenzr presets list --needs app-password",
        "fluenzr presets list --search mail --json",
    )
    tree.command("list", cls=Command, epilog=examples(*lines))(list_presets)
    tree.command("show", cls=Command, epilog=examples("fluenzr presets show ovh"))(show_preset)


def list_presets(
    ctx: typer.Context,
    *,
    country: Annotated[
        list[str] | None,
        typer.Option(
            "--country", metavar="CODE", help="Those at home in this country (FR, DE …); again for another."
        ),
    ] = None,
    search: Annotated[
        str | None,
        typer.Option("--search", metavar="TEXT", help="Those with this in their name, domains or servers."),
    ] = None,
    needs: Annotated[
        Wanted | None, typer.Option("--needs", help="Those that want this to log in with.")
    ] = None,
) -> None:
    """List the providers that --preset knows."""
    run = current(ctx)
    presets = tuple(
        each
        for each in run.app.presets.presets.values()
        if (not country or _is_at_home(each, country))
        and (not search or _has(each, search))
        and (needs is None or _wants(each, needs))
    )

    def show() -> None:
        from fluenzr_smtp.cli.columns import columns

        if not presets:
            run.output.line("No provider fits.")
            return
        width = run.output.width
        is_narrow = width is not None and width < _ROOM_FOR_ALL
        wide = ("key", "provider", "smtp", "imap", "needs", "limits")
        names = ("key", "provider", "smtp", "needs") if is_narrow else wide
        rows = (_row(each, narrow=is_narrow) for each in presets)
        whole = frozenset({"key"} if is_narrow else {"key", "smtp", "imap"})
        least = {"provider": 10, "limits": 20}
        run.output.table(columns(names, rows, whole=whole, least=least))

    run.end({"presets": [preset_record(each) for each in presets]}, show=show)


def show_preset(ctx: typer.Context, key: Key) -> None:
    """Show all that is known of one provider, with sources."""
    run = current(ctx)
    preset = run.app.presets.get(key)
    run.end({"preset": preset_record(preset)}, show=lambda: run.output.fields(_told(preset)))


def _is_at_home(preset: Preset, countries: list[str]) -> bool:
    return any(each.strip().upper() in preset.countries for each in countries)


def _has(preset: Preset, search: str) -> bool:
    hosts = (each.host for each in preset.smtp + preset.imap)
    texts = (preset.key, preset.name, *preset.domains, *preset.mx, *hosts)
    return any(search.strip().casefold() in each.casefold() for each in texts)


def _wants(preset: Preset, wanted: Wanted) -> bool:
    """Say whether a provider wants this; one may want several."""
    if preset.unsupported:
        return False
    if wanted is Wanted.APP_PASSWORD:
        return preset.oauth is not Need.REQUIRED and preset.app_password in _SHORT_NEEDS
    if wanted is Wanted.OAUTH:
        return preset.oauth in {Need.PREFERRED, Need.REQUIRED}
    if wanted is Wanted.NOTHING:
        return preset.username is UsernameRule.NONE
    is_plain = preset.app_password in {Need.NO, Need.OPTIONAL, Need.UNKNOWN}
    return is_plain and preset.oauth is not Need.REQUIRED and preset.username is not UsernameRule.NONE


def _row(preset: Preset, *, narrow: bool) -> tuple[str, ...]:
    needs = _needs(preset)
    if narrow:
        host = preset.smtp[0].host if preset.smtp else "-"
        return preset.key, preset.name.partition(" (")[0], host, needs
    return preset.key, preset.name, _first(preset.smtp), _first(preset.imap), needs, _limits(preset)


def _limits(preset: Preset) -> str:
    """Tell the first of the limits, and how many more there are; 'presets show' has them all."""
    if not preset.limits:
        return ""
    more = f"; {len(preset.limits) - 1} more" if len(preset.limits) > 1 else ""
    return limit_told(preset.limits[0]) + more


def _first(endpoints: tuple[Endpoint, ...]) -> str:
    return str(endpoints[0]) if endpoints else "-"


def _needs(preset: Preset) -> str:
    if preset.unsupported:
        return "does not work"
    if preset.oauth is Need.REQUIRED:
        return "OAuth"
    needs = _SHORT_NEEDS.get(preset.app_password, "")
    better = "OAuth advised" if preset.oauth is Need.PREFERRED else ""
    return ", ".join(each for each in (needs, better) if each)


def _told(preset: Preset) -> list[tuple[str, str]]:
    own = " (your own)" if preset.is_own else ""
    rows = [("key", preset.key), ("provider", preset.name + own)]
    rows += [("countries", ", ".join(preset.countries)), ("does not work", preset.unsupported)]
    rows += _endpoint_rows("smtp", preset.smtp)
    rows += _endpoint_rows("imap", preset.imap)
    rows += _numbered("to fill in", tuple(map(_asked, preset.placeholders)))
    rows += [] if preset.unsupported else _login_rows(preset)
    rows += [
        ("its page", preset.app_password_page),
        ("oauth", "" if preset.unsupported else _OAUTH[preset.oauth]),
        ("hint", preset.hint),
    ]
    rows += [("sent mail", _SAVED if preset.saves_sent else "")]
    rows += _numbered("limit", (f"{limit_told(each)}, says {each.source}" for each in preset.limits))
    rows += _numbered("note", preset.notes)
    rows += [("domains", ", ".join(preset.domains)), ("mx", ", ".join(preset.mx))]
    rows += [("spf", " or ".join(f"include:{each}" for each in preset.spf))]
    rows += [("dkim selectors", ", ".join(preset.dkim))]
    rows += _numbered("help", tuple(f"{topic}: {url}" for topic, url in preset.pages))
    rows += _numbered("source", preset.sources)
    rows += [("checked", preset.checked.isoformat() if preset.checked > NEVER else "")]
    return [(label, value) for label, value in rows if value]


def _login_rows(preset: Preset) -> list[tuple[str, str]]:
    name = _USERNAME.get(preset.username) or f"'{preset.username_value}', for everybody"
    if preset.imap_username is not None and preset.imap_username is not preset.username:
        name += f"; for IMAP {_USERNAME[preset.imap_username]}"
    has_login = preset.username is not UsernameRule.NONE
    return [("user name", name), ("password", _PASSWORD[preset.app_password] if has_login else "")]


def _asked(placeholder: Placeholder) -> str:
    known = f" (usual: {', '.join(placeholder.known)})" if placeholder.known else ""
    return f"--fill {placeholder.name}={placeholder.example}: {placeholder.asks}{known}"


def _endpoint_rows(label: str, endpoints: tuple[Endpoint, ...]) -> list[tuple[str, str]]:
    told = [f"{each}  {_ENCRYPTION[each.security]}" for each in endpoints]
    return _numbered(
        label, (each + ("  (default)" if at == 0 < len(told) - 1 else "") for at, each in enumerate(told))
    )


def _numbered(label: str, values: Iterator[str] | tuple[str, ...]) -> list[tuple[str, str]]:
    """Label the first of several values; an empty label continues it."""
    return [(label if at == 0 else "", value) for at, value in enumerate(values)]
