"""The XML of Mozilla's autoconfig, version 1.1, from bytes to proposals. Pure.

Format: https://www.bucksch.org/1/projects/thunderbird/autoconfiguration/config-file-format.html and
draft-ietf-mailmaint-autoconfig. A document type, entities and processing are refused; elements that are not
known are passed over, as the format wants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Endpoint, Security, UsernameRule
from fluenzr_smtp.settings import parse_host

LIMIT_BYTES = 256 * 1024  # the largest of the public ones has 20 KB
_MOST_SERVERS = 20
_LONGEST_NAME = 320  # characters of a login name: 64, "@" and 255 (RFC 5321 §4.5.3.1)
_SECURITY = {"SSL": Security.IMPLICIT_TLS, "STARTTLS": Security.STARTTLS}
_PORT = re.compile(r"[0-9]{1,5}")
_USERNAMES = {"%EMAILADDRESS%": UsernameRule.ADDRESS, "%EMAILLOCALPART%": UsernameRule.LOCAL_PART}
_PASSWORDS = {"password-cleartext", "plain", "password-encrypted", "secure"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What a file says. ``wants_oauth``: the first server offers no password."""

    smtp: tuple[Endpoint, ...]
    imap: tuple[Endpoint, ...]
    username: UsernameRule
    username_value: str
    wants_oauth: bool


class NotAutoconfigError(ValueError):
    """The reason, as a fixed word: ``not-xml``, ``document-type``, ``not-autoconfig``, ``no-server``."""


def read_autoconfig(content: bytes, *, address: str) -> Configured:
    """Read a file for an address, whose parts stand in place of ``%EMAILADDRESS%`` and the like.

    Raises:
        NotAutoconfigError: Nothing can be made of it.
    """
    root = _root(content)
    provider = root.find("emailProvider")
    if root.tag != "clientConfig" or provider is None:
        raise NotAutoconfigError("not-autoconfig")
    smtp = dict(_endpoints(_servers(provider, "outgoingServer", "smtp"), address))
    imap = dict(_endpoints(_servers(provider, "incomingServer", "imap"), address))
    if not smtp:
        raise NotAutoconfigError("no-server")
    first = next(iter(smtp.values()))
    rule, value = _username(first, address)
    methods = {_text(each) for each in first.findall("authentication")}
    return Configured(
        smtp=tuple(smtp),
        imap=tuple(imap),
        username=rule,
        username_value=value,
        wants_oauth="OAuth2" in methods and not methods & _PASSWORDS,
    )


def _root(content: bytes) -> Element:
    try:
        found = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise NotAutoconfigError("document-type") from error
    except (ParseError, ValueError, LookupError) as error:  # LookupError: an encoding nobody knows
        raise NotAutoconfigError("not-xml") from error
    if not isinstance(found, Element):
        raise NotAutoconfigError("not-xml")
    return found


def _servers(provider: Element, tag: str, kind: str) -> list[Element]:
    found = [each for each in provider.findall(tag) if each.get("type", "").lower() == kind]
    return found[:_MOST_SERVERS]


def _endpoints(servers: list[Element], address: str) -> Iterator[tuple[Endpoint, Element]]:
    """Yield the encrypted servers, each once, with its element; what cannot be one is passed over."""
    seen: set[Endpoint] = set()
    for server in servers:
        security = _SECURITY.get(_text(server.find("socketType")).upper())
        port = _text(server.find("port"))
        if security is None or not _PORT.fullmatch(port) or not 1 <= int(port) <= 65535:
            continue
        try:
            host = parse_host(_replaced(_text(server.find("hostname")), address))
        except FluenzrError:
            continue
        endpoint = Endpoint(host=host, port=int(port), security=security)
        if endpoint not in seen:
            seen.add(endpoint)
            yield endpoint, server


def _username(server: Element, address: str) -> tuple[UsernameRule, str]:
    """Return the rule of the login name, or the name that the file spells out."""
    written = _text(server.find("username"))
    if not written or len(written) > _LONGEST_NAME:
        return UsernameRule.ADDRESS, ""
    known = _USERNAMES.get(written)
    if known is not None:
        return known, ""
    name = _replaced(written, address)
    return (UsernameRule.ADDRESS, "") if name == address else (UsernameRule.FIXED, name)


def _replaced(text: str, address: str) -> str:
    local, _, domain = address.rpartition("@")
    for name, value in (("EMAILADDRESS", address), ("EMAILLOCALPART", local), ("EMAILDOMAIN", domain)):
        text = text.replace(f"%{name}%", value)
    return text


def _text(element: Element | None) -> str:
    """Return the text of an element, without blanks around it; of one that is no line, nothing."""
    text = (element.text or "").strip() if element is not None else ""
    return text if text.isprintable() else ""
