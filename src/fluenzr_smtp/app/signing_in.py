"""Sign in by OAuth: in a browser of this machine, on another device, by a pasted address, or as a service."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fluenzr_smtp import secrets_in
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import AuthorizationServer, Clock, Grant, GrantType, OAuthClient, Secret, Tokens
from fluenzr_smtp.problems import ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.oauth import Authorization, Dealings, DeviceCode, Provider

_SLOWER_SECONDS = 5.0  # RFC 8628 §3.5
_TYPED_TIMES = 3
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What is asked for: of which server, by which client, for whom. ``seconds`` bounds the waiting."""

    server: AuthorizationServer
    client: OAuthClient
    scopes: tuple[str, ...]
    login_hint: str = ""
    extra: tuple[tuple[str, str], ...] = ()
    seconds: float = 300.0

    def granted(self, kind: GrantType, tokens: Tokens) -> Grant:
        """Return the grant that came of it."""
        return Grant(server=self.server, client=self.client, scopes=self.scopes, type=kind, tokens=tokens)


class SignIn:
    """Signs in. What a person is told goes through callables, for here nobody speaks."""

    def __init__(self, *, clock: Clock, environ: Mapping[str, str]) -> None:
        self._clock = clock
        self._environ = environ

    @property
    def has_browser(self) -> bool:
        """Say whether a browser can be opened here: macOS, a display, or one named by ``BROWSER``."""
        return sys.platform == "darwin" or any(self._environ.get(name) for name in _DISPLAYS)

    def server_of(self, provider: Provider, tenant: str | None) -> AuthorizationServer:
        """Return the server of a provider that is known."""
        from fluenzr_smtp.oauth import server_of

        return server_of(provider, tenant)

    def discovered(self, issuer: str, authority: str | None) -> tuple[AuthorizationServer, tuple[str, ...]]:
        """Return the server of an issuer, and the usual scopes there.

        Raises:
            FluenzrError: ``oauth-issuer-invalid``, ``oauth-provider-failed``, ``extra-missing``.
        """
        _require_libraries()
        from fluenzr_smtp.oauth import discover

        return discover(issuer, clock=self._clock, authority=authority)

    def in_browser(self, sought: Sought, tell: Callable[[str], None]) -> Grant:
        """Open a browser, and wait for its answer on a port of this machine. ``tell`` gets the address.

        Raises:
            FluenzrError: ``oauth-sign-in-failed`` and the other ``oauth-…``, ``extra-missing``.
        """
        dealings = self._dealings(sought)
        from fluenzr_smtp.oauth import Redirect

        with Redirect() as redirect:
            asked = self._asked(dealings, sought, redirect.uri)
            redirect.expect(asked, sought.server)
            tell(asked.url)
            self._open(asked.url)
            code = redirect.wait(sought.seconds)
        return self._exchanged(dealings, sought, asked, code)

    def by_paste(self, sought: Sought, tell: Callable[[str], None], ask: Callable[[bool], str]) -> Grant:
        """Let a person open the address elsewhere, and bring back the one that the browser ends at.

        ``ask`` asks for it, and is told whether the one before was not the right one.

        Raises:
            FluenzrError: as ``in_browser``.
        """
        dealings = self._dealings(sought)
        from fluenzr_smtp.oauth import Redirect, answer_of

        with Redirect() as redirect:  # a port that is free; on the other machine nobody will answer there
            asked = self._asked(dealings, sought, redirect.uri)
        tell(asked.url)
        for time in range(_TYPED_TIMES):
            if code := answer_of(ask(time > 0), asked, sought.server):
                return self._exchanged(dealings, sought, asked, code)
        raise self._failed(sought, "state")

    def by_device(self, sought: Sought, tell: Callable[[DeviceCode], None]) -> Grant:
        """Show a code for another device, and ask until the person has entered it there (RFC 8628).

        Raises:
            FluenzrError: as ``in_browser``.
        """
        dealings = self._dealings(sought)
        device = dealings.device_code(sought.scopes)
        tell(device)
        interval = device.interval
        end = self._clock.monotonic() + min(device.expires_in, sought.seconds)
        while self._clock.monotonic() + interval < end:
            self._clock.sleep(interval)
            tokens, is_too_often = _polled(dealings, device, sought.scopes)
            interval += _SLOWER_SECONDS if is_too_often else 0.0
            if tokens is not None:
                return sought.granted(GrantType.DEVICE_CODE, tokens)
        raise self._failed(sought, "timeout")

    def as_service(self, sought: Sought) -> Grant:
        """Sign in as the client itself (RFC 6749 §4.4).

        Raises:
            FluenzrError: ``oauth-…``, ``extra-missing``.
        """
        tokens = self._dealings(sought).of_client(sought.scopes)
        return sought.granted(GrantType.CLIENT_CREDENTIALS, tokens)

    def revoke(self, grant: Grant) -> bool:
        """Give the tokens of a grant back; False where the provider offers no way to.

        Raises:
            FluenzrError: ``oauth-…``, ``extra-missing``.
        """
        if grant.tokens is None:
            return False
        _require_libraries()
        from fluenzr_smtp.oauth import Dealings

        return Dealings(grant.server, grant.client, clock=self._clock).revoke(grant.tokens)

    def _dealings(self, sought: Sought) -> Dealings:
        _require_libraries()
        from fluenzr_smtp.oauth import Dealings

        return Dealings(sought.server, sought.client, clock=self._clock)

    def _asked(self, dealings: Dealings, sought: Sought, uri: str) -> Authorization:
        return dealings.authorization(
            sought.scopes, uri, login_hint=sought.login_hint, extra=dict(sought.extra)
        )

    def _exchanged(self, dealings: Dealings, sought: Sought, asked: Authorization, code: Secret) -> Grant:
        tokens = dealings.exchange(asked, code, sought.scopes)
        return sought.granted(GrantType.AUTHORIZATION_CODE, tokens)

    def _open(self, url: str) -> None:
        """Open a browser beside us: nothing that it writes gets into our output, and nobody waits for it."""
        subprocess.Popen(  # noqa: S603 - Python's own opener
            [sys.executable, "-P", "-m", "webbrowser", "-t", url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=secrets_in.handed_on(self._environ),
            start_new_session=True,
        )

    def _failed(self, sought: Sought, reason: str) -> FluenzrError:
        host = urlsplit(sought.server.token_endpoint).hostname or ""
        return failure(ProblemCode.OAUTH_SIGN_IN_FAILED, Stage.OAUTH, host=host, reason=reason)


def _polled(dealings: Dealings, device: DeviceCode, scopes: tuple[str, ...]) -> tuple[Tokens | None, bool]:
    """Ask once; a server that cannot be reached for a while is asked again, less often."""
    from fluenzr_smtp.oauth.client import SlowDown

    try:
        return dealings.poll(device, scopes), False
    except SlowDown:
        return None, True
    except FluenzrError as error:
        if error.problem.code is not ProblemCode.OAUTH_PROVIDER_FAILED:
            raise
        return None, True


def _require_libraries() -> None:
    from fluenzr_smtp.app.refreshing import dealings

    dealings()
