"""A real HTTPS server on loopback that sends the same bytes to every request, however odd they are."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

_CONNECTION_SECONDS = 5.0
_PIECE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class WebServer:
    """A running server; ``requests`` has what clients sent, up to the empty line."""

    port: int
    requests: list[bytes] = field(default_factory=list)


@contextmanager
def web_server(
    context: ssl.SSLContext,
    answer: bytes,
    *,
    is_endless: bool = False,
    is_silent: bool = False,
    at: tuple[str, int] = ("127.0.0.1", 0),
) -> Iterator[WebServer]:
    """Serve until the block ends: the answer, or it over and over, or nothing until the client gives up.

    The standard port, which the program asks, may be had as root only; ``at`` tells it, and whose.
    """
    with closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(at)
        listener.listen()
        server = WebServer(port=listener.getsockname()[1])

        def serve() -> None:
            while True:
                connection, _ = listener.accept()
                with closing(connection):
                    connection.settimeout(_CONNECTION_SECONDS)
                    if connection.recv(1, socket.MSG_PEEK) == b"":  # the stopper, or a client that is gone
                        return
                    with (
                        contextlib.suppress(OSError),
                        context.wrap_socket(connection, server_side=True) as tls,
                    ):
                        _answer(tls, server, answer, is_endless=is_endless, is_silent=is_silent)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server
        finally:
            with closing(socket.create_connection((at[0], server.port))):
                pass
            thread.join()


def _answer(
    tls: ssl.SSLSocket, server: WebServer, answer: bytes, *, is_endless: bool, is_silent: bool
) -> None:
    request = b""
    while not request.endswith(b"\r\n\r\n") and (piece := tls.recv(_PIECE_BYTES)):
        request += piece
    server.requests.append(request)
    if is_silent:
        tls.recv(1)
        return
    tls.sendall(answer)
    while is_endless:
        tls.sendall(answer)


def http(body: bytes, *, status: str = "200 OK", kind: str = "text/plain", more: str = "") -> bytes:
    """Return a plain answer with its length."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode("ascii") + body
