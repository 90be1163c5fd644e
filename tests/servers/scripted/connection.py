"""One connection to a scripted server: what the script sends and reads, and all that the peer said."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import TypeVar

_CHUNK = 65_536
_DRAIN_SECONDS = 0.5
_LINE_LIMIT = 1 << 20

_T = TypeVar("_T")


class ScriptError(AssertionError):
    """The peer did what the script did not expect."""


class ScriptOverError(Exception):
    """The connection has ended: by a step, by the peer, or with the test."""


class Connection:
    """One connection as its script and the test see it.

    ``received_wire`` is what came over the wire, ciphertext as it is; ``received_plain`` what was said before
    TLS; ``received_tls`` what was said within it. ``commands`` are the lines that were read, ``messages`` the
    bodies that a dialogue took. ``ended_by`` is the error of the network or of TLS that ended it, if one did.
    """

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self.received_wire = bytearray()
        self.received_plain = bytearray()
        self.received_tls = bytearray()
        self.commands: list[bytes] = []
        self.messages: list[bytes] = []
        self.ended_by: OSError | None = None
        self.finished = threading.Event()
        self.stopping = stopping
        self._sock = sock
        self._pending = bytearray()
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()

    @property
    def is_encrypted(self) -> bool:
        """Whether the handshake has ended well."""
        return self._tls is not None

    @property
    def received(self) -> bytes:
        """Everything the peer said, before TLS and within it."""
        return bytes(self.received_plain + self.received_tls)

    def send(self, data: bytes) -> None:
        """Send all of it, encrypted where TLS is up."""
        if self._tls is None:
            self._send_raw(data)
            return
        self._tls.write(data)
        self._flush()

    def read_line(self) -> bytes:
        """Return the next line with its end."""
        return self.read_until(b"\n")

    def read_until(self, end: bytes) -> bytes:
        """Return what comes up to ``end`` and with it."""
        while end not in self._pending:
            if len(self._pending) > _LINE_LIMIT and end == b"\n":
                raise ScriptError("the peer sent a line without end")
            self._pending += self._receive()
        size = self._pending.index(end) + len(end)
        taken = bytes(self._pending[:size])
        del self._pending[:size]
        return taken

    def read_exact(self, size: int) -> bytes:
        """Return so many bytes."""
        while len(self._pending) < size:
            self._pending += self._receive()
        taken = bytes(self._pending[:size])
        del self._pending[:size]
        return taken

    def read_some(self) -> bytes:
        """Return what comes next, as soon as something does."""
        if not self._pending:
            self._pending += self._receive()
        taken = bytes(self._pending)
        self._pending.clear()
        return taken

    def read_to_the_end(self) -> None:
        """Take in whatever comes until the peer leaves."""
        while True:
            self._receive()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the server's part of the handshake. What was sent too early is taken for a part of it."""
        early = bytes(self._pending)
        if early:
            # It was counted as plain text; on the wire it stands anyway.
            del self.received_plain[-len(early) :]
            self._pending.clear()
            self._incoming.write(early)
        session = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._complete(session.do_handshake)
        self._tls = session

    def wait(self, seconds: float) -> None:
        """Let time pass, but no longer than the test lasts."""
        if self.stopping.wait(seconds):
            raise ScriptOverError

    def shut(self) -> None:
        """Say that nothing more will come, and go on listening."""
        self._sock.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """Say that nothing more will come, then read what is under way, so that nothing sent gets lost."""
        self.shut()
        self._sock.settimeout(_DRAIN_SECONDS)
        self.read_to_the_end()

    def reset(self) -> None:
        """Tear the connection down with RST."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def interrupt(self) -> None:
        """Wake up whoever reads or writes; for the end of the test."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # It is closed already.

    def close(self) -> None:
        """Give the socket back."""
        self._sock.close()

    def _receive(self) -> bytes:
        session = self._tls
        if session is None:
            data = self._receive_raw()
            self.received_plain += data
            return data
        data = self._complete(lambda: session.read(_CHUNK))
        if not data:
            raise ScriptOverError
        self.received_tls += data
        return data

    def _receive_raw(self) -> bytes:
        data = self._sock.recv(_CHUNK)
        if not data:
            raise ScriptOverError
        self.received_wire += data
        return data

    def _send_raw(self, data: bytes) -> None:
        self._sock.sendall(data)

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._send_raw(self._outgoing.read())

    def _complete(self, operation: Callable[[], _T]) -> _T:
        while True:
            try:
                result = operation()
            except ssl.SSLWantReadError:
                self._flush()
                self._incoming.write(self._receive_raw())
            except ssl.SSLError:
                self._flush()  # the alert that tells the peer why
                raise
            else:
                self._flush()
                return result
