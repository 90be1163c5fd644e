"""HTTP by httpx2 over a connection of ours: one deadline for the whole exchange, few bytes, no redirects.

httpx2 bounds each read, and not their number; a server that drips would hold it for hours. Its network
backend, which it lets be given, is the ``Wire`` of the mail sessions here.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2
import httpx2

from fluenzr_smtp import tls
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Clock, Endpoint, Security
from fluenzr_smtp.oauth import SECONDS
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.wire import Wire

ANSWER_LIMIT_BYTES = 512 * 1024

# How the faults of a connection are told of a server that is none of mail.
_REASONS = {
    ProblemCode.REPLY_TIMEOUT: "timeout",
    ProblemCode.CONNECT_TIMEOUT: "timeout",
    ProblemCode.REPLY_TOO_LONG: "too-long",
    ProblemCode.CONNECTION_LOST: "connection-lost",
    ProblemCode.DNS_HOST_UNKNOWN: "name-unknown",
    ProblemCode.DNS_UNAVAILABLE: "no-answer",
}


def failed(host: str, reason: str) -> FluenzrError:
    """Build the error of a server that cannot be talked with; trying again later may help."""
    return failure(ProblemCode.OAUTH_PROVIDER_FAILED, Stage.OAUTH, host=host, reason=reason)


class Transport(httpx2.BaseTransport):
    """Carries requests, each over a connection of its own.

    ``authority`` (PEM) is trusted besides the system's store.
    """

    def __init__(self, *, clock: Clock, seconds: float = SECONDS, authority: str | None = None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._authority = authority

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and read the whole answer.

        Raises:
            FluenzrError: ``oauth-provider-failed``.
        """
        host = request.url.host
        try:
            return self._exchanged(request)
        except FluenzrError as error:
            raise failed(host, _reason(error.problem.code)) from error
        except httpcore2.ProtocolError as error:
            raise failed(host, "answer") from error

    def _exchanged(self, request: httpx2.Request) -> httpx2.Response:
        is_encrypted = request.url.scheme == "https"
        backend = _Backend(
            clock=self._clock,
            seconds=self._seconds,
            security=Security.IMPLICIT_TLS if is_encrypted else Security.NONE,
            authority=self._authority,
        )
        # What is compressed could grow without bound once it is here.
        request.headers["Accept-Encoding"] = "identity"
        with httpcore2.ConnectionPool(network_backend=backend, ssl_context=backend.context) as pool:
            answer = pool.request(
                request.method,
                httpcore2.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.read(),
            )
        if any(name.lower() == b"content-encoding" for name, _ in answer.headers):
            raise httpcore2.RemoteProtocolError("an encoding that was not asked for")
        return httpx2.Response(answer.status, headers=answer.headers, content=answer.content)


class _Backend(httpcore2.NetworkBackend):
    """Opens connections for httpcore2."""

    def __init__(self, *, clock: Clock, seconds: float, security: Security, authority: str | None) -> None:
        self.context = tls.web_context(authority)
        self._clock = clock
        self._seconds = seconds
        self._security = security

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the wire has its own
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        endpoint = Endpoint(host=host, port=port, security=self._security)
        wire = Wire(
            endpoint, clock=self._clock, timeout=self._seconds, resumption=tls.Resumption(self.context)
        )
        try:
            wire.begin(Stage.OAUTH, budget=ANSWER_LIMIT_BYTES)
            wire.connect(wire.resolve())
        except FluenzrError:
            wire.close()
            raise
        return _Stream(wire)


class _Stream(httpcore2.NetworkStream):
    """A wire as httpcore2 sees it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._wire.read_some()

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        if buffer:
            self._wire.write(buffer)

    def close(self) -> None:
        self._wire.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,  # noqa: ARG002 - the wire has the same one
        server_hostname: str | None = None,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        self._wire.start_tls()
        return self

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401, ARG002 - as httpcore2 has it
        return None


def _reason(code: ProblemCode) -> str:
    if code in _REASONS:
        return _REASONS[code]
    if code.value.startswith("tls-"):
        return "certificate" if "certificate" in code.value else "encryption"
    return "unreachable"
