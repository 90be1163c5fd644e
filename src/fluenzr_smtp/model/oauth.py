"""OAuth 2.0: who gives out tokens, to which client, for what; and the login that they make."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from fluenzr_smtp.model.accounts import AccessToken, Secret

_LONGEST_ID = 512
_TENANT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


def is_client_id(text: str) -> bool:
    """Say whether a provider may have given out such a client id (RFC 6749 §2.2 and appendix A.1)."""
    return 0 < len(text) <= _LONGEST_ID and text.isascii() and text.isprintable() and " " not in text


def is_tenant(text: str) -> bool:
    """Say whether this may be an organisation at Microsoft: a domain, or the number of a tenant."""
    return bool(_TENANT.fullmatch(text))


class GrantType(StrEnum):
    """How the first token is had (RFC 6749 §4.1 and §4.4, RFC 8628)."""

    AUTHORIZATION_CODE = "authorization_code"
    DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
    CLIENT_CREDENTIALS = "client_credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationServer:
    """Who gives out tokens: the parts of its metadata (RFC 8414 §2) that are used; empty where it has none.

    ``name`` is what a person calls it. ``takes_secret_in_body`` says how the client shows its secret:
    ``client_secret_post``, else ``client_secret_basic``. ``names_itself``: its answers carry ``iss``
    (RFC 9207). ``authority`` (PEM) is trusted besides the system's store.
    """

    name: str
    issuer: str
    token_endpoint: str
    authorization_endpoint: str = ""
    device_authorization_endpoint: str = ""
    revocation_endpoint: str = ""
    takes_secret_in_body: bool = False
    names_itself: bool = False
    authority: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """A registration at an authorization server. A public one has no secret (RFC 6749 §2.1)."""

    id: str
    secret: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What was given out. Times are aware UTC; ``expires`` is None where the server did not say."""

    access: AccessToken
    refresh: Secret | None
    obtained: datetime
    expires: datetime | None

    def hold_at(self, moment: datetime) -> bool:
        """Say whether the access token is good for a login that begins now.

        It is renewed ahead: five minutes before it runs out, or a fifth of a short life. A clock that was
        set back behind the moment when the token came says nothing, and the token is renewed as well.
        """
        if self.expires is None:
            return True
        ahead = min(_AHEAD, (self.expires - self.obtained) / 5)
        return self.obtained - _SKEW <= moment < self.expires - ahead


_AHEAD = timedelta(minutes=5)
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A permission of a person, or of an administrator, with the tokens that stand for it.

    ``tokens`` is None once they were given back. ``id`` is the sign-in's own: it stays when tokens are
    renewed, and when the account gets another name.
    """

    server: AuthorizationServer
    client: OAuthClient
    scopes: tuple[str, ...]
    type: GrantType
    tokens: Tokens | None = field(repr=False)
    id: str = field(default_factory=lambda: os.urandom(8).hex())


#: Gives a grant with tokens that hold; one token may have been refused.
Renew = Callable[["Grant", Secret | None], Grant]


class OAuthLogin(Secret):
    """A login by tokens that are kept, and renewed ahead of their end.

    Args:
        grant: Where the tokens come from, with the present ones.
        renew: Gives a grant with tokens that hold; without it the present ones are all there is.
    """

    __slots__ = ("_grant", "_renew")
    is_token = True

    def __init__(self, grant: Grant, renew: Renew | None = None) -> None:
        super().__init__("")
        self._grant = grant
        self._renew = renew

    @property
    def grant(self) -> Grant:
        """The grant, with the tokens seen last."""
        return self._grant

    @property
    def hidden(self) -> str:
        """The access token seen last."""
        return self._grant.tokens.access.reveal() if self._grant.tokens else ""

    def bound(self, renew: Renew) -> OAuthLogin:
        """Return the same login with the way to renew it."""
        return OAuthLogin(self._grant, renew)

    def reveal(self) -> str:
        """Refuse: it is more than a text."""
        raise TypeError("an OAuthLogin has no text of its own; ask for the current one")

    def current(self) -> Secret:
        """Return an access token that holds.

        Raises:
            FluenzrError: as ``renew``.
        """
        return self._access(None)

    def renewed(self, refused: Secret) -> Secret | None:
        """Return another token; the same one once more is none."""
        if self._renew is None:
            return None
        fresh = self._access(refused)
        return None if fresh == refused else fresh

    def _access(self, refused: Secret | None) -> Secret:
        if self._renew is not None:
            self._grant = self._renew(self._grant, refused)
        if self._grant.tokens is None:
            raise TypeError("nobody has said how to get a token")
        return self._grant.tokens.access

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OAuthLogin) and self._grant == other._grant

    def __hash__(self) -> int:
        return hash(self._grant)

    def __repr__(self) -> str:
        return "OAuthLogin(…)"
