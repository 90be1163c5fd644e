"""From an issuer's address to its endpoints: OpenID Connect Discovery 1.0, else RFC 8414."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import httpx2

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import AuthorizationServer, Clock, is_tenant
from fluenzr_smtp.oauth.http import Transport, failed
from fluenzr_smtp.problems import ProblemCode, Stage

_LONGEST_URL = 2048
_OPENID = "/.well-known/openid-configuration"
_ENDPOINTS = (
    "token_endpoint",
    "authorization_endpoint",
    "device_authorization_endpoint",
    "revocation_endpoint",
)
# Those that a person signed in with openid is asked for by name; nothing of mail is known of such a server.
_USUAL_SCOPES = ("openid", "email", "offline_access")


def discover(
    issuer: str, *, clock: Clock, authority: str | None = None
) -> tuple[AuthorizationServer, tuple[str, ...]]:
    """Ask an issuer for its endpoints; return them with the scopes to ask for where nobody names others.

    ``authority`` (PEM) is trusted besides the system's store.

    Raises:
        FluenzrError: ``oauth-issuer-invalid`` for an address that is none, not encrypted (unless it is
            loopback's), or not the one that the issuer gives itself; ``oauth-provider-failed``.
    """
    issuer = issuer.strip().removesuffix(_OPENID)  # a person may have the whole address at hand
    parts = _checked(issuer, issuer)
    if parts.query or "{" in issuer:  # OpenID Connect Discovery 1.0 §3
        raise _invalid(issuer, "not-an-address")
    with httpx2.Client(transport=Transport(clock=clock, authority=authority), trust_env=False) as web:
        found = _document(web, parts)
    if found["issuer"].rstrip("/") != issuer.rstrip("/"):
        raise _invalid(issuer, "issuer-differs")
    endpoints = {name: _endpoint(found, name, issuer) for name in _ENDPOINTS}
    if not endpoints["token_endpoint"]:
        raise _invalid(issuer, "no-token-endpoint")
    offered = _texts(found.get("scopes_supported"))
    server = AuthorizationServer(
        name=parts.hostname or "",
        issuer=found["issuer"],
        takes_secret_in_body=_takes_secret_in_body(found),
        names_itself=found.get("authorization_response_iss_parameter_supported") is True,
        authority=authority,
        **endpoints,
    )
    return server, tuple(each for each in _USUAL_SCOPES if not offered or each in offered)


def is_issuer(known: str, said: str) -> bool:
    """Say whether a server is the one that is known; ``{tenant}`` stands for any tenant."""
    before, is_open, behind = known.partition("{tenant}")
    if not is_open:
        return said == known
    tenant = said.removeprefix(before).removesuffix(behind)
    return said == f"{before}{tenant}{behind}" and is_tenant(tenant)


def is_safe(url: SplitResult) -> bool:
    """Say whether what goes to such an address is encrypted, or stays on this machine."""
    return url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.hostname or ""))


def is_address(url: str) -> bool:
    """Say whether a browser, or a program of ours, may be sent to this address."""
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
        httpx2.URL(url)
    except (ValueError, httpx2.InvalidURL):
        return False
    is_plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= _LONGEST_URL
    return is_whole and is_plain and "@" not in parts.netloc


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _document(web: httpx2.Client, issuer: SplitResult) -> dict[str, Any]:
    path = issuer.path.rstrip("/")
    places = (  # OpenID Connect Discovery §4.1 puts it behind the path, RFC 8414 §3.1 in front of it
        f"{path}{_OPENID}",
        f"/.well-known/oauth-authorization-server{path}",
    )
    host = issuer.hostname or ""
    answer = None
    for place in places:
        url = urlunsplit((issuer.scheme, issuer.netloc, place, "", ""))
        answer = web.get(url, headers={"Accept": "application/json"})
        if answer.status_code != httpx2.codes.NOT_FOUND:
            break
    if answer is None or answer.status_code != httpx2.codes.OK:
        raise failed(host, _fault_of(answer.status_code if answer else 0))
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        raise failed(host, "answer") from None
    if not isinstance(found, dict):
        raise failed(host, "answer")
    if not isinstance(found.get("issuer"), str):
        raise failed(host, "no-discovery")
    return found


def _fault_of(status: int) -> str:
    if httpx2.codes.is_redirect(status):
        return "redirect"
    return "server-error" if httpx2.codes.is_server_error(status) else "no-discovery"


def _endpoint(found: dict[str, Any], name: str, issuer: str) -> str:
    value = found.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _invalid(issuer, "endpoint", detail=name)
    _checked(value, issuer, detail=name)
    return value


def _checked(url: str, issuer: str, *, detail: str = "") -> SplitResult:
    """Return the parts of an address that may be asked."""
    if not is_address(url) or (parts := urlsplit(url)).fragment:
        raise _invalid(issuer, "not-an-address", detail=detail)
    if not is_safe(parts):
        raise _invalid(issuer, "not-encrypted", detail=detail)
    return parts


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _takes_secret_in_body(found: dict[str, Any]) -> bool:
    """Say whether the secret goes into the body: only where the usual way is not offered (RFC 8414 §2)."""
    ways = _texts(found.get("token_endpoint_auth_methods_supported"))
    return "client_secret_post" in ways and "client_secret_basic" not in ways


def _invalid(issuer: str, reason: str, *, detail: str = "") -> FluenzrError:
    shown = issuer.rpartition("@")[2] if "@" in issuer else issuer  # a password may stand before it
    return failure(
        ProblemCode.OAUTH_ISSUER_INVALID, Stage.OAUTH, None, issuer=shown, reason=reason, detail=detail
    )
