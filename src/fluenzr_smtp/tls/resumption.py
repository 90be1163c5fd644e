"""What the connections of one run to a server share: a context, and a session to resume (RFC 8446 §2.2)."""

from __future__ import annotations

import ssl
import threading

from fluenzr_smtp.model import Endpoint
from fluenzr_smtp.tls.contexts import context_for


class Resumption:
    """Contexts and sessions by server. Threads may share it; it is never written down.

    ``context`` takes the place of what the endpoints would ask for.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._lock = threading.Lock()
        self._given = context
        self._contexts: dict[Endpoint, ssl.SSLContext] = {}
        self._sessions: dict[Endpoint, ssl.SSLSession] = {}

    def context(self, endpoint: Endpoint) -> ssl.SSLContext:
        """Return the context of a server, made once: sessions belong to it.

        Raises:
            FluenzrError: ``certificate-file-invalid``.
        """
        with self._lock:
            if endpoint not in self._contexts:
                self._contexts[endpoint] = self._given or context_for(endpoint)
            return self._contexts[endpoint]

    def session(self, endpoint: Endpoint) -> ssl.SSLSession | None:
        """Return the last session with a server; a ticket is good for one connection (RFC 8446 §C.4)."""
        with self._lock:
            return self._sessions.pop(endpoint, None)

    def keep(self, endpoint: Endpoint, connection: ssl.SSLSocket) -> None:
        """Keep the session of a connection that ends, where the server gave a ticket."""
        session = connection.session
        if session is not None and session.has_ticket:
            with self._lock:
                self._sessions[endpoint] = session
