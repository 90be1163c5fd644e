"""From what a person said and what a preset knows to an account: pure, and complete or refused.

Nothing is asked and nothing is looked up here; what is missing is named, so that the caller can ask for it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import idna

from fluenzr_smtp import ports
from fluenzr_smtp.compose import parse_address
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import (
    Account,
    Endpoint,
    Fingerprint,
    Preset,
    Protocol,
    Remedy,
    Security,
    UsernameRule,
)
from fluenzr_smtp.problems import ProblemCode, Stage

_NAMES = {"tls": Security.STARTTLS}  # the users' page calls STARTTLS on 587 "TLS"
_HOST = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What was said of an account."""

    address: str
    name: str | None = None
    display_name: str | None = None
    username: str | None = None
    has_login: bool = True
    smtp: ServerChoice = ServerChoice()
    imap: ServerChoice = ServerChoice()
    has_imap: bool = True
    pin: Fingerprint | None = None
    authority: str | None = None


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
        raise _invalid("encryption", text, "not-an-encryption", choices=choices) from error


def parse_host(text: str) -> str:
    """Read a host name or an IP address; names become lower-case A-labels (RFC 5890).

    Raises:
        FluenzrError: ``setting-invalid``.
    """
    wanted = text.strip().removeprefix("[").removesuffix("]").rstrip(".").lower()
    if _is_ip(wanted):
        return wanted
    if not wanted.isascii():
        try:
            wanted = idna.encode(wanted, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise _invalid("host", text, "not-a-host-name") from error
    if not _HOST.fullmatch(wanted):
        raise _invalid("host", text, "not-a-host-name")
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
        raise _invalid("port", port, "not-a-port")
    return ServerChoice(host=parse_host(host), port=parse_port(int(port)))


def parse_port(number: int) -> int:
    """Return the port if it is one.

    Raises:
        FluenzrError: ``setting-invalid``.
    """
    if not 1 <= number <= 65535:
        raise _invalid("port", str(number), "not-a-port")
    return number


def build_account(choices: Choices, preset: Preset | None) -> Account:
    """Put an account together; what was said goes over what the preset knows.

    Raises:
        FluenzrError: ``input-required`` with the options that are missing; ``address-malformed``,
            ``setting-invalid``, ``header-malformed``, ``encryption-required``.
    """
    address = parse_address(choices.address)
    smtp = choose_endpoint(Protocol.SMTP, choices.smtp, preset.smtp if preset else ())
    if smtp is None:
        raise failure(ProblemCode.INPUT_REQUIRED, Stage.USAGE, options=("--preset", "--smtp-host"))
    imap = None
    if choices.has_imap:
        imap = choose_endpoint(Protocol.IMAP, choices.imap, preset.imap if preset else ())
    return Account(
        name=address if choices.name is None else choices.name,
        address=address,
        display_name=checked("display-name", choices.display_name or ""),
        username=_username(choices, address, preset),
        smtp=_trusting(smtp, choices),
        imap=None if imap is None else _trusting(imap, choices),
        preset=preset.key if preset else None,
    )


def change_account(account: Account, choices: Choices, preset: Preset | None) -> Account:
    """Return the account with what was said changed; a server's trust stays while its host does.

    Raises:
        FluenzrError: as ``build_account``.
    """
    smtp = _changed_endpoint(Protocol.SMTP, account.smtp, choices, preset.smtp if preset else ())
    imap = None
    if choices.has_imap:
        imap = _changed_endpoint(Protocol.IMAP, account.imap, choices, preset.imap if preset else ())
    return replace(
        account,
        display_name=checked("display-name", choices.display_name or ""),
        username=_username(choices, account.address, preset),
        smtp=smtp or account.smtp,
        imap=imap,
    )


def with_remedy(account: Account, remedy: Remedy) -> Account:
    """Return the account as a diagnosis found it to work."""
    if remedy.protocol is Protocol.IMAP:
        return replace(account, imap=remedy.endpoint, imap_username=remedy.username or account.imap_username)
    return replace(account, smtp=remedy.endpoint, username=remedy.username or account.username)


def _changed_endpoint(
    protocol: Protocol, present: Endpoint | None, choices: Choices, known: tuple[Endpoint, ...]
) -> Endpoint | None:
    choice = choices.smtp if protocol is Protocol.SMTP else choices.imap
    if present is None and choice.is_empty:
        return None
    if present is not None and choice.port is None and choice.security in {None, present.security}:
        choice = replace(choice, port=present.port, security=present.security)  # another host, no more
    chosen = choose_endpoint(protocol, choice, known if present is None else (present, *known))
    if chosen is None:
        return None
    if present is not None and chosen.host == present.host:
        chosen = replace(chosen, pin=present.pin, authority=present.authority)
    return _trusting(chosen, choices)


def _username(choices: Choices, address: str, preset: Preset | None) -> str | None:
    if not choices.has_login:
        return None
    if choices.username is not None:
        if not choices.username:
            raise _invalid("username", "", "empty")
        return checked("username", choices.username)
    if preset is not None and preset.username is UsernameRule.LOCAL_PART:
        return address.rpartition("@")[0]
    return address


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


def _trusting(endpoint: Endpoint, choices: Choices) -> Endpoint:
    """Return the endpoint with what is to be trusted; an authority takes the place of an older pin."""
    if choices.pin is None and choices.authority is not None:
        return replace(endpoint, pin=None, authority=choices.authority)
    return replace(
        endpoint, pin=choices.pin or endpoint.pin, authority=choices.authority or endpoint.authority
    )


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine by its very name."""
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def checked(field: str, text: str) -> str:
    """Return a name if it can stand in a header or a command.

    Raises:
        FluenzrError: ``header-malformed``.
    """
    if _CONTROL.search(text):
        raise failure(ProblemCode.HEADER_MALFORMED, Stage.INPUT, header=field, reason="control-character")
    try:
        text.encode()
    except UnicodeEncodeError as error:  # bytes of the command line that are not UTF-8
        raise failure(ProblemCode.HEADER_MALFORMED, Stage.INPUT, header=field, reason="not-utf-8") from error
    return text


def _invalid(field: str, value: str, reason: str, **facts: tuple[str, ...]) -> Exception:
    return failure(
        ProblemCode.SETTING_INVALID,
        Stage.USAGE,
        None,
        setting=field,
        value=value[:100],
        reason=reason,
        **facts,
    )
