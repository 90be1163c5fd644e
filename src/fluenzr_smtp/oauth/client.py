"""What a client says to an authorization server, and what it makes of the answers. Authlib speaks."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import (
    AccessToken,
    AuthorizationServer,
    Clock,
    Grant,
    GrantType,
    OAuthClient,
    Secret,
    Tokens,
)
from fluenzr_smtp.oauth import SECONDS
from fluenzr_smtp.oauth.faults import refusal
from fluenzr_smtp.oauth.http import Transport, failed
from fluenzr_smtp.oauth.metadata import is_address, is_safe
from fluenzr_smtp.problems import ProblemCode, Stage

_LONGEST_TOKEN = 16_384
_TOKEN = re.compile(r"[\x21-\x7e]+")
_USER_CODE = re.compile(r"[A-Za-z0-9 ._-]{4,40}")
_LONGEST_LIFE_SECONDS = 10 * 365 * 86_400
_DEVICE_SECONDS = (1, 1800)
_INTERVAL_SECONDS = (1, 60)
# Of these the answer says nothing, or says it otherwise: they are of the sign-in and not of the mailbox.
_LIVES = frozenset({"expires_in", "expires_at"})
_GONE = frozenset({"invalid_token", "invalid_grant"})
_NOT_OF_MAIL = frozenset({"openid", "email", "profile", "offline_access"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A request to a person (RFC 6749 §4.1.1): the address to open, and what its answer must fit."""

    url: str
    redirect_uri: str
    state: str = field(repr=False)
    verifier: Secret = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCode:
    """What a person enters on another device, and where (RFC 8628 §3.2). Times are in seconds."""

    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: float
    interval: float
    code: Secret = field(repr=False)


class SlowDown(Exception):  # noqa: N818 - no fault: the server asks for patience
    """The server wants to be asked less often (RFC 8628 §3.5)."""


class Dealings:
    """The dealings of one client with one server.

    Every request is bounded by ``seconds`` as a whole. All refusals are ``FluenzrError``: ``oauth-…``, as
    ``faults`` names them, and ``oauth-provider-failed`` where there is no answer of the protocol.
    """

    def __init__(
        self, server: AuthorizationServer, client: OAuthClient, *, clock: Clock, seconds: float = SECONDS
    ) -> None:
        self._server = server
        self._client = client
        self._clock = clock
        self._seconds = seconds
        self._host = urlsplit(server.token_endpoint).hostname or ""

    # -- a person signs in ---------------------------------------------------------------------------

    def authorization(
        self, scopes: tuple[str, ...], redirect_uri: str, *, login_hint: str, extra: Mapping[str, str]
    ) -> Authorization:
        """Make the request that a browser opens: with PKCE (RFC 7636, S256), and a state nobody guesses.

        Raises:
            FluenzrError: ``oauth-issuer-invalid`` where the server has no such endpoint.
        """
        endpoint = self._endpoint(self._server.authorization_endpoint, "authorization_endpoint")
        verifier = generate_token(64)
        with self._speaking(scope=" ".join(scopes), redirect_uri=redirect_uri) as client:
            url, state = client.create_authorization_url(
                endpoint,
                state=generate_token(43),
                code_verifier=verifier,
                **{"login_hint": login_hint, **extra},
            )
        return Authorization(url=url, redirect_uri=redirect_uri, state=state, verifier=Secret(verifier))

    def exchange(self, asked: Authorization, code: Secret, scopes: tuple[str, ...]) -> Tokens:
        """Turn the code that the browser brought into tokens (RFC 6749 §4.1.3)."""
        with _beginning(), self._speaking(asked.verifier, code) as client:
            found = client.fetch_token(
                self._server.token_endpoint,
                grant_type=GrantType.AUTHORIZATION_CODE.value,
                code=code.reveal(),
                redirect_uri=asked.redirect_uri,
                code_verifier=asked.verifier.reveal(),
            )
            return self._tokens(found, scopes=scopes)

    def device_code(self, scopes: tuple[str, ...]) -> DeviceCode:
        """Ask for a code that a person enters on another device (RFC 8628 §3.1)."""
        endpoint = self._endpoint(self._server.device_authorization_endpoint, "device_authorization_endpoint")
        with self._speaking() as client:
            answer = client.post(
                endpoint,
                data={"scope": " ".join(scopes)},
                headers={"Accept": "application/json"},
                auth=client.client_auth(client.token_endpoint_auth_method),
            )
            return self._device_code(client.parse_response_token(self._readable(answer)))

    def poll(self, device: DeviceCode, scopes: tuple[str, ...]) -> Tokens | None:
        """Ask once whether the person has agreed; None: not yet (RFC 8628 §3.4).

        Raises:
            SlowDown: the server wants a longer pause between two questions.
        """
        with _beginning(), self._speaking(device.code) as client:
            try:
                found = client.fetch_token(
                    self._server.token_endpoint,
                    grant_type=GrantType.DEVICE_CODE.value,
                    device_code=device.code.reveal(),
                )
            except OAuthError as error:
                if error.error == "authorization_pending":
                    return None
                if error.error == "slow_down":
                    raise SlowDown from None
                raise
            return self._tokens(found, scopes=scopes)

    # -- without a person ----------------------------------------------------------------------------

    def of_client(self, scopes: tuple[str, ...]) -> Tokens:
        """Get a token for the client itself, which an administrator has allowed (RFC 6749 §4.4)."""
        with self._speaking(scope=" ".join(scopes)) as client:
            found = client.fetch_token(
                self._server.token_endpoint, grant_type=GrantType.CLIENT_CREDENTIALS.value
            )
            return self._tokens(found, keep=None)

    def revoke(self, tokens: Tokens) -> bool:
        """Give the tokens back (RFC 7009); False where the server offers no way to.

        Some servers refuse a token that is not good any more; it is as good as given back.
        """
        endpoint = self._server.revocation_endpoint
        if not endpoint:
            return False
        token, kind = tokens.refresh or tokens.access, "refresh_token" if tokens.refresh else "access_token"
        with self._speaking(tokens.refresh, tokens.access) as client:
            answer = client.revoke_token(endpoint, token=token.reveal(), token_type_hint=kind)
            error, description = _error_in(answer)
            if error in _GONE:
                return True
            if error == "unsupported_token_type":  # RFC 7009 §2.2.1
                return False
            if error:
                raise OAuthError(error=error, description=description)
            answer.raise_for_status()
        return True

    def refreshed(self, grant: Grant) -> Tokens:
        """Get fresh tokens for a grant (RFC 6749 §6); the refresh token may be another one afterwards.

        Raises:
            FluenzrError: ``oauth-token-expired`` also where there is nothing to renew it by.
        """
        if grant.type is GrantType.CLIENT_CREDENTIALS:
            return self.of_client(grant.scopes)
        refresh = grant.tokens.refresh if grant.tokens else None
        if refresh is None:
            raise failure(ProblemCode.OAUTH_TOKEN_EXPIRED, Stage.OAUTH, host=self._host, status="")
        with self._speaking(refresh) as client:
            client.token = {"refresh_token": refresh.reveal()}
            found = client.refresh_token(self._server.token_endpoint, refresh_token=refresh.reveal())
            return self._tokens(found, keep=refresh)

    # -- speaking and reading ------------------------------------------------------------------------

    @contextmanager
    def _speaking(self, *secrets: Secret | None, **how: str) -> Iterator[Any]:
        """Give a client of authlib's, and name what goes wrong with it."""
        method = "client_secret_post" if self._server.takes_secret_in_body else "client_secret_basic"
        secret = self._client.secret
        client = OAuth2Client(
            client_id=self._client.id,
            client_secret=secret.reveal() if secret else None,
            token_endpoint_auth_method=method if secret else "none",
            revocation_endpoint_auth_method=method if secret else "none",
            code_challenge_method="S256",
            transport=Transport(clock=self._clock, seconds=self._seconds, authority=self._server.authority),
            trust_env=False,
            **how,
        )
        for kind in ("access_token_response", "refresh_token_response"):
            client.register_compliance_hook(kind, self._readable)
        try:
            with client:
                yield client
        except OAuthError as error:
            hidden = (*secrets, secret)
            raise refusal(
                self._host, str(error.error), str(error.description or ""), secrets=hidden
            ) from None
        except httpx2.HTTPStatusError as error:
            raise failed(self._host, _fault_of(error.response.status_code)) from None
        # Not chained: what could not be read may hold tokens.
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError):
            raise failed(self._host, "answer") from None
        except httpx2.InvalidURL:
            raise failed(self._host, "unreachable") from None

    def _readable(self, answer: httpx2.Response) -> httpx2.Response:
        """Return an answer without the fields that authlib would stumble over and that can be done without.

        A server that has given out a new refresh token takes the old one for stolen: the new one must not be
        lost to a life that is no number.

        Raises:
            FluenzrError: ``oauth-provider-failed`` for an error that is none of the protocol.
        """
        if not answer.is_success:
            if answer.is_server_error or _error_in(answer)[0]:
                return answer
            raise failed(self._host, _fault_of(answer.status_code))
        found = answer.json(parse_int=float)  # a number of any length
        kept = {name: value for name, value in found.items() if value is not None and name not in _LIVES}
        if (life := _life(found.get("expires_in"))) is not None:
            kept["expires_in"] = life
        return httpx2.Response(answer.status_code, content=json.dumps(kept), request=answer.request)

    def _endpoint(self, url: str, name: str) -> str:
        if url:
            return url
        raise failure(
            ProblemCode.OAUTH_ISSUER_INVALID,
            Stage.OAUTH,
            issuer=self._server.issuer,
            reason="no-endpoint",
            detail=name,
        )

    def _tokens(
        self, found: Mapping[str, Any], *, keep: Secret | None = None, scopes: tuple[str, ...] = ()
    ) -> Tokens:
        """Read an answer of the token endpoint (RFC 6749 §5.1); ``keep`` holds on where no new one came."""
        if str(found.get("token_type", "bearer")).lower() != "bearer":
            raise ValueError("token_type")
        self._require_granted(found.get("scope"), scopes)
        now = self._clock.now()
        refresh, life = found.get("refresh_token"), _life(found.get("expires_in"))
        return Tokens(
            access=AccessToken(_token(found["access_token"])),
            refresh=keep if refresh in (None, "") else Secret(_token(refresh)),
            obtained=now,
            expires=None if life is None else now + timedelta(seconds=life),
        )

    def _require_granted(self, granted: object, scopes: tuple[str, ...]) -> None:
        """Refuse a sign-in in which the person left out what was asked for."""
        if not isinstance(granted, str) or not granted.strip():
            return
        known = {each.casefold() for each in granted.split()}
        missing = [each for each in scopes if each.casefold() not in known and each not in _NOT_OF_MAIL]
        if missing:
            status = " ".join(missing)
            raise failure(ProblemCode.OAUTH_CONSENT_REQUIRED, Stage.OAUTH, host=self._host, status=status)

    def _device_code(self, found: Mapping[str, Any]) -> DeviceCode:
        code, uri = _text(found["user_code"]), _text(found["verification_uri"])
        if not _USER_CODE.fullmatch(code):
            raise ValueError("user_code")
        complete = _text(found.get("verification_uri_complete") or "")
        for url in filter(None, (uri, complete)):
            if not is_address(url) or not is_safe(urlsplit(url)):
                raise ValueError("verification_uri")
        return DeviceCode(
            user_code=code,
            verification_uri=uri,
            verification_uri_complete=complete,
            expires_in=_within(float(found["expires_in"]), _DEVICE_SECONDS),
            interval=_within(float(found.get("interval") or 5), _INTERVAL_SECONDS),
            code=Secret(_token(found["device_code"])),
        )


@contextmanager
def _beginning() -> Iterator[None]:
    """Tell of a code that is not taken as of a sign-in that came to nothing, not of one that has ended."""
    try:
        yield
    except FluenzrError as error:
        problem = error.problem
        if problem.code is not ProblemCode.OAUTH_TOKEN_EXPIRED:
            raise
        raise FluenzrError(replace(problem, code=ProblemCode.OAUTH_SIGN_IN_FAILED)) from None


def denied(host: str, error: str, description: str) -> FluenzrError:
    """Build the error for an answer that came by the browser and is no code (RFC 6749 §4.1.2.1)."""
    if error == "access_denied" and not description:
        return failure(ProblemCode.OAUTH_SIGN_IN_FAILED, Stage.OAUTH, host=host, reason="denied")
    return refusal(host, error, description)


def _error_in(answer: httpx2.Response) -> tuple[str, str]:
    """Return the error and its description, where an answer is a refusal of the protocol."""
    if not answer.is_client_error:
        return "", ""
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        return "", ""
    said = found if isinstance(found, dict) else {}
    return str(said.get("error") or ""), str(said.get("error_description") or "")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    return value


def _token(text: object) -> str:
    if not isinstance(text, str) or not _TOKEN.fullmatch(text) or len(text) > _LONGEST_TOKEN:
        raise ValueError("token")
    return text


def _life(said: object) -> int | None:
    """Return how many seconds a token lives; None where nothing sensible is said."""
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    try:
        return int(_within(float(said), (0, _LONGEST_LIFE_SECONDS)))
    except ValueError:
        return None


def _within(value: float, bounds: tuple[float, float]) -> float:
    if math.isnan(value):
        raise ValueError("not a number")
    return min(max(value, bounds[0]), bounds[1])


def _fault_of(status: int) -> str:
    if httpx2.codes.is_redirect(status):
        return "redirect"
    if status == httpx2.codes.TOO_MANY_REQUESTS:
        return "too-many-requests"
    return "server-error" if httpx2.codes.is_server_error(status) else "answer"
