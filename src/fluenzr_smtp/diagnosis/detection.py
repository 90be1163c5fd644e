"""How a port that nobody knows wants to be spoken to: which protocol, and encrypted in which way."""

from __future__ import annotations

from fluenzr_smtp import ports
from fluenzr_smtp.model import Clock, Endpoint, Protocol, Security
from fluenzr_smtp.wire import Probe, probe, service_of

_PATIENCE_SECONDS = 3.0


def detect(host: str, port: int, *, clock: Clock, timeout: float) -> tuple[Protocol, Security]:
    """Find out how a port wants to be spoken to, in ``timeout`` seconds at most; nothing is said to it.

    A port that convention gives to TLS is not asked for it (RFC 8314 §7.3). Any other is waited for: if it
    greets, STARTTLS is meant; if it is silent but takes part in a handshake, TLS comes first. Where nothing
    is to be found out STARTTLS is assumed, and the diagnosis will tell what is wrong. The greeting tells the
    protocol of an unusual port.
    """
    endpoint = Endpoint(host=host, port=port, security=Security.STARTTLS)
    if port in ports.IMPLICIT_TLS:
        return ports.protocol_of(port), Security.IMPLICIT_TLS
    patience = min(_PATIENCE_SECONDS, timeout / 2)
    found = probe(endpoint, Security.STARTTLS, clock=clock, seconds=timeout / 2, patience=patience)
    security = Security.STARTTLS
    if found.problem is None and not found.greeting:
        found = probe(endpoint, Security.IMPLICIT_TLS, clock=clock, seconds=timeout / 2, patience=timeout / 4)
        security = Security.IMPLICIT_TLS if found.is_tls else Security.STARTTLS
    return (ports.protocol_of(port) if ports.is_usual(port) else _protocol_by(found)), security


def _protocol_by(found: Probe) -> Protocol:
    return Protocol.IMAP if service_of(found.greeting) == "IMAP" else Protocol.SMTP
