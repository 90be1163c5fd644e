"""The end of a sign-in in the browser: its answer comes to a port of this machine (RFC 8252 §7.3).

Anybody on this machine can speak to that port, and any page in the browser can. So only the answer counts
that knows the state; the others are refused, and the right one is waited for. What is served names nothing.
"""

from __future__ import annotations

import hmac
import queue
import re
import threading
from collections import deque
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import AuthorizationServer, Secret
from fluenzr_smtp.oauth.metadata import is_issuer
from fluenzr_smtp.problems import ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.oauth.client import Authorization

_LOOPBACK = "127.0.0.1"
_PATIENCE_SECONDS = 5.0
_MOST_AT_ONCE = 32
_CODE = re.compile(r"[\x20-\x7e]{1,4096}")
_MOST_FIELDS = 32

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>fluenzr</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<style>body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 20vh auto; padding: 0 1rem }}</style>
</head><body><h1>{title}</h1><p>{text}</p></body></html>
"""  # noqa: E501 - one line of HTML each
_DONE = _PAGE.format(
    title="Done in the browser",
    text="fluenzr has the answer. You can close this page and go back to the terminal.",
)
_NOT_OURS = _PAGE.format(
    title="Not an answer to fluenzr",
    text="This page is not the end of the sign-in that the terminal waits for.",
)


Answer = Secret | FluenzrError


def answer_of(text: str, asked: Authorization, server: AuthorizationServer) -> Secret | None:
    """Return the code that an address brings; None where it is no answer to what was asked.

    ``text`` is the address that the browser was sent to, or its query alone.

    Raises:
        FluenzrError: ``oauth-sign-in-failed`` where another server answers (RFC 9207), and as ``denied``
            where the answer is a refusal.
    """
    fields = _fields(text)
    if not hmac.compare_digest(fields.get("state", "").encode(), asked.state.encode()):
        return None
    said = fields.get("iss")
    if said is None and server.names_itself:
        raise _failed(server, "issuer-unnamed")
    if said is not None and not is_issuer(server.issuer, said):
        raise _failed(server, "issuer-differs")
    if "error" in fields:
        from fluenzr_smtp.oauth.client import denied

        raise denied(
            urlsplit(server.issuer).hostname or "", fields["error"], fields.get("error_description", "")
        )
    code = fields.get("code", "")
    return Secret(code) if _CODE.fullmatch(code) else None


def _fields(text: str) -> dict[str, str]:
    """Return the fields of an answer; one that is given twice makes it none (RFC 6749 §3.1)."""
    try:
        query = urlsplit(text.strip()).query or text.strip().lstrip("?")
        found = parse_qs(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}
    return (
        {key: values[0] for key, values in found.items()}
        if all(len(values) == 1 for values in found.values())
        else {}
    )


def _failed(server: AuthorizationServer, reason: str) -> FluenzrError:
    host = urlsplit(server.issuer).hostname or ""
    return failure(ProblemCode.OAUTH_SIGN_IN_FAILED, Stage.OAUTH, host=host, reason=reason)


class Redirect:
    """A free port of loopback that takes one answer. Use it in a ``with`` block."""

    def __init__(self) -> None:
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._strangers = 0
        self._judge: tuple[Authorization, AuthorizationServer] | None = None
        redirect = self

        class Handler(_Handler):
            def judged(self, query: str) -> Answer | None:
                return redirect._judged(query)

            def deliver(self, answer: Answer) -> None:
                redirect._answers.put(answer)

        self._server = _Server((_LOOPBACK, 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )

    @property
    def uri(self) -> str:
        """The redirect URI."""
        return f"http://{_LOOPBACK}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def expect(self, asked: Authorization, server: AuthorizationServer) -> None:
        """Say what an answer must fit; until then all are strangers."""
        self._judge = (asked, server)

    def wait(self, seconds: float) -> Secret:
        """Wait for the answer and return its code.

        Raises:
            FluenzrError: ``oauth-sign-in-failed`` with the reason ``timeout``, or ``state`` where only
                answers to something else came; as ``answer_of``.
        """
        try:
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            reason = "state" if self._strangers else "timeout"
            host = urlsplit(self._judge[1].issuer).hostname if self._judge else ""
            raise failure(
                ProblemCode.OAUTH_SIGN_IN_FAILED, Stage.OAUTH, host=host or "", reason=reason
            ) from None
        if isinstance(answer, FluenzrError):
            raise answer
        return answer

    def _judged(self, query: str) -> Answer | None:
        """Return what an answer brings, None where it is none to what was asked."""
        if self._judge is None:
            return None
        try:
            answer = answer_of(query, *self._judge)
        except FluenzrError as error:
            return error
        if answer is None:
            self._strangers += "state=" in query
        return answer


class _Server(ThreadingHTTPServer):
    """Serves so many connections at once; the oldest gives way to a new one, which may bring the answer."""

    daemon_threads = True

    def __init__(self, *given: Any) -> None:  # noqa: ANN401 - as the library has them
        self._open: deque[socket] = deque()
        super().__init__(*given)

    def verify_request(self, request: Any, client_address: object) -> bool:  # noqa: ANN401, ARG002
        """Make room for a connection."""
        self._open.append(request)
        if len(self._open) > _MOST_AT_ONCE:
            with suppress(OSError):
                self._open.popleft().shutdown(SHUT_RDWR)
        return True

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Serve one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with suppress(ValueError):
                self._open.remove(request)

    def handle_error(self, *_: object) -> None:
        """Say nothing of a connection that breaks."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE_SECONDS
    _headers: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),
    )

    def judged(self, query: str) -> Answer | None:
        """Return what a query brings, None where it is no answer."""
        raise NotImplementedError

    def deliver(self, answer: Answer) -> None:
        """Hand an answer over to who waits."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Answer the browser, and anybody else."""
        path, _, query = self.path.partition("?")
        port = self.connection.getsockname()[1]
        # Another name for this address in Host is a page that plays with names (DNS rebinding).
        is_for_us = path == "/" and self.headers.get("Host") == f"{_LOOPBACK}:{port}"
        answer = self.judged(query) if is_for_us else None
        if answer is None:
            self._answer(HTTPStatus.BAD_REQUEST if is_for_us else HTTPStatus.NOT_FOUND, _NOT_OURS)
            return
        try:  # the page first: who waits may end the process
            self._answer(HTTPStatus.OK, _DONE)
        finally:
            self.deliver(answer)

    def _answer(self, status: HTTPStatus, page: str) -> None:
        content = page.encode()
        self.send_response_only(status)
        for name, value in (*self._headers, ("Content-Length", str(len(content)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, *_: object, **__: object) -> None:
        """Answer what is no request of HTTP, or none of those that are served."""
        self._answer(HTTPStatus(code), _NOT_OURS)

    def log_message(self, *_: object) -> None:
        """Write nothing down: an address may hold a code."""
