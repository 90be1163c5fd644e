"""Accounts and their secrets as the vault keeps them: JSON that is read strictly.

Format 2 adds to every account its limits and its pause, format 3 the command that gives an access token. They
are written only where an account has any, so that an older version goes on reading what it understands, and
refuses, rather than loses, what it does not. Format 4 adds the grants of OAuth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import (
    AccessToken,
    Account,
    AuthorizationServer,
    Endpoint,
    Fingerprint,
    Grant,
    GrantType,
    Limit,
    LimitUnit,
    OAuthClient,
    OAuthLogin,
    Secret,
    Security,
    StoredAccount,
    TokenCommand,
    Tokens,
)
from fluenzr_smtp.pacing import LONGEST_PAUSE, LONGEST_WINDOW
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault import damaged

FORMAT = 4
"""The newest format that is read and written."""

_PAYLOAD = frozenset({"format", "accounts"})
_ENDPOINT = frozenset({"host", "port", "security", "pin", "authority"})
_PACE = frozenset({"limits", "pause_seconds"})
_FIRST_ACCOUNT = frozenset(
    {"name", "address", "display_name", "username", "smtp", "imap", "imap_username", "preset"}
    | {"secret", "created", "secret_changed"}
)
_THIRD_ACCOUNT = _FIRST_ACCOUNT | _PACE | {"token_command"}
_ACCOUNT = {
    1: _FIRST_ACCOUNT,
    2: _FIRST_ACCOUNT | _PACE,
    3: _THIRD_ACCOUNT,
    4: _THIRD_ACCOUNT | {"oauth"},
}
_GRANT = frozenset({"id", "server", "client_id", "client_secret", "scopes", "type", "tokens"})
_SERVER_TEXTS = (
    *("name", "issuer", "token_endpoint", "authorization_endpoint"),
    *("device_authorization_endpoint", "revocation_endpoint"),
)
_SERVER = frozenset({*_SERVER_TEXTS, "takes_secret_in_body", "names_itself", "authority"})
_TOKENS = frozenset({"access", "refresh", "obtained", "expires"})
_LIMIT = frozenset({"unit", "count", "per_seconds", "scope", "source"})


def encode(accounts: tuple[StoredAccount, ...]) -> bytes:
    """Return the payload that holds these accounts, in the oldest format that can."""
    version = max((_version_for(each) for each in accounts), default=1)
    fields = {"format": version, "accounts": [_account_fields(each, version) for each in accounts]}
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


def decode(payload: bytes) -> tuple[StoredAccount, ...]:
    """Read the accounts of a payload. A field that is not known is refused: a write would lose it.

    Raises:
        FluenzrError: ``vault-newer``, ``vault-damaged``.
    """
    try:
        fields = json.loads(payload.decode("ascii"))
        version = fields["format"]
        if type(version) is int and version > FORMAT:
            raise failure(ProblemCode.VAULT_NEWER, Stage.VAULT, version=version)
        _expect(fields, _PAYLOAD)
        if type(version) is not int or version not in _ACCOUNT:
            raise ValueError("format")
        return tuple(_stored(each, version) for each in _typed(fields["accounts"], list))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        # Not chained: the exception may quote the payload.
        raise damaged("accounts") from None


def _version_for(stored: StoredAccount) -> int:
    """Return the oldest format that can hold an account."""
    if isinstance(stored.secret, OAuthLogin):
        return 4
    if isinstance(stored.secret, TokenCommand):
        return 3
    return 2 if stored.account.limits is not None or stored.account.pause is not None else 1


def _account_fields(stored: StoredAccount, version: int) -> dict[str, object]:
    account = stored.account
    return {
        **({} if version == 1 else _pace_fields(account)),
        **({} if version < 3 else {"token_command": _command_of(stored)}),
        **({} if version < 4 else {"oauth": _grant_fields(stored.secret)}),
        "name": account.name,
        "address": account.address,
        "display_name": account.display_name,
        "username": account.username,
        "smtp": _endpoint_fields(account.smtp),
        "imap": None if account.imap is None else _endpoint_fields(account.imap),
        "imap_username": account.imap_username,
        "preset": account.preset,
        "secret": _text_of(stored.secret),
        "created": stored.created.astimezone(UTC).isoformat(),
        "secret_changed": stored.secret_changed.astimezone(UTC).isoformat(),
    }


def _text_of(secret: Secret | None) -> str | None:
    return None if secret is None or secret.is_token else secret.reveal()


def _command_of(stored: StoredAccount) -> str | None:
    return stored.secret.command if isinstance(stored.secret, TokenCommand) else None


def _grant_fields(secret: Secret | None) -> dict[str, object] | None:
    if not isinstance(secret, OAuthLogin):
        return None
    grant, server = secret.grant, secret.grant.server
    return {
        "id": grant.id,
        "server": {name: getattr(server, name) for name in sorted(_SERVER)},
        "client_id": grant.client.id,
        "client_secret": grant.client.secret.reveal() if grant.client.secret else None,
        "scopes": list(grant.scopes),
        "type": grant.type.value,
        "tokens": None if grant.tokens is None else _token_fields(grant.tokens),
    }


def _token_fields(tokens: Tokens) -> dict[str, object]:
    return {
        "access": tokens.access.reveal(),
        "refresh": tokens.refresh.reveal() if tokens.refresh else None,
        "obtained": tokens.obtained.astimezone(UTC).isoformat(),
        "expires": tokens.expires.astimezone(UTC).isoformat() if tokens.expires else None,
    }


def _pace_fields(account: Account) -> dict[str, object]:
    return {
        "limits": None if account.limits is None else [_limit_fields(each) for each in account.limits],
        "pause_seconds": None if account.pause is None else account.pause.total_seconds(),
    }


def _limit_fields(limit: Limit) -> dict[str, object]:
    return {
        "unit": limit.unit.value,
        "count": limit.count,
        "per_seconds": None if limit.per is None else int(limit.per.total_seconds()),
        "scope": limit.scope,
        "source": limit.source,
    }


def _endpoint_fields(endpoint: Endpoint) -> dict[str, object]:
    return {
        "host": endpoint.host,
        "port": endpoint.port,
        "security": endpoint.security.value,
        "pin": None if endpoint.pin is None else endpoint.pin.sha256,
        "authority": endpoint.authority,
    }


def _stored(
    fields: Any,  # noqa: ANN401 - JSON of unknown shape; what is wrong raises
    version: int,
) -> StoredAccount:
    _expect(fields, _ACCOUNT[version])
    account = Account(
        name=_typed(fields["name"], str),
        address=_typed(fields["address"], str),
        display_name=_typed(fields["display_name"], str),
        username=_text_or_none(fields["username"]),
        smtp=_endpoint(fields["smtp"]),
        imap=None if fields["imap"] is None else _endpoint(fields["imap"]),
        imap_username=_text_or_none(fields["imap_username"]),
        preset=_text_or_none(fields["preset"]),
        **({} if version == 1 else _pace(fields)),
    )
    return StoredAccount(
        account=account,
        secret=_secret(fields),
        created=_moment(fields["created"]),
        secret_changed=_moment(fields["secret_changed"]),
    )


def _pace(fields: Mapping[str, Any]) -> dict[str, Any]:
    limits, pause = fields["limits"], fields["pause_seconds"]
    return {
        "limits": None if limits is None else tuple(_limit(each) for each in _typed(limits, list)),
        "pause": None if pause is None else _span(_typed(pause, float), LONGEST_PAUSE),
    }


def _secret(fields: Any) -> Secret | None:  # noqa: ANN401
    text, command = _text_or_none(fields["secret"]), _text_or_none(fields.get("token_command"))
    grant = fields.get("oauth")
    if sum(each is not None for each in (text, command, grant)) > 1 or command == "":
        raise ValueError("secret")
    if grant is not None:
        return OAuthLogin(_grant(grant))
    if command is not None:
        return TokenCommand(command)
    return None if text is None else Secret(text)


def _grant(fields: Any) -> Grant:  # noqa: ANN401
    _expect(fields, _GRANT)
    secret, tokens = _text_or_none(fields["client_secret"]), fields["tokens"]
    return Grant(
        id=_typed(fields["id"], str),
        server=_authorization_server(fields["server"]),
        client=OAuthClient(
            id=_typed(fields["client_id"], str), secret=None if secret is None else Secret(secret)
        ),
        scopes=tuple(_typed(each, str) for each in _typed(fields["scopes"], list)),
        type=GrantType(fields["type"]),
        tokens=None if tokens is None else _tokens(tokens),
    )


def _authorization_server(fields: Any) -> AuthorizationServer:  # noqa: ANN401
    _expect(fields, _SERVER)
    return AuthorizationServer(
        **{name: _typed(fields[name], str) for name in _SERVER_TEXTS},
        takes_secret_in_body=_typed(fields["takes_secret_in_body"], bool),
        names_itself=_typed(fields["names_itself"], bool),
        authority=_text_or_none(fields["authority"]),
    )


def _tokens(fields: Any) -> Tokens:  # noqa: ANN401
    _expect(fields, _TOKENS)
    refresh, expires = _text_or_none(fields["refresh"]), fields["expires"]
    return Tokens(
        access=AccessToken(_typed(fields["access"], str)),
        refresh=None if refresh is None else Secret(refresh),
        obtained=_moment(fields["obtained"]),
        expires=None if expires is None else _moment(expires),
    )


def _limit(fields: Any) -> Limit:  # noqa: ANN401
    _expect(fields, _LIMIT)
    count, per = _typed(fields["count"], int), fields["per_seconds"]
    if count < 1:
        raise ValueError("count")
    return Limit(
        unit=LimitUnit(fields["unit"]),
        count=count,
        per=None if per is None else _span(_typed(per, int), LONGEST_WINDOW),
        scope=_typed(fields["scope"], str),
        source=_typed(fields["source"], str),
    )


def _span(seconds: float, longest: timedelta) -> timedelta:
    span = timedelta(seconds=seconds)
    if not timedelta(0) < span <= longest:
        raise ValueError("span")
    return span


def _endpoint(fields: Any) -> Endpoint:  # noqa: ANN401
    _expect(fields, _ENDPOINT)
    return _same_endpoint(
        _typed(fields["host"], str),
        _typed(fields["port"], int),
        _typed(fields["security"], str),
        _text_or_none(fields["pin"]),
        _text_or_none(fields["authority"]),
    )


@lru_cache(maxsize=256)
def _same_endpoint(host: str, port: int, security: str, pin: str | None, authority: str | None) -> Endpoint:
    """Make an endpoint once for all accounts that share it: of a thousand accounts most do."""
    return Endpoint(
        host=host,
        port=port,
        security=Security(security),
        pin=None if pin is None else Fingerprint(pin),
        authority=authority,
    )


def _expect(fields: object, names: frozenset[str]) -> None:
    if _typed(fields, dict).keys() != names:
        raise ValueError("fields")


def _typed(value: object, kind: type[Any]) -> Any:  # noqa: ANN401
    # Exactly this type: bool passes for int, and int does not pass for float.
    if type(value) is not kind:
        raise TypeError("type")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(_typed(value, str))


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_typed(value, str))
    if moment.tzinfo is None:
        raise ValueError("a time without zone")
    return moment.astimezone(UTC)
