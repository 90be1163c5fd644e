"""The stream of bytes to one server: a deadline for every step, bounds on what is read, one way to end."""

from __future__ import annotations

import contextlib
import socket
import ssl
from types import MappingProxyType

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock, Endpoint
from fluenzr_smtp.problems import FactValue, Problem, ProblemCode, Stage
from fluenzr_smtp.transcript import Dialogue

MAX_LINE_BYTES = 64 * 1024
MAX_STEP_BYTES = 1024 * 1024
MAX_STEP_LINES = 10_000  # millions of short lines are few bytes and much work
_CHUNK_BYTES = 16 * 1024
_WRITE_BYTES = 256 * 1024
_JOINED_BYTES = 64 * 1024
_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)
_REST_BYTES = 1024


class Stream:
    """The part of a wire that is read and written, step by step, once it is connected."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Clock,
        timeout: float,
        dialogue: Dialogue | None = None,
        until: float | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.stage = Stage.RESOLVE
        self.timeout = timeout
        self._clock = clock
        self._until = until
        self._dialogue = dialogue
        self._budget = MAX_STEP_BYTES
        self._lines = 0
        self._socket: socket.socket | None = None
        self._buffer = bytearray()
        self._rest = b""
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

    def now(self) -> float:
        """Return the seconds of the clock that the deadlines are set by."""
        return self._clock.monotonic()

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

    def read_some(self) -> bytes:
        """Return what was received, once something is; nothing at the end of the stream.

        Raises:
            FluenzrError: ``reply-too-long``, ``reply-timeout``, ``connection-lost``.
        """
        if not self._buffer:
            self._fill()
        return self._take(len(self._buffer))

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
        connection, self._socket = self._socket, None  # at once: Ctrl-C may come in between
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()
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
