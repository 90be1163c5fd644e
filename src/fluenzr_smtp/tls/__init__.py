"""TLS: contexts that verify, pinned certificates, and what a failed handshake means.

Nothing here weakens verification: a certificate is trusted through a chain and a name, or through
its own fingerprint (``Endpoint.pin``), and in no third way. Contexts and X.509 have their home here.

The names are loaded on first use: to connect takes a third of all this.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.tls.certificates import (
        Certificate,
        authority_from_pem,
        pin_from_pem,
        read_certificate,
        served_chain,
    )
    from fluenzr_smtp.tls.chain import path_of, verdict
    from fluenzr_smtp.tls.contexts import context_for, inspection_context, verify_pin, web_context
    from fluenzr_smtp.tls.facts import UNTRUSTED, certificate_facts, connection_facts, explained, told_date
    from fluenzr_smtp.tls.handshake import handshake_failure
    from fluenzr_smtp.tls.names import matching_names, mismatch
    from fluenzr_smtp.tls.resumption import Resumption

__all__ = [
    "UNTRUSTED",
    "Certificate",
    "Resumption",
    "authority_from_pem",
    "certificate_facts",
    "connection_facts",
    "context_for",
    "explained",
    "handshake_failure",
    "inspection_context",
    "matching_names",
    "mismatch",
    "path_of",
    "pin_from_pem",
    "read_certificate",
    "served_chain",
    "told_date",
    "verdict",
    "verify_pin",
    "web_context",
]

__getattr__ = loader(
    __name__,
    {
        "Certificate": "certificates",
        "authority_from_pem": "certificates",
        "pin_from_pem": "certificates",
        "read_certificate": "certificates",
        "served_chain": "certificates",
        "path_of": "chain",
        "verdict": "chain",
        "context_for": "contexts",
        "inspection_context": "contexts",
        "web_context": "contexts",
        "verify_pin": "contexts",
        "UNTRUSTED": "facts",
        "certificate_facts": "facts",
        "connection_facts": "facts",
        "explained": "facts",
        "told_date": "facts",
        "handshake_failure": "handshake",
        "matching_names": "names",
        "mismatch": "names",
        "Resumption": "resumption",
    },
)
