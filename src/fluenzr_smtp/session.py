"""What every mail session has in common: from the host name to an encrypted, greeted connection.

The protocols (``smtp``, ``imap``) say how a greeting is read and how TLS is asked for; the order of the
steps, and what silence or a certificate means, is the same for both and stands here.
"""

from __future__ import annotations

import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from types import MappingProxyType

from fluenzr_smtp import tls
from fluenzr_smtp.model import Clock, Endpoint, Secret, Security
from fluenzr_smtp.problems import Facts, ProblemCode, Stage
from fluenzr_smtp.veil import Veil
from fluenzr_smtp.wire import Address, Wire, speaks_implicit_tls

_PATIENCE_SECONDS = 3.0  # a server that greets does so at once; one that expects TLS never does
_PROBE_SECONDS = 5.0

OAUTH_MECHANISMS = frozenset({"XOAUTH2", "OAUTHBEARER"})
_FORBIDDEN = re.compile(r"[\r\n\0]")

Step = tuple[Stage, Callable[[], Facts]]


def facts(**known: str | int | tuple[str, ...]) -> Facts:
    """Return facts that stay as they are."""
    return MappingProxyType(known)


class Session(ABC):
    """One connection to a mail server. Not reusable after a failure; ``close`` it in any case."""

    def __init__(self, endpoint: Endpoint, *, clock: Clock, timeout: float) -> None:
        self.endpoint = endpoint
        self._clock = clock
        self._wire = Wire(endpoint, clock=clock, timeout=timeout)
        self._addresses: tuple[Address, ...] = ()
        self._veil = Veil()

    def hide(self, secret: Secret) -> None:
        """Strike the secret out of all that the server says; it may know it from an earlier session."""
        self._veil = Veil(secret)

    def veiled(self, text: str) -> str:
        """Return words of the server's without the secret; the one way by which they get out of a session."""
        return self._veil.over(text)

    def told(self, said: bytes) -> str:
        """Return what the server said as text without the secret; bytes that are no UTF-8 are escaped."""
        return self.veiled(said.decode("utf-8", "backslashreplace"))

    def steps(self) -> Iterator[Step]:
        """Yield the steps up to the capabilities in the order of this endpoint's encryption."""
        security = self.endpoint.security
        yield Stage.RESOLVE, self.resolve
        yield Stage.CONNECT, self.connect
        if security is Security.IMPLICIT_TLS:
            yield Stage.TLS, self.start_tls
        yield Stage.GREETING, self.greeting
        if security is Security.STARTTLS:
            yield Stage.TLS, self.start_tls
        yield Stage.CAPABILITIES, self.read_capabilities

    def open(self) -> None:
        """Do all the steps.

        Raises:
            FluenzrError: ``dns-…``, ``connect-…``, ``tls-…``, ``reply-…`` and what a refusal means.
        """
        for _, step in self.steps():
            step()

    def resolve(self) -> Facts:
        """Look the host up."""
        self._wire.begin(Stage.RESOLVE)
        self._addresses = self._wire.resolve()
        return facts(addresses=tuple(str(address[0]) for _, address in self._addresses))

    def connect(self) -> Facts:
        """Connect to the first address that answers; without encryption to this machine alone.

        Raises:
            FluenzrError: ``connect-…``; ``encryption-required``.
        """
        self._wire.begin(Stage.CONNECT)
        if self.endpoint.security is Security.NONE and not self._is_loopback():
            raise self._wire.failure(ProblemCode.ENCRYPTION_REQUIRED)
        return facts(address=self._wire.connect(self._addresses))

    def _is_loopback(self) -> bool:
        return all(ipaddress.ip_address(address[0]).is_loopback for _, address in self._addresses)

    def greeting(self) -> Facts:
        """Read the greeting; on silence, find out whether the port wants TLS from the first byte.

        Raises:
            FluenzrError: ``reply-…``, ``not-a-mail-server``, ``tls-starttls-on-implicit-port`` …
        """
        self._wire.begin(Stage.GREETING)
        if self._waits_for_tls():
            raise self._wire.failure(ProblemCode.TLS_STARTTLS_ON_IMPLICIT_PORT)
        return facts(banner=self._read_greeting())

    def _waits_for_tls(self) -> bool:
        """Say whether the server waits for a handshake, which is asked on a second connection."""
        patience = min(_PATIENCE_SECONDS, self._wire.remaining() / 3)
        if self.endpoint.security is Security.IMPLICIT_TLS or self._wire.arrives_within(patience):
            return False
        # Half of what is left: a server that is merely slow must still be able to greet in time.
        probe = min(_PROBE_SECONDS, self._wire.remaining() / 2)
        return speaks_implicit_tls(self.endpoint, clock=self._clock, timeout=probe)

    def start_tls(self, *, inspect: bool = False) -> Facts:
        """Encrypt the connection and verify the certificate; forget all that was learnt before.

        With ``inspect`` nothing is verified: for a look at the certificate, never followed by a login.
        """
        if self.endpoint.security is Security.STARTTLS:
            self._ask_for_tls()
        self._wire.begin(Stage.TLS)
        self._wire.start_tls(inspect=inspect)
        self._forget()
        encrypted = self._wire.encrypted
        return facts(**tls.connection_facts(encrypted, now=self._clock.now())) if encrypted else facts()

    def certificate(self) -> tls.Certificate:
        """Return the server's certificate without trusting it, and close.

        Raises:
            FluenzrError: as ``open``, but for an untrusted certificate.
        """
        try:
            for stage, step in self.steps():
                if stage is Stage.TLS:
                    self.start_tls(inspect=True)
                    break
                step()
            encrypted = self._wire.encrypted
            der = encrypted.getpeercert(binary_form=True) if encrypted else None
        finally:
            self._wire.close()
        return tls.read_certificate(der or b"")

    def _pick_mechanism(self, offered: tuple[str, ...], supported: tuple[str, ...]) -> str:
        """Choose the one mechanism that will be tried; nothing is said to a server without TLS."""
        if self._wire.encrypted is None and self.endpoint.security is not Security.NONE:
            raise self._wire.failure(ProblemCode.TLS_REQUIRED)
        if not offered:
            raise self._wire.failure(ProblemCode.AUTH_NOT_OFFERED)
        usable = next((each for each in supported if each in offered), None)
        if usable is None:
            oauth = OAUTH_MECHANISMS & set(offered)
            code = ProblemCode.AUTH_OAUTH_REQUIRED if oauth else ProblemCode.AUTH_MECHANISM_UNSUPPORTED
            raise self._wire.failure(code, mechanisms=self.veiled(" ".join(offered)))
        return usable

    def authenticate(self, username: str, secret: Secret) -> Facts:
        """Log in: one mechanism, one attempt (a second one brings a mailbox nearer to being locked).

        Raises:
            FluenzrError: ``auth-…``; ``tls-required`` where the connection is not encrypted.
        """
        self.hide(secret)
        return self._log_in(username, secret)

    def _refuse_control_characters(self, *credentials: str) -> None:
        """Refuse what would end a command or a field of PLAIN (RFC 4616 §2) before its time."""
        if any(_FORBIDDEN.search(each) for each in credentials):
            raise self._wire.failure(ProblemCode.SECRET_MALFORMED, reason="control-character")

    @abstractmethod
    def _read_greeting(self) -> str:
        """Read the greeting and return its text."""

    @abstractmethod
    def _ask_for_tls(self) -> None:
        """Ask for STARTTLS and read the consent."""

    @abstractmethod
    def _forget(self) -> None:
        """Drop what was learnt before TLS (RFC 3207 §4.2, RFC 9051 §6.2.1)."""

    @abstractmethod
    def read_capabilities(self) -> Facts:
        """Ask for the capabilities, after TLS if there is any."""

    @abstractmethod
    def _log_in(self, username: str, secret: Secret) -> Facts:
        """Choose the mechanism and try it once."""

    @abstractmethod
    def close(self) -> None:
        """Take leave if the connection still stands, and close it. Never fails."""
