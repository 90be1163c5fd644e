"""Trying servers: does one answer, and does its certificate hold for its name? Nobody logs in."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from fluenzr_smtp.discovery.values import Server
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.imap import IMAPSession
from fluenzr_smtp.model import Clock, Endpoint, Protocol, Security
from fluenzr_smtp.smtp import SMTPSession
from fluenzr_smtp.wire import LookUp

_AT_ONCE = 64  # silent ones must not take the time of the others
_SESSIONS = {Protocol.SMTP: SMTPSession, Protocol.IMAP: IMAPSession}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Tries each server once, many at the same time, each of them within ``seconds``."""

    names: LookUp
    clock: Clock
    seconds: float
    authority: str | None = None
    known: dict[tuple[Protocol, Endpoint], Server] = field(default_factory=dict)

    def run(self, wanted: Iterable[tuple[Protocol, Endpoint]]) -> None:
        """Try what was not tried before."""
        fresh = [each for each in dict.fromkeys(wanted) if each not in self.known]
        if not fresh:
            return
        with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(fresh))) as pool:
            for each, server in zip(fresh, pool.map(lambda one: self._tried(*one), fresh), strict=True):
                self.known[each] = server

    def best(self, protocol: Protocol, endpoints: tuple[Endpoint, ...], *, is_ordered: bool) -> Server | None:
        """Return the server to use: one that answered goes first, then implicit TLS (RFC 8314 §3).

        Among equals the fastest goes first, or, where they come in an order, the one that comes first.
        """
        found = [self.known.get((protocol, each), Server(endpoint=each)) for each in endpoints]

        def weight(position: int, server: Server) -> tuple[object, ...]:
            speed = position if is_ordered else server.seconds or 0.0
            is_second = server.endpoint.security is not Security.IMPLICIT_TLS
            return (not server.is_verified, is_second if server.is_verified else False, speed, position)

        ranked = sorted(enumerate(found), key=lambda one: weight(*one))
        return ranked[0][1] if ranked else None

    def _tried(self, protocol: Protocol, endpoint: Endpoint) -> Server:
        start = self.clock.monotonic()
        until = start + self.seconds
        trusting = replace(endpoint, authority=self.authority or endpoint.authority)
        session = _SESSIONS[protocol](
            trusting, clock=self.clock, timeout=self.seconds, until=until, names=self.names
        )
        try:
            session.open()
            return Server(
                endpoint=endpoint,
                is_verified=True,
                seconds=self.clock.monotonic() - start,
                mechanisms=session.mechanisms,
                limit_bytes=session.limit_bytes if isinstance(session, SMTPSession) else None,
            )
        except FluenzrError as error:
            return Server(endpoint=endpoint, is_verified=False, problem=error.problem)
        finally:
            session.close()
