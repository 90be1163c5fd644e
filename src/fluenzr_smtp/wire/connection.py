"""The connection: its steps with their deadlines and bounds, reading, writing, and TLS."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from fluenzr_smtp import tls
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock, Endpoint, Security
from fluenzr_smtp.problems import FactValue, Problem, ProblemCode, Stage
from fluenzr_smtp.transcript import Dialogue
from fluenzr_smtp.wire.addresses import Address, attempts, connected, look_up, more_telling
from fluenzr_smtp.wire.handshake import PlainSpeechError, handshake

MAX_LINE_BYTES = 64 * 1024
MAX_STEP_BYTES = 1024 * 1024
MAX_STEP_LINES = 10_000  # millions of short lines are few bytes and much work
_CHUNK_BYTES = 16 * 1024
_WRITE_BYTES = 256 * 1024
_JOINED_BYTES = 64 * 1024
_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)
_REST_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How one address answered. ``is_used`` marks the one whose connection the wire keeps."""

    address: Address
    seconds: float
    is_used: bool = False
    error: OSError | None = None
    problem: Problem | None = None


class Wire:
    """A connection to one endpoint, opened step by step.

    ``begin`` names the stage and starts its deadline; every read and write after it counts against that
    deadline. ``until`` is a moment of the monotonic clock that no step outlasts. All failures are
    ``FluenzrError``; the connection is not usable after one.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Clock,
        timeout: float,
        dialogue: Dialogue | None = None,
        until: float | None = None,
        resumption: tls.Resumption | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.stage = Stage.RESOLVE
        self.timeout = timeout
        self.plain_speech = b""
        self._clock = clock
        self._until = until
        self._resumption = resumption or tls.Resumption()
        self._dialogue = dialogue
        self._budget = MAX_STEP_BYTES
        self._lines = 0
        self._socket: socket.socket | None = None
        self._buffer = bytearray()
        self._rest = b""
        self._is_resumable = False
        self.has_ended = False
        self.begin(Stage.RESOLVE)

    # -- steps ---------------------------------------------------------------------------------------

    def begin(self, stage: Stage, *, timeout: float | None = None, budget: int = MAX_STEP_BYTES) -> None:
        """Start a step: at most ``timeout`` seconds and ``budget`` bytes received until the next one.

        Lines have a limit of their own, ``MAX_STEP_LINES``.
        """
        self.stage = stage
        self._deadline = self._clock.monotonic() + (self.timeout if timeout is None else timeout)
        if self._until is not None:
            self._deadline = min(self._deadline, self._until)
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

    def failure(self, code: ProblemCode, **facts: FactValue) -> FluenzrError:
        """Build the error for a problem of this connection in the present stage."""
        where: dict[str, FactValue] = {"host": self.endpoint.host, "port": self.endpoint.port}
        if code in {ProblemCode.REPLY_TIMEOUT, ProblemCode.CONNECT_TIMEOUT}:
            where["seconds"] = round(self.timeout)
        return FluenzrError(Problem(code=code, stage=self.stage, facts=MappingProxyType(where | facts)))

    def broken(self, code: ProblemCode, **facts: FactValue) -> FluenzrError:
        """Close the connection and build the error: nothing more may be said on it, nor be believed."""
        if self._dialogue is not None:
            self._dialogue.heard(bytes(self._buffer), stage=self.stage)  # half a line
        self._rest = bytes(self._buffer[:_REST_BYTES])
        self._buffer.clear()
        self.close()
        return self.failure(code, **facts)

    def _happened(self, text: str) -> None:
        if self._dialogue is not None:
            self._dialogue.happened(text)

    # -- opening -------------------------------------------------------------------------------------

    def resolve(self) -> tuple[Address, ...]:
        """Look the host up in the system's resolver.

        Raises:
            FluenzrError: ``dns-host-unknown``, ``dns-unavailable``.
        """
        try:
            return look_up(self.endpoint.host, self.endpoint.port, seconds=self.remaining())
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
                return self._heard(self._take(len(self._buffer)))
        if end >= limit:
            raise self.broken(ProblemCode.REPLY_TOO_LONG)
        return self._heard(self._take(end + 1))

    def _heard(self, line: bytes) -> bytes:
        if self._dialogue is not None:
            self._dialogue.heard(line, stage=self.stage)
        return line

    def read_exact(self, size: int) -> bytes:
        """Return ``size`` bytes, fewer only at the end of the stream."""
        if size > self._budget + len(self._buffer):
            raise self.broken(ProblemCode.REPLY_TOO_LONG)
        while len(self._buffer) < size and self._fill():
            pass
        taken = self._take(min(size, len(self._buffer)))
        if self._dialogue is not None:
            self._dialogue.heard_bytes(len(taken))
        return taken

    @property
    def has_line(self) -> bool:
        """Say whether a whole line was received that no step has read yet. Does not look for more."""
        return b"\n" in self._buffer

    @property
    def has_rest(self) -> bool:
        """Say whether the connection broke within a line."""
        return bool(self._rest)

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
            received = b""  # the next read tells why
        self.has_ended = not received
        self._buffer += received
        return received

    @property
    def is_open(self) -> bool:
        """Say whether there is a connection, as far as is known."""
        return self._socket is not None

    def write(self, data: bytes, *, content: bytes = b"") -> None:
        """Send ``data``, then ``content``, within the step's time; of a content the size alone is noted.

        Both go out together where they are short. When the server has closed the connection, what it said
        before can still be read.
        """
        if self._dialogue is not None and self._socket is not None:
            if data:
                self._dialogue.said(data, stage=self.stage)
            if content:
                self._dialogue.sent_content(len(content))
        connection = self._connected()
        view = memoryview(data + content if len(content) <= _JOINED_BYTES else data)
        rest = memoryview(b"" if len(content) <= _JOINED_BYTES else content)
        try:
            for part in (view, rest):
                for start in range(0, len(part), _WRITE_BYTES):
                    connection.settimeout(self.remaining())
                    connection.sendall(part[start : start + _WRITE_BYTES])
        except OSError as error:
            said = self._said_before()
            failed = self._lost(error)
            self._buffer += said
            raise failed from error

    def _said_before(self) -> bytes:
        """Take what the server said before a write failed: it may tell why, or answer what came before."""
        while len(self._buffer) < MAX_STEP_BYTES and self._arrived(0):
            pass
        return self._take(len(self._buffer))

    def close(self) -> None:
        """Close the connection; never fails."""
        if self._socket is not None:
            if self._is_resumable and self.encrypted is not None:
                self._resumption.keep(self.endpoint, self.encrypted)
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None
            self._happened("closed")

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise self.failure(ProblemCode.CONNECTION_LOST)
        return self._socket

    def _fill(self) -> bool:
        connection = self._connected()
        connection.settimeout(self.remaining())
        self._acknowledge(connection)
        try:
            received = connection.recv(_CHUNK_BYTES)
        except OSError as error:
            raise self._lost(error) from error
        self._budget -= len(received)
        if self._budget < 0:
            raise self.broken(ProblemCode.REPLY_TOO_LONG)
        self._buffer += received
        return bool(received)

    def _acknowledge(self, connection: socket.socket) -> None:
        """Let the system acknowledge at once what came in; the kernel forgets the wish (tcp(7)).

        A server may hold its answer back until its last segment is acknowledged, as Postfix's does behind the
        tickets of TLS 1.3: a delayed acknowledgement would stall the dialogue by 40 ms.
        """
        if _QUICK_ACK is not None:
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

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
            if "ALERT" in str(error.reason):  # under TLS 1.3 a refusal comes after our part of the handshake
                return self.broken(ProblemCode.TLS_HANDSHAKE_FAILED, reason=str(error.reason))
            return self.broken(ProblemCode.UNEXPECTED_DATA, reason=str(error.reason))
        return self.broken(ProblemCode.CONNECTION_LOST)
