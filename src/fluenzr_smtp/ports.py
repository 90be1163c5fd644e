"""Which port is used for what, by standard and by custom; nothing is asked and nothing is chosen here."""

from __future__ import annotations

from fluenzr_smtp.model import Protocol, Security

#: RFC 6409 §3.1, RFC 8314 §7.3, RFC 5321 §2.3.4 for a relay on this machine; RFC 9051 §2.1, RFC 8314 §7.2.
STANDARD = {
    Protocol.SMTP: {Security.STARTTLS: 587, Security.IMPLICIT_TLS: 465, Security.NONE: 25},
    Protocol.IMAP: {Security.STARTTLS: 143, Security.IMPLICIT_TLS: 993, Security.NONE: 143},
}
#: Those where TLS comes first; 995 is POP3's.
IMPLICIT_TLS = frozenset({465, 993, 995})

# With Proton Mail Bridge's (1025, 1143) and what some providers offer where 587 is blocked (2525).
_SUBMISSION = frozenset({25, 465, 587, 1025, 2525})
_MAILBOX = frozenset({143, 993, 1143})


def protocol_of(port: int | None) -> Protocol:
    """Return the protocol that a port is used for; of an unusual one, or of none, submission."""
    return Protocol.IMAP if port in _MAILBOX else Protocol.SMTP


def is_usual(port: int | None) -> bool:
    """Say whether a port tells by itself how it wants to be spoken to."""
    return port is None or port in _SUBMISSION | _MAILBOX


def usual_security(protocol: Protocol, port: int | None) -> Security:
    """Return what a port is used with as a rule; of an unusual one, what RFC 8314 prefers for IMAP."""
    if protocol is Protocol.IMAP:
        return Security.STARTTLS if port in _MAILBOX - IMPLICIT_TLS else Security.IMPLICIT_TLS
    return Security.IMPLICIT_TLS if port in IMPLICIT_TLS else Security.STARTTLS
