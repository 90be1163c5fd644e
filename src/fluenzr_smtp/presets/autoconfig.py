"""A preset as Mozilla's autoconfig file, version 1.1, to be put on the web for one's own domain."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from fluenzr_smtp.model import Endpoint, Need, Preset, Security, UsernameRule

_SOCKETS = {Security.IMPLICIT_TLS: "SSL", Security.STARTTLS: "STARTTLS"}
_NAMES = {
    UsernameRule.ADDRESS: "%EMAILADDRESS%",
    UsernameRule.LOCAL_PART: "%EMAILLOCALPART%",
}


def autoconfig_of(preset: Preset, *, domain: str) -> bytes:
    """Return the file for the addresses of a domain; the hosts of the preset must be whole.

    Servers without encryption are left out: nothing outside of this computer may use them. Where the provider
    hands out the user name, none is stated, and mail programs ask for it.
    """
    root = Element("clientConfig", version="1.1")
    provider = SubElement(root, "emailProvider", id=domain)
    _text(provider, "domain", domain)
    _text(provider, "displayName", preset.name)
    _text(provider, "displayShortName", preset.name.partition(" (")[0])
    imap_rule = preset.imap_username or preset.username
    for endpoint in preset.imap:
        _server(provider, "incomingServer", "imap", endpoint, imap_rule, preset)
    for endpoint in preset.smtp:
        _server(provider, "outgoingServer", "smtp", endpoint, preset.username, preset)
    indent(root)
    return bytes(tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"


def _server(
    provider: Element, tag: str, kind: str, endpoint: Endpoint, rule: UsernameRule, preset: Preset
) -> None:
    socket = _SOCKETS.get(endpoint.security)
    if socket is None:
        return
    server = SubElement(provider, tag, type=kind)
    _text(server, "hostname", endpoint.host)
    _text(server, "port", str(endpoint.port))
    _text(server, "socketType", socket)
    name = preset.username_value if rule is UsernameRule.FIXED else _NAMES.get(rule, "")
    if name:
        _text(server, "username", name)
    if preset.oauth in {Need.PREFERRED, Need.REQUIRED}:
        _text(server, "authentication", "OAuth2")
    if preset.oauth is not Need.REQUIRED:
        _text(server, "authentication", "password-cleartext")


def _text(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text
