"""Servers: where they are and how they are spoken to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Security(StrEnum):
    """How a connection is encrypted, in the words of mail programs.

    ``starttls`` is opportunistic in the protocol only: here it is required (RFC 3207, RFC 8314 §4.1).
    ``ssl`` is implicit TLS (RFC 8314 §3). ``none`` is for loopback alone.
    """

    STARTTLS = "starttls"
    IMPLICIT_TLS = "ssl"
    NONE = "none"


class Protocol(StrEnum):
    """What is talked to: one of an account's two servers, or the DNS about a domain."""

    SMTP = "smtp"
    IMAP = "imap"
    DNS = "dns"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """SHA-256 of a certificate in DER form: 64 lower-case hexadecimal digits."""

    sha256: str

    @classmethod
    def of(cls, der: bytes) -> Fingerprint:
        """Return the fingerprint of a certificate in DER form."""
        from hashlib import sha256  # costs a light command 4 ms

        return cls(sha256(der).hexdigest())

    def __str__(self) -> str:
        pairs = (self.sha256[at : at + 2] for at in range(0, len(self.sha256), 2))
        return ":".join(pairs).upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server to talk to. ``host`` is ASCII (A-labels, RFC 5890) or an IP address.

    ``pin`` replaces the check of chain and name; ``authority`` (PEM) replaces the system's store.
    """

    host: str
    port: int
    security: Security
    pin: Fingerprint | None = None
    authority: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Skill(StrEnum):
    """A service extension that changes how a message travels (RFC 2920, RFC 3030)."""

    PIPELINING = "pipelining"
    CHUNKING = "chunking"


@dataclass(frozen=True, slots=True)
class Skills:
    """What is known of a server beyond what it announces.

    ``proven`` has been seen to work there, ``broken`` is announced and does not work.
    """

    proven: frozenset[Skill] = frozenset()
    broken: frozenset[Skill] = frozenset()
