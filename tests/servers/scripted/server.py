"""The server: listens on a free port of loopback and plays a script to each who connects."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.servers.scripted.connection import Connection, ScriptOverError
from tests.servers.scripted.steps import Script

_ACCEPT_SECONDS = 0.02
# How long a peer that is about to leave may take before it is sent away.
_GRACE_SECONDS = 0.25
_JOIN_SECONDS = 1.0


class ScriptedServer:
    """A context manager: ``host`` and ``port`` are its address, ``connections`` what has been said.

    The nth connection plays the nth script, later ones the last. With ``tls_context`` TLS comes first of all.
    ``errors`` are a script's disappointments and bugs; raised at the end unless the test fails anyway.
    """

    def __init__(
        self, *scripts: Script, tls_context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        if not scripts:
            raise ValueError("a scripted server needs a script")
        self.connections: list[Connection] = []
        self.errors: list[Exception] = []
        self._scripts = scripts
        self._tls_context = tls_context
        self._closing = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=128)
        self._listener.settimeout(_ACCEPT_SECONDS)
        self.host: str
        self.port: int
        self.host, self.port = self._listener.getsockname()[:2]

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()
        if self.errors and error is None:
            raise ExceptionGroup("the scripted server failed", self.errors)

    def finished_connection(self, number: int = 0, *, seconds: float = 5.0) -> Connection:
        """Return a connection once its script is over."""
        give_up = time.monotonic() + seconds
        while len(self.connections) <= number and time.monotonic() < give_up:
            self._stopping.wait(0.01)
        if len(self.connections) <= number or not self.connections[number].finished.wait(seconds):
            raise AssertionError(f"connection {number} has not come to its end")
        return self.connections[number]

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            # Looked at before the wait: who connected before the end is served still.
            is_last_look = self._closing.is_set()
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                if is_last_look:
                    return
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, self._stopping)
            script = self._scripts[min(len(self.connections), len(self._scripts) - 1)]
            self.connections.append(connection)
            self._spawn(self._serve, connection, script)

    def _serve(self, connection: Connection, script: Script) -> None:
        try:
            if self._tls_context is not None:
                connection.start_tls(self._tls_context)
            for step in script:
                step.play(connection)
            connection.end()
        except ScriptOverError:
            pass
        except OSError as exc:  # ssl.SSLError too: what a peer may do is not an error of the script
            connection.ended_by = exc
        except Exception as exc:  # noqa: BLE001 - kept for the test, which raises it
            self.errors.append(exc)
        finally:
            connection.close()
            connection.finished.set()

    def _stop(self) -> None:
        self._closing.set()
        accepting, *_ = self._threads
        accepting.join(_JOIN_SECONDS)
        self._listener.close()
        grace = time.monotonic() + _GRACE_SECONDS
        for connection in self.connections:
            connection.finished.wait(max(0.0, grace - time.monotonic()))
        self._stopping.set()
        for connection in self.connections:
            connection.interrupt()
        deadline = time.monotonic() + _JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                self.errors.append(RuntimeError("a thread of the scripted server does not end"))
