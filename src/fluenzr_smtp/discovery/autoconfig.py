"""The settings that a domain itself publishes: its autoconfig file, over HTTPS alone.

The address is told to hosts of its own domain only; a redirect is followed as the server wrote it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from fluenzr_smtp import https
from fluenzr_smtp.discovery.autoconfig_xml import LIMIT_BYTES, Configured, NotAutoconfigError, read_autoconfig
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock
from fluenzr_smtp.problems import Stage
from fluenzr_smtp.settings import parse_host

_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KINDS = frozenset({"text/xml", "application/xml", "text/plain", "application/octet-stream", ""})


@dataclass(frozen=True, slots=True)
class AutoconfigFault:
    """Why a place has no settings.

    ``host-unknown``, ``unreachable`` (with the problem's code), ``status`` (with it), ``redirect-not-https``,
    ``redirects``, ``too-long``, ``answer``, ``type``, ``not-xml``, ``document-type``, ``not-autoconfig``,
    ``no-server``, ``no-answer``.
    """

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """How pages are got: ``addresses`` looks a name up; ``port`` stands for 443 where a test has its own.

    ``until`` is a moment of the monotonic clock at which all is over.
    """

    addresses: Callable[[str], tuple[str, ...]]
    clock: Clock
    until: float
    authority: str | None = None
    port: int = 443


def places(domain: str, address: str) -> tuple[str, ...]:
    """Return where a domain's file is looked for, in this order."""
    query = f"config-v1.1.xml?emailaddress={quote(address, safe='')}"
    return (
        f"https://autoconfig.{domain}/mail/{query}",
        f"https://{domain}/.well-known/autoconfig/mail/{query}",
    )


def configured(place: str, *, address: str, web: Web) -> Configured | AutoconfigFault:
    """Return what the file at a place says for an address."""
    page = _page(place, web)
    if isinstance(page, AutoconfigFault):
        return page
    try:
        return read_autoconfig(page.content, address=address)
    except NotAutoconfigError as error:
        return AutoconfigFault(str(error))


def _page(place: str, web: Web) -> https.Page | AutoconfigFault:
    for _ in range(_MOST_REDIRECTS + 1):
        page = _fetched(place, web)
        if isinstance(page, AutoconfigFault):
            return page
        if page.status not in _REDIRECTS:
            return _checked(page)
        target = _redirected(place, page.location)
        if isinstance(target, AutoconfigFault):
            return target
        place = target
    return AutoconfigFault("redirects")


def _redirected(place: str, location: str) -> str | AutoconfigFault:
    try:
        target = urljoin(place, location)
        split = urlsplit(target)
        is_usable = bool(location) and split.port in {None, 443}
    except ValueError:
        return AutoconfigFault("answer")
    if split.scheme != "https":
        return AutoconfigFault("redirect-not-https")
    if not is_usable or not split.hostname or split.username is not None:
        return AutoconfigFault("answer")
    return target


def _fetched(place: str, web: Web) -> https.Page | AutoconfigFault:
    split = urlsplit(place)
    try:
        host = parse_host(split.hostname or "")  # in A-labels, whatever a redirect has
    except FluenzrError:
        return AutoconfigFault("answer")
    addresses = web.addresses(host)
    if not addresses:
        return AutoconfigFault("host-unknown", host)
    seconds = web.until - web.clock.monotonic()
    if seconds <= 0:
        return AutoconfigFault("no-answer")
    target = _target(split)
    if target is None:
        return AutoconfigFault("answer")
    request = https.Request(
        host=host,
        target=target,
        accept="text/xml, application/xml",
        limit_bytes=LIMIT_BYTES,
        stage=Stage.CONFIGURATION,
        port=web.port,
        authority=web.authority,
        seconds=seconds,
    )
    page = https.fetch(request, addresses, clock=web.clock)
    return AutoconfigFault(page.reason, page.detail) if isinstance(page, https.PageFault) else page


def _target(split: SplitResult) -> str | None:
    """Return path and query, or None where a server put into them what no request can hold."""
    target = (split.path or "/") + (f"?{split.query}" if split.query else "")
    return target if target.isascii() and target.isprintable() and " " not in target else None


def _checked(page: https.Page) -> https.Page | AutoconfigFault:
    if page.status != 200:
        return AutoconfigFault("status", str(page.status))
    return page if page.kind in _KINDS else AutoconfigFault("type", page.kind)
