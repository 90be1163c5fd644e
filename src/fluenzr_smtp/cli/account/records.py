"""An account as a document and as a person sees it; its secret is in neither."""

from __future__ import annotations

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.checks import described
from fluenzr_smtp.cli.limits import LIMIT, limit_record, limit_told
from fluenzr_smtp.model import (
    Account,
    Endpoint,
    GrantType,
    Limit,
    OAuthLogin,
    Preset,
    Secret,
    StoredAccount,
    TokenCommand,
)
from fluenzr_smtp.pacing import span
from fluenzr_smtp.settings import limits_in_force

_SERVER = form.record(
    host=form.TEXT,
    port=form.INTEGER,
    encryption=form.choice("starttls", "ssl", "none"),
    pin=form.nullable(form.TEXT),
    own_authority=form.BOOLEAN,
)

_OAUTH = form.record(
    server=form.TEXT,
    issuer=form.TEXT,
    client_id=form.TEXT,
    scopes=form.array(form.TEXT),
    grant_type=form.choice(*(each.value for each in GrantType)),
    signed_in=form.BOOLEAN,
    expires=form.nullable(form.TIME),
)

ACCOUNT = form.record(
    name=form.TEXT,
    address=form.TEXT,
    display_name=form.TEXT,
    username=form.nullable(form.TEXT),
    smtp=_SERVER,
    imap=form.nullable(_SERVER),
    preset=form.nullable(form.TEXT),
    limits=form.nullable(form.array(LIMIT)),
    pause_seconds=form.nullable(form.NUMBER),
    has_secret=form.BOOLEAN,
    login=form.choice("none", "password", "token-command", "oauth"),
    oauth=form.nullable(_OAUTH),
    created=form.TIME,
    secret_changed=form.TIME,
)


def account_record(stored: StoredAccount) -> dict[str, object]:
    """Return the account as a document shows it."""
    account = stored.account
    return {
        "name": account.name,
        "address": account.address,
        "display_name": account.display_name,
        "username": account.username,
        "smtp": _server(account.smtp),
        "imap": None if account.imap is None else _server(account.imap),
        "preset": account.preset,
        "limits": None if account.limits is None else [limit_record(each) for each in account.limits],
        "pause_seconds": None if account.pause is None else account.pause.total_seconds(),
        "has_secret": stored.secret is not None,
        "login": _login(stored.secret),
        "oauth": _oauth(stored.secret),
        "created": stored.created,
        "secret_changed": stored.secret_changed,
    }


def _login(secret: Secret | None) -> str:
    if secret is None:
        return "none"
    if isinstance(secret, OAuthLogin):
        return "oauth"
    return "token-command" if secret.is_token else "password"


def _oauth(secret: Secret | None) -> dict[str, object] | None:
    """Return what is kept of a sign-in, without its tokens; ``expires`` is of the access token."""
    if not isinstance(secret, OAuthLogin):
        return None
    grant = secret.grant
    return {
        "server": grant.server.name,
        "issuer": grant.server.issuer,
        "client_id": grant.client.id,
        "scopes": list(grant.scopes),
        "grant_type": grant.type,
        "signed_in": grant.tokens is not None,
        "expires": grant.tokens.expires if grant.tokens else None,
    }


def _server(endpoint: Endpoint) -> dict[str, object]:
    return {
        "host": endpoint.host,
        "port": endpoint.port,
        "encryption": endpoint.security,
        "pin": None if endpoint.pin is None else str(endpoint.pin),
        "own_authority": endpoint.authority is not None,
    }


def limits_record(account: Account, preset: Preset | None) -> list[dict[str, object]]:
    """Return the limits in force, each with where it comes from: the account or its preset."""
    in_force = limits_in_force(account, preset)
    return [{**limit_record(each), "origin": _origin(each, account)} for each in in_force]


def account_rows(stored: StoredAccount, preset: Preset | None) -> list[tuple[str, str]]:
    """Return the account as rows of label and value; ``preset`` is the one whose limits hold for it."""
    account = stored.account
    rows = [
        ("account", account.name),
        ("address", account.address),
        ("display name", account.display_name),
        ("user name", account.username or "no login"),
        ("smtp", described(account.smtp)),
        ("", f"SHA-256 {account.smtp.pin}" if account.smtp.pin else ""),
        ("imap", described(account.imap) if account.imap else "none"),
        ("", f"SHA-256 {account.imap.pin}" if account.imap and account.imap.pin else ""),
        ("preset", account.preset or ""),
        *_limit_rows(account, preset),
        ("pause", f"{span(account.pause)} between two messages" if account.pause else ""),
        _secret_row(stored),
    ]
    return [(label, value) for label, value in rows if value]


def _secret_row(stored: StoredAccount) -> tuple[str, str]:
    changed = stored.secret_changed.astimezone().date().isoformat()
    if isinstance(stored.secret, TokenCommand):
        return "token", f"printed by a command at each login ({stored.secret.program}), set on {changed}"
    if isinstance(stored.secret, OAuthLogin):
        grant = stored.secret.grant
        if grant.tokens is None:
            return "sign-in", f"at {grant.server.name}, given back; 'fluenzr account reconnect'"
        return "sign-in", f"at {grant.server.name}, of {changed}; its tokens are in the vault"
    return "password", f"in the vault, set on {changed}" if stored.secret else "none"


def _limit_rows(account: Account, preset: Preset | None) -> list[tuple[str, str]]:
    told = [_limit_told(each, account, preset) for each in limits_in_force(account, preset)]
    if account.limits == ():
        told.insert(0, "none over time, as set for this account")
    return [("limits" if at == 0 else "", each) for at, each in enumerate(told or ["none known"])]


def _limit_told(limit: Limit, account: Account, preset: Preset | None) -> str:
    if preset is None or _origin(limit, account) == "account":
        return f"{limit_told(limit)}, set for this account"
    return f"{limit_told(limit)}, of the preset {preset.key}"


def _origin(limit: Limit, account: Account) -> str:
    return "account" if limit in (account.limits or ()) else "preset"
