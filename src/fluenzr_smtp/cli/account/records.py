"""An account as a document and as a person sees it; its secret is in neither."""

from __future__ import annotations

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.checks import described
from fluenzr_smtp.model import Endpoint, StoredAccount

_SERVER = form.record(
    host=form.TEXT,
    port=form.INTEGER,
    encryption=form.choice("starttls", "ssl", "none"),
    pin=form.nullable(form.TEXT),
    own_authority=form.BOOLEAN,
)

ACCOUNT = form.record(
    name=form.TEXT,
    address=form.TEXT,
    display_name=form.TEXT,
    username=form.nullable(form.TEXT),
    smtp=_SERVER,
    imap=form.nullable(_SERVER),
    preset=form.nullable(form.TEXT),
    has_secret=form.BOOLEAN,
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
        "has_secret": stored.secret is not None,
        "created": stored.created,
        "secret_changed": stored.secret_changed,
    }


def _server(endpoint: Endpoint) -> dict[str, object]:
    return {
        "host": endpoint.host,
        "port": endpoint.port,
        "encryption": endpoint.security,
        "pin": None if endpoint.pin is None else str(endpoint.pin),
        "own_authority": endpoint.authority is not None,
    }


def account_rows(stored: StoredAccount) -> list[tuple[str, str]]:
    """Return the account as rows of label and value."""
    account = stored.account
    changed = stored.secret_changed.astimezone().date().isoformat()
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
        ("password", f"in the vault, set on {changed}" if stored.secret else "none"),
    ]
    return [(label, value) for label, value in rows if value]
