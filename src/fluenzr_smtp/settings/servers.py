"""From what was said of a server to its endpoint."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from fluenzr_smtp import ports
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Endpoint, Protocol, Security
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.settings.refusals import invalid

_NAMES = {"tls": Security.STARTTLS}  # the users' page calls STARTTLS on 587 "TLS"
_LONGEST_NAME = 253  # RFC 1035 §2.3.4; no A-label is shorter than what it stands for
_HOST = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerChoice:
    """What was said of one server; None where nothing was."""

    host: str | None = None
    port: int | None = None
    security: Security | None = None

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was said."""
        return self.host is None and self.port is None and self.security is None


def parse_security(text: str) -> Security:
    """Read the name of an encryption: ``starttls`` (or ``tls``), ``ssl``, ``none``.

    Raises:
        FluenzrError: ``setting-invalid``.
    """
    wanted = text.strip().lower()
    known = _NAMES.get(wanted)
    if known is not None:
        return known
    try:
        return Security(wanted)
    except ValueError as error:
        choices = (*(each.value for each in Security), *_NAMES)
        raise invalid("encryption", text, "not-an-encryption", choices=choices) from error


def parse_host(text: str) -> str:
    """Read a host name or an IP address; names become lower-case A-labels (RFC 5890).

    Raises:
        FluenzrError: ``setting-invalid``.
    """
    wanted = text.strip().removeprefix("[").removesuffix("]").rstrip(".").lower()
    if _is_ip(wanted):
        return wanted
    if not wanted.isascii() and len(wanted) <= _LONGEST_NAME:  # IDNA takes its time over long ones
        import idna  # few hosts need it

        try:
            wanted = idna.encode(wanted, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise invalid("host", text, "not-a-host-name") from error
    if not _HOST.fullmatch(wanted):
        raise invalid("host", text, "not-a-host-name")
    return wanted


def parse_server(text: str) -> ServerChoice:
    """Read ``host`` or ``host:port``; an IPv6 address with a port stands in brackets (RFC 3986 §3.2.2).

    Raises:
        FluenzrError: ``setting-invalid``.
    """
    host, colon, port = text.strip().rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return ServerChoice(host=parse_host(text))
    if not (port.isascii() and port.isdecimal()):
        raise invalid("port", port, "not-a-port")
    return ServerChoice(host=parse_host(host), port=parse_port(int(port)))


def parse_port(number: int) -> int:
    """Return the port if it is one.

    Raises:
        FluenzrError: ``setting-invalid``.
    """
    if not 1 <= number <= 65535:
        raise invalid("port", str(number), "not-a-port")
    return number


def choose_endpoint(protocol: Protocol, choice: ServerChoice, known: Iterable[Endpoint]) -> Endpoint | None:
    """Return the first known endpoint that fits what was said, else one made of it; None without a host."""
    endpoints = tuple(known)
    if choice.host is not None:
        choice = replace(choice, host=parse_host(choice.host))
    fitting = next((each for each in endpoints if _fits(each, choice)), None)
    if fitting is not None:
        return fitting
    host = choice.host or (endpoints[0].host if endpoints else None)
    if host is None:
        return None
    security = choice.security or _likely_security(protocol, choice.port, host, endpoints)
    port = ports.STANDARD[protocol][security] if choice.port is None else choice.port
    endpoint = Endpoint(host=host, port=parse_port(port), security=security)
    if security is Security.NONE and not is_loopback(endpoint.host):
        raise failure(ProblemCode.ENCRYPTION_REQUIRED, Stage.USAGE, host=endpoint.host, port=endpoint.port)
    return endpoint


def _fits(endpoint: Endpoint, choice: ServerChoice) -> bool:
    return (
        choice.host in {None, endpoint.host}
        and choice.port in {None, endpoint.port}
        and choice.security in {None, endpoint.security}
    )


def _likely_security(
    protocol: Protocol, port: int | None, host: str, known: tuple[Endpoint, ...]
) -> Security:
    """Return the encryption that goes with a port; of an unusual one, what the host is known to use."""
    same_host = next((each.security for each in known if each.host == host), None)
    if port is None or same_host is None or port in ports.STANDARD[protocol].values():
        return ports.usual_security(protocol, port)
    return same_host


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine by its very name."""
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
