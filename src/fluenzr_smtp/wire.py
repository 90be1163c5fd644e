"""One TCP connection with a deadline for every step, bounded reads, and TLS that starts clean.

What smtplib and imaplib leave open is closed here, once for both: a time-out per step instead of one
per ``recv``, limits on what a server may send, and nothing that was received before TLS survives it.
Protocols are not known here; ``socket`` has its home here.
"""

from __future__ import annotations

import contextlib
import errno
import queue
import socket
import ssl
import threading
from types import MappingProxyType
from typing import Any

from fluenzr_smtp import tls
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock, Endpoint, Security
from fluenzr_smtp.problems import Problem, ProblemCode, Stage

MAX_LINE_BYTES = 64 * 1024
MAX_STEP_BYTES = 1024 * 1024
MAX_STEP_LINES = 10_000  # millions of short lines are few bytes and much work
_CHUNK_BYTES = 16 * 1024

Address = tuple[int, tuple[Any, ...]]


class Wire:
    """A connection to one endpoint, opened step by step.

    ``begin`` names the stage and starts its deadline; every read and write after it counts against that
    deadline. All failures are ``FluenzrError``; the connection is not usable after one.
    """

    def __init__(self, endpoint: Endpoint, *, clock: Clock, timeout: float) -> None:
        self.endpoint = endpoint
        self.stage = Stage.RESOLVE
        self.timeout = timeout
        self._clock = clock
        self._deadline = clock.monotonic() + timeout
        self._budget = MAX_STEP_BYTES
        self._lines = 0
        self._socket: socket.socket | None = None
        self._buffer = bytearray()

    # -- steps ---------------------------------------------------------------------------------------

    def begin(self, stage: Stage, *, timeout: float | None = None, budget: int = MAX_STEP_BYTES) -> None:
        """Start a step: at most ``timeout`` seconds and ``budget`` bytes received until the next one.

        Lines have a limit of their own, ``MAX_STEP_LINES``.
        """
        self.stage = stage
        self._deadline = self._clock.monotonic() + (self.timeout if timeout is None else timeout)
        self._budget = budget
        self._lines = 0

    def remaining(self) -> float:
        """Return the seconds left in this step.

        Raises:
            FluenzrError: ``reply-timeout`` when none are.
        """
        left = self._deadline - self._clock.monotonic()
        if left <= 0:
            raise self.broken(ProblemCode.REPLY_TIMEOUT)
        return left

    def failure(self, code: ProblemCode, **facts: str | int) -> FluenzrError:
        """Build the error for a problem of this connection in the present stage."""
        where: dict[str, str | int] = {"host": self.endpoint.host, "port": self.endpoint.port}
        if code in {ProblemCode.REPLY_TIMEOUT, ProblemCode.CONNECT_TIMEOUT}:
            where["seconds"] = round(self.timeout)
        return FluenzrError(Problem(code=code, stage=self.stage, facts=MappingProxyType(where | facts)))

    def broken(self, code: ProblemCode, **facts: str | int) -> FluenzrError:
        """Close the connection and build the error: nothing more may be said on it, nor be believed."""
        self.close()
        return self.failure(code, **facts)

    # -- opening -------------------------------------------------------------------------------------

    def resolve(self) -> tuple[Address, ...]:
        """Look the host up in the system's resolver.

        Raises:
            FluenzrError: ``dns-host-unknown``, ``dns-unavailable``.
        """
        found: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                found.put(socket.getaddrinfo(self.endpoint.host, self.endpoint.port, type=socket.SOCK_STREAM))
            except (OSError, ValueError) as error:  # ValueError: a name that cannot be encoded
                found.put(error)

        # getaddrinfo knows no time-out; the thread is left behind if it does not return.
        threading.Thread(target=look_up, daemon=True).start()
        try:
            answer = found.get(timeout=self.remaining())
        except queue.Empty:
            raise self.failure(ProblemCode.DNS_UNAVAILABLE, reason="no-answer") from None
        if isinstance(answer, Exception):
            raise self._resolve_failure(answer) from answer
        return tuple(dict.fromkeys((family, address) for family, _, _, _, address in answer))

    def _resolve_failure(self, error: Exception) -> FluenzrError:
        if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
            return self.failure(ProblemCode.DNS_UNAVAILABLE, reason="no-answer")
        return self.failure(ProblemCode.DNS_HOST_UNKNOWN)

    def connect(self, addresses: tuple[Address, ...]) -> str:
        """Connect to the first address that answers; return it as text. All share the step's time.

        Raises:
            FluenzrError: ``connect-refused``, ``connect-timeout``, ``connect-unreachable``,
                ``connection-lost``.
        """
        last: OSError | None = None
        for position, (family, address) in enumerate(addresses):
            share = self.remaining() / (len(addresses) - position)
            try:
                self._socket = _connected(family, address, timeout=share)
                return str(address[0])
            except OSError as error:
                last = _more_telling(last, error)
        raise self._connect_failure(last) from last

    def _connect_failure(self, error: OSError | None) -> FluenzrError:
        if isinstance(error, ConnectionRefusedError):
            return self.failure(ProblemCode.CONNECT_REFUSED)
        if isinstance(error, TimeoutError):
            return self.failure(ProblemCode.CONNECT_TIMEOUT)
        if isinstance(error, ConnectionError):  # it was there and was torn down at once
            return self.failure(ProblemCode.CONNECTION_LOST)
        reason = errno.errorcode.get(error.errno or 0, "") if error else ""
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

        With ``inspect`` nothing is verified: for a look at the certificate, never followed by a login.

        Raises:
            FluenzrError: ``tls-…``; ``unexpected-data`` if the server sent anything ahead of the handshake,
                which would otherwise be taken as protected (RFC 3207 §6, CVE-2011-0411).
        """
        endpoint = self.endpoint
        implicit = endpoint.security is Security.IMPLICIT_TLS
        if self.has_arrived():  # where TLS comes first, a server that speaks first does not know it
            raise self.broken(
                ProblemCode.TLS_IMPLICIT_ON_STARTTLS_PORT if implicit else ProblemCode.UNEXPECTED_DATA
            )
        context = tls.inspection_context() if inspect else tls.context_for(endpoint)
        plain = self._connected()
        plain.settimeout(self.remaining())
        try:
            self._socket = context.wrap_socket(plain, server_hostname=endpoint.host)
        except TimeoutError as error:
            raise self.broken(ProblemCode.REPLY_TIMEOUT) from error
        except OSError as error:
            self.close()
            raise tls.handshake_failure(error, endpoint, implicit=implicit) from error
        except ValueError as error:  # a host that cannot be a TLS server name
            raise self.broken(ProblemCode.TLS_HANDSHAKE_FAILED, reason="server-name") from error
        if not inspect:
            self._verify_pin(self._socket)

    def _verify_pin(self, encrypted: ssl.SSLSocket) -> None:
        try:
            tls.verify_pin(self.endpoint, encrypted.getpeercert(binary_form=True))
        except FluenzrError:
            self.close()
            raise

    # -- reading and writing -------------------------------------------------------------------------

    def read_line(self, *, limit: int = MAX_LINE_BYTES) -> bytes:
        """Return the next line with its LF; at the end of the stream what is left, which may be nothing.

        Raises:
            FluenzrError: ``reply-too-long``, ``reply-timeout``, ``connection-lost``.
        """
        self._lines += 1
        if self._lines > MAX_STEP_LINES:
            raise self.broken(ProblemCode.REPLY_TOO_LONG)
        scanned = 0
        while (end := self._buffer.find(b"\n", scanned)) < 0:
            scanned = len(self._buffer)
            if scanned >= limit:
                raise self.broken(ProblemCode.REPLY_TOO_LONG)
            if not self._fill():
                return self._take(len(self._buffer))
        if end >= limit:
            raise self.broken(ProblemCode.REPLY_TOO_LONG)
        return self._take(end + 1)

    def read_exact(self, size: int) -> bytes:
        """Return ``size`` bytes, fewer only at the end of the stream."""
        if size > self._budget + len(self._buffer):
            raise self.broken(ProblemCode.REPLY_TOO_LONG)
        while len(self._buffer) < size and self._fill():
            pass
        return self._take(min(size, len(self._buffer)))

    def has_arrived(self) -> bool:
        """Say whether something was received that no step has read yet. Does not wait."""
        return bool(self._buffer) or bool(self._arrived(0))

    def arrives_within(self, seconds: float) -> bool:
        """Wait, within this step's time, until there is something to be read: data, or the end of it."""
        return bool(self._buffer) or self._arrived(min(seconds, self.remaining())) is not None

    def _arrived(self, seconds: float) -> bytes | None:
        """Receive a piece; nothing at the end of the stream, None where the time passes in silence."""
        connection = self._connected()
        connection.settimeout(seconds)
        try:
            received = connection.recv(_CHUNK_BYTES)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError:
            return b""  # the next read tells why
        self._buffer += received
        return received

    def write(self, data: bytes) -> None:
        """Send all of ``data`` within the step's time."""
        connection = self._connected()
        view = memoryview(data)
        try:
            for start in range(0, len(view), _CHUNK_BYTES):
                connection.settimeout(self.remaining())
                connection.sendall(view[start : start + _CHUNK_BYTES])
        except OSError as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Close the connection; never fails."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise self.failure(ProblemCode.CONNECTION_LOST)
        return self._socket

    def _fill(self) -> bool:
        connection = self._connected()
        connection.settimeout(self.remaining())
        try:
            received = connection.recv(_CHUNK_BYTES)
        except OSError as error:
            raise self._lost(error) from error
        self._budget -= len(received)
        if self._budget < 0:
            raise self.broken(ProblemCode.REPLY_TOO_LONG)
        self._buffer += received
        return bool(received)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _lost(self, error: OSError) -> FluenzrError:
        if isinstance(error, TimeoutError):
            return self.broken(ProblemCode.REPLY_TIMEOUT)
        if isinstance(error, ssl.SSLError) and not isinstance(
            error, ssl.SSLEOFError | ssl.SSLZeroReturnError
        ):
            return self.broken(ProblemCode.UNEXPECTED_DATA, reason=str(error.reason))
        return self.broken(ProblemCode.CONNECTION_LOST)


def _connected(family: int, address: tuple[Any, ...], *, timeout: float) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        connection.close()
        raise
    return connection


def _more_telling(old: OSError | None, new: OSError) -> OSError:
    """Prefer what a server or a firewall said over a missing route (an unused IPv6 address, mostly)."""
    if old is None or isinstance(new, ConnectionRefusedError):
        return new
    return old if isinstance(old, ConnectionRefusedError | TimeoutError) else new


def speaks_implicit_tls(endpoint: Endpoint, *, clock: Clock, timeout: float) -> bool:
    """Say whether a silent port answers a TLS handshake: then it wants TLS from the first byte."""
    wire = Wire(endpoint, clock=clock, timeout=timeout)
    try:
        wire.connect(wire.resolve())
        wire.start_tls(inspect=True)
    except FluenzrError:
        return False
    finally:
        wire.close()
    return True
