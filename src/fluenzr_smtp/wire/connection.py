"""The connection: from a name to an address that answers, and TLS on it."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fluenzr_smtp import tls
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Endpoint, Security
from fluenzr_smtp.problems import Problem, ProblemCode
from fluenzr_smtp.wire.addresses import Address, LookUp, attempts, connected, look_up, more_telling
from fluenzr_smtp.wire.handshake import PlainSpeechError, handshake
from fluenzr_smtp.wire.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How one address answered. ``is_used`` marks the one whose connection the wire keeps."""

    address: Address
    seconds: float
    is_used: bool = False
    error: OSError | None = None
    problem: Problem | None = None


class Wire(Stream):
    """A connection to one endpoint, opened step by step.

    ``begin`` names the stage and starts its deadline; every read and write after it counts against that
    deadline. ``until`` is a moment of the monotonic clock that no step outlasts; ``names`` looks the host up
    in another way than by the system's resolver. All failures are
    ``FluenzrError``; the connection is not usable after one.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        resumption: tls.Resumption | None = None,
        names: LookUp = look_up,
        **how: Any,  # noqa: ANN401 - as Stream has them
    ) -> None:
        super().__init__(endpoint, **how)
        self.plain_speech = b""
        self._resumption = resumption or tls.Resumption()
        self._is_resumable = False
        self._names = names

    # -- opening -------------------------------------------------------------------------------------

    def resolve(self) -> tuple[Address, ...]:
        """Look the host up, in the system's resolver unless another way was given.

        Raises:
            FluenzrError: ``dns-host-unknown``, ``dns-unavailable``.
        """
        try:
            return self._names(self.endpoint.host, self.endpoint.port, seconds=self.remaining())
        except (OSError, ValueError) as error:  # ValueError: a name that cannot be encoded
            is_silent = isinstance(error, TimeoutError) or getattr(error, "errno", 0) == socket.EAI_AGAIN
            if is_silent:
                raise self.failure(ProblemCode.DNS_UNAVAILABLE, reason="no-answer") from error
            raise self.failure(ProblemCode.DNS_HOST_UNKNOWN) from error

    def connect(self, addresses: tuple[Address, ...]) -> Address:
        """Connect to the first address that answers, and return it. All share the step's time.

        Raises:
            FluenzrError: ``connect-refused``, ``connect-timeout``, ``connect-unreachable``,
                ``bridge-not-running``, ``connection-lost``.
        """
        told: tuple[OSError, Address] | None = None
        for position, address in enumerate(addresses):
            share = self.remaining() / (len(addresses) - position)
            try:
                self._socket = connected(address, seconds=share)
            except OSError as error:
                last = more_telling(told[0] if told else None, error)
                told = (last, address) if last is error or told is None else told
            else:
                self._happened(f"connected to {address.text} port {self.endpoint.port}")
                return address
        if told is None:
            raise self.failure(ProblemCode.CONNECT_UNREACHABLE, reason="")
        raise self._connect_failure(*told) from told[0]

    def connect_each(self, addresses: tuple[Address, ...]) -> Iterator[Reached]:
        """Connect to every address at the same time, tell of each, and keep the first that answers.

        Once one has answered, the others have five seconds more.
        """
        for attempt in attempts(addresses, clock=self._clock, seconds=self.remaining()):
            address = attempt.address
            is_used = attempt.connection is not None and self._socket is None
            if is_used:
                self._socket = attempt.connection
                self._happened(f"connected to {address.text} port {self.endpoint.port}")
            elif attempt.connection is not None:
                attempt.connection.close()
            error = attempt.error
            failed = self._connect_failure(error, address, attempt.seconds).problem if error else None
            yield Reached(
                address=address, seconds=attempt.seconds, is_used=is_used, error=error, problem=failed
            )

    def _connect_failure(
        self, error: OSError, address: Address, seconds: float | None = None
    ) -> FluenzrError:
        if isinstance(error, ConnectionRefusedError):
            from fluenzr_smtp.classify import refused_code  # not needed where all goes well

            return self.failure(refused_code(is_loopback=address.is_loopback, port=self.endpoint.port))
        if isinstance(error, TimeoutError):
            waited = self.timeout if seconds is None else seconds
            return self.failure(ProblemCode.CONNECT_TIMEOUT, seconds=round(waited))
        if isinstance(error, ConnectionError):  # it was there and was torn down at once
            return self.failure(ProblemCode.CONNECTION_LOST)
        reason = errno.errorcode.get(error.errno or 0, "")
        return self.failure(ProblemCode.CONNECT_UNREACHABLE, reason=reason)

    def local_address(self) -> str:
        """Return the address of our own end, as text."""
        return str(self._connected().getsockname()[0])

    # -- TLS -----------------------------------------------------------------------------------------

    @property
    def encrypted(self) -> ssl.SSLSocket | None:
        """The TLS connection once it is up."""
        return self._socket if isinstance(self._socket, ssl.SSLSocket) else None

    def start_tls(self, *, inspect: bool = False) -> None:
        """Do the handshake and verify the certificate as the endpoint asks.

        With ``inspect`` nothing is verified: for a look at the certificate, never followed by a login. What
        a server says in clear where TLS comes first is kept in ``plain_speech``.

        Raises:
            FluenzrError: ``tls-…``; ``unexpected-data`` if the server sent anything ahead of the handshake,
                which would otherwise be taken as protected (RFC 3207 §6, CVE-2011-0411).
        """
        endpoint = self.endpoint
        implicit = endpoint.security is Security.IMPLICIT_TLS
        if self.has_arrived():  # where TLS comes first, a server that speaks first does not know it
            raise self._spoken_to_in_clear() if implicit else self.broken(ProblemCode.UNEXPECTED_DATA)
        context = tls.inspection_context() if inspect else self._resumption.context(endpoint)
        try:
            encrypted = handshake(
                self._connected(),
                context,
                host=endpoint.host,
                remaining=self.remaining,
                may_be_plain=implicit,
                session=None if inspect else self._resumption.session(endpoint),
            )
        except PlainSpeechError as error:
            self._socket = error.connection
            raise self._spoken_to_in_clear() from None
        except TimeoutError as error:
            raise self.broken(ProblemCode.REPLY_TIMEOUT) from error
        except OSError as error:
            self.close()
            raise tls.handshake_failure(error, endpoint, implicit=implicit) from error
        except ValueError as error:  # a host that cannot be a TLS server name
            raise self.broken(ProblemCode.TLS_HANDSHAKE_FAILED, reason="server-name") from error
        self._socket = encrypted
        self._happened(" ".join((encrypted.version() or "", (encrypted.cipher() or ("",))[0])))
        if not inspect:
            self._verify_pin(encrypted)
            self._is_resumable = True

    def _spoken_to_in_clear(self) -> FluenzrError:
        """Read what the server says where TLS is due, and close."""
        try:
            self.plain_speech = self.read_line()
        except FluenzrError:
            self.plain_speech = self._rest  # a line without end says something too
        return self.broken(ProblemCode.TLS_IMPLICIT_ON_STARTTLS_PORT, reason="answered-in-clear")

    def _verify_pin(self, encrypted: ssl.SSLSocket) -> None:
        try:
            tls.verify_pin(self.endpoint, encrypted.getpeercert(binary_form=True))
        except FluenzrError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, and keep its TLS session where that may be resumed; never fails."""
        if self._is_resumable and self.encrypted is not None:
            self._resumption.keep(self.endpoint, self.encrypted)
        super().close()
