"""An authorization server on loopback that answers with whatever a test gives it, byte by byte."""

from __future__ import annotations

import json
import socketserver
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socket import socket
from urllib.parse import parse_qs

from tests.servers.serving import serving

Answer = bytes | Callable[[socket], None]


@dataclass(frozen=True, slots=True)
class AuthServer:
    """A running server: what it answers by path, and what it was asked: path and fields."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def fields(self, path: str) -> list[dict[str, str]]:
        """Return the fields of each request to a path."""
        return [fields for asked, fields in self.asked if asked == path]


def http(body: str | bytes, *, status: str = "200 OK", more: str = "") -> bytes:
    """Return a whole answer of HTTP."""
    content = body.encode() if isinstance(body, str) else body
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def answered(status: str = "200 OK", **fields: object) -> bytes:
    """Return an answer of JSON."""
    return http(json.dumps(fields), status=status)


@contextmanager
def auth_server() -> Iterator[AuthServer]:
    """Serve until the block ends."""
    found: list[AuthServer] = []

    class Handler(socketserver.StreamRequestHandler):
        timeout = 20

        def handle(self) -> None:
            with suppress(OSError):
                self._handle(found[0])

        def _handle(self, server: AuthServer) -> None:
            target = self.rfile.readline().split()[1].decode()
            length = 0
            while line := self.rfile.readline().strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            fields = {key: values[0] for key, values in parse_qs(self.rfile.read(length).decode()).items()}
            server.asked.append((target, fields))
            answer = server.answers.get(target, http("{}", status="404 Not Found"))
            if callable(answer):
                answer(self.connection)
            else:
                self.wfile.write(answer)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        found.append(AuthServer(server.server_address[1]))
        with serving(server):
            yield found[0]
