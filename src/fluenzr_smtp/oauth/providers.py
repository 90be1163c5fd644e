"""The providers whose OAuth is known: their addresses, what is asked of them, where consent is withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import AuthorizationServer, is_tenant
from fluenzr_smtp.problems import Problem, ProblemCode, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider's OAuth.

    ``server`` may hold ``{tenant}`` in its addresses, and ``tenant`` is what stands there unless a person
    names another one (in the issuer's name it stays: answers name a tenant by its number). ``scopes`` are
    asked of a person, ``service_scopes`` for a service without one, where there is such a thing. ``extra``
    are further parameters of the authorization request. ``page`` is where a person withdraws consent.
    """

    name: str
    title: str
    presets: tuple[str, ...]
    server: AuthorizationServer
    scopes: tuple[str, ...]
    wants_secret: bool
    page: str
    extra: tuple[tuple[str, str], ...] = ()
    service_scopes: tuple[str, ...] = ()
    tenant: str = ""


# https://developers.google.com/identity/protocols/oauth2/native-app, read 2026-11-23. Its device flow gives
# out few scopes, that of mail not among them (…/oauth2/limited-input-device, read 2026-11-23). A refresh
# token comes with access_type=offline, and surely only with prompt=consent.
_GOOGLE = Provider(
    name="google",
    title="Google",
    presets=("gmail", "google-workspace"),
    server=AuthorizationServer(
        name="google",
        issuer="https://accounts.google.com",
        authorization_endpoint="https://accounts.google.com/o/oauth2/v2/auth",
        token_endpoint="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
        revocation_endpoint="https://oauth2.googleapis.com/revoke",
        takes_secret_in_body=True,
    ),
    scopes=("https://mail.google.com/",),
    wants_secret=True,
    page="https://myaccount.google.com/connections",
    extra=(("access_type", "offline"), ("prompt", "consent")),
)

# https://learn.microsoft.com/en-us/exchange/client-developer/legacy-protocols/
# how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth, read 2026-11-23. There is no address for
# revocation.
_MICROSOFT = Provider(
    name="microsoft",
    title="Microsoft",
    presets=("outlook", "microsoft365"),
    server=AuthorizationServer(
        name="microsoft",
        issuer="https://login.microsoftonline.com/{tenant}/v2.0",
        authorization_endpoint="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        token_endpoint="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",  # noqa: S106
        device_authorization_endpoint="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode",
        takes_secret_in_body=True,
    ),
    scopes=(
        "https://outlook.office.com/SMTP.Send",
        "https://outlook.office.com/IMAP.AccessAsUser.All",
        "offline_access",
    ),
    service_scopes=("https://outlook.office365.com/.default",),
    wants_secret=False,
    page="https://myapps.microsoft.com",
    tenant="common",
)

#: By name.
PROVIDERS: Mapping[str, Provider] = MappingProxyType({each.name: each for each in (_GOOGLE, _MICROSOFT)})

_OF_PASSWORDS = frozenset({ProblemCode.AUTH_REJECTED, ProblemCode.AUTH_APP_PASSWORD_REQUIRED})


def provider_of(preset: str | None) -> Provider | None:
    """Return the provider that stands behind a preset of the catalogue, if its OAuth is known."""
    return next((each for each in PROVIDERS.values() if preset in each.presets), None)


def proposing(problem: Problem, preset: str | None) -> Problem:
    """Add to a refused password where OAuth takes its place, if the provider has it."""
    provider = provider_of(preset) if problem.code in _OF_PASSWORDS else None
    return problem.with_facts(sign_in=provider.title) if provider else problem


def server_of(provider: Provider, tenant: str | None = None) -> AuthorizationServer:
    """Return a provider's server, for the tenant that was named or the usual one.

    Raises:
        FluenzrError: ``setting-invalid`` for what is no tenant; ``usage-invalid`` where there are none.
    """
    if tenant is not None and not provider.tenant:
        reason = f"--tenant is for Microsoft; {provider.title} has no tenants"
        raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
    chosen = provider.tenant if tenant is None else tenant
    if tenant is not None and not is_tenant(chosen):
        raise failure(
            ProblemCode.SETTING_INVALID, Stage.USAGE, setting="--tenant", value=chosen, reason="not-a-tenant"
        )
    server = provider.server
    return replace(
        server,
        authorization_endpoint=server.authorization_endpoint.replace("{tenant}", chosen),
        token_endpoint=server.token_endpoint.replace("{tenant}", chosen),
        device_authorization_endpoint=server.device_authorization_endpoint.replace("{tenant}", chosen),
    )
