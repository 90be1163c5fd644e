"""What is typed of a preset's servers and limits, as a record holds it."""

from __future__ import annotations

import re
from dataclasses import replace

from fluenzr_smtp import ports
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Protocol, Security
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.settings import parse_limits, parse_port, parse_security

_PORT = re.compile(r"(?<=[^:]):([0-9]{1,6})$|(?<=\]):([0-9]{1,6})$")


def server_of(text: str, protocol: Protocol) -> dict[str, object]:
    """Return a server, typed as ``HOST[:PORT][/ENCRYPTION]``.

    Without a port it is the usual one of the encryption; without both, TLS comes first (RFC 8314 §3).

    Raises:
        FluenzrError: ``setting-invalid``.
    """
    place, slash, encryption = text.strip().partition("/")
    match = _PORT.search(place)
    # An IPv6 address has its port behind brackets alone.
    if match and place.count(":") > 1 and not place.startswith("["):
        match = None
    port = parse_port(int(match[1] or match[2])) if match else None
    if slash:
        security = parse_security(encryption)
    else:
        security = Security.IMPLICIT_TLS if port is None else ports.usual_security(protocol, port)
    host = place[: match.start()] if match else place
    port = port or ports.STANDARD[protocol][security]
    return {"host": host.strip("[]"), "port": port, "encryption": security.value}


def limits_of(texts: list[str]) -> list[dict[str, object]]:
    """Return limits, typed as for an account.

    Raises:
        FluenzrError: ``setting-invalid``, ``usage-invalid``.
    """
    from fluenzr_smtp.presets import own

    limits = parse_limits(texts)
    if limits is None:
        reason = "--limit preset is for accounts; a preset has limits of its own, or none"
        raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
    return own.limits_of(replace(each, source="") for each in limits)
