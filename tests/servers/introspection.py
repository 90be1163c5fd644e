"""A server that says of access tokens whether they hold (RFC 7662), for a real Dovecot to ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.servers.serving import serving


@dataclass(frozen=True, slots=True)
class Introspection:
    """A running server. ``tokens`` are those that hold, and whose they are; ``asked`` those asked about."""

    port: int
    tokens: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What a token is put behind."""
        return f"http://127.0.0.1:{self.port}/introspect?token="


@contextmanager
def introspection() -> Iterator[Introspection]:
    """Serve until the block ends."""
    found: list[Introspection] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = parse_qs(urlsplit(self.path).query).get("token", [""])[0]
            server = found[0]
            server.asked.append(token)
            owner = server.tokens.get(token)
            body = json.dumps({"active": owner is not None, "email": owner or ""}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.append(Introspection(server.server_address[1]))
        with serving(server):
            yield found[0]
