"""What a diagnosis is about, from what a person typed: a preset, a server, an address at a provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fluenzr_smtp import ports
from fluenzr_smtp.model import Endpoint, Fingerprint, Preset, Protocol, Target, UsernameRule
from fluenzr_smtp.presets import filled
from fluenzr_smtp.settings import ServerChoice, choose_endpoint, unsupported, username_of


def of_preset(
    preset: Preset, *, name: str, address: str = "", fills: Mapping[str, str] | None = None
) -> Target:
    """Return a provider's servers as the target; nobody logs in.

    Raises:
        FluenzrError: ``provider-unsupported``; ``input-required`` for what is missing in its hosts.
    """
    if preset.unsupported:
        raise unsupported(preset)
    preset = filled(preset, fills or {}, domain=address.rpartition("@")[2])
    return Target(
        name=name,
        smtp=preset.smtp[0],
        imap=preset.imap[0] if preset.imap else None,
        address=address,
        preset=preset.key,
    )


def of_server(server: ServerChoice, preset: Preset | None, *, name: str, protocol: Protocol | None) -> Target:
    """Return one server as the target; without a port the submission server of that host.

    Where a preset knows the host, its ports and its encryption are meant, and its IMAP server as well.

    Raises:
        FluenzrError: ``setting-invalid``, ``encryption-required``.
    """
    if protocol is None and server.port is None and preset is not None:
        return _of_known_host(server, preset, name=name)
    wanted = protocol or ports.protocol_of(server.port)
    known = () if preset is None else preset.imap if wanted is Protocol.IMAP else preset.smtp
    endpoint = choose_endpoint(wanted, server, known)
    key = preset.key if preset else None
    if wanted is Protocol.IMAP:
        return Target(name=name, imap=endpoint, preset=key)
    return Target(name=name, smtp=endpoint, preset=key)


def _of_known_host(server: ServerChoice, preset: Preset, *, name: str) -> Target:
    smtp, imap = (
        next((each for each in endpoints if each.host == server.host), None)
        for endpoints in (preset.smtp, preset.imap)
    )
    if server.security is not None:
        smtp = choose_endpoint(Protocol.SMTP, server, preset.smtp)
    return Target(name=name, smtp=smtp, imap=imap, preset=preset.key)


def with_login(target: Target, username: str, preset: Preset | None) -> Target:
    """Return the target with somebody to log in; a name given as ``""`` follows from the address."""
    if username:
        return replace(target, username=username)
    rule = preset.username if preset else UsernameRule.ADDRESS
    imap = preset.imap_username if preset else None
    return replace(
        target,
        username=username_of(rule, target.address, preset),
        imap_username=None if imap is None else username_of(imap, target.address, preset),
    )


def trusting(target: Target, *, authority: str | None, pin: Fingerprint | None) -> Target:
    """Return the target with what is to be trusted in place of the system's store; None: as it was."""

    def trusted(endpoint: Endpoint | None) -> Endpoint | None:
        if endpoint is None or (authority is None and pin is None):
            return endpoint
        return replace(endpoint, pin=pin, authority=authority)

    return replace(target, smtp=trusted(target.smtp), imap=trusted(target.imap))
