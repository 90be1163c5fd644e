"""The sandbox itself: two listeners in a thread of their own, one login, and what arrived."""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from secrets import token_urlsafe
from weakref import WeakSet

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope as Transaction
from aiosmtpd.smtp import Session as Client

from fluenzr_smtp.model import Envelope, Secret
from fluenzr_smtp.sandbox.certificates import issue

_HOST = "localhost"
_INTERFACE = "127.0.0.1"
_ADDRESS = "demo@example.test"  # RFC 2606 §2: nobody's
_GREETING = "fluenzr sandbox"

# aiosmtpd warns of a method of its own that it calls itself; without a handler that would reach stderr.
logging.getLogger("mail.log").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message that was accepted: who the server was told about, and the bytes of the message."""

    envelope: Envelope
    content: bytes = field(repr=False)
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running server. The login name is ``address``; ``ca_file`` is what a client has to trust."""

    host: str
    starttls_port: int
    implicit_tls_port: int
    ca_file: Path
    address: str
    secret: Secret
    messages: Callable[[], tuple[Received, ...]] = field(repr=False)


@contextmanager
def running(folder: Path, *, now: datetime) -> Iterator[Sandbox]:
    """Run a server until the end of the block. Both ports are free ones of 127.0.0.1.

    Args:
        folder: An existing folder for ``ca.pem`` and the accepted messages (``message-1.eml`` …); it is left
            as it is at the end.
        now: The time from which the certificate is valid, for a week.
    """
    ca_file, context = issue(folder, now=now)
    secret = Secret(token_urlsafe(18))
    post = _Post(folder)
    with _serving(*_listeners(post, secret, context)) as (starttls_port, implicit_tls_port):
        yield Sandbox(
            host=_HOST,
            starttls_port=starttls_port,
            implicit_tls_port=implicit_tls_port,
            ca_file=ca_file,
            address=_ADDRESS,
            secret=secret,
            messages=lambda: tuple(post.received),
        )


class _Post:
    """Takes messages of clients that are logged in, and keeps them. Method names are aiosmtpd's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.received: list[Received] = []

    # The server's own rule (auth_required) warns loudly over implicit TLS, which it does not recognise.
    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, client: Client, transaction: Transaction, address: str, options: list[str]
    ) -> str:
        if not client.authenticated:
            return "530 5.7.0 Authentication required"  # RFC 4954 §6
        transaction.mail_from = address
        transaction.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _client: Client, transaction: Transaction
    ) -> str:
        file = self._folder / f"message-{len(self.received) + 1}.eml"
        content = transaction.original_content or b""
        file.write_bytes(content)
        envelope = Envelope(mail_from=transaction.mail_from or "", recipients=tuple(transaction.rcpt_tos))
        self.received.append(Received(envelope=envelope, content=content, file=file))
        return f"250 2.0.0 Ok: kept as {file.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listener:
    """One port: how to answer a connection, and the TLS that comes before anything is said, if any."""

    answer: Callable[..., SMTP]
    first: ssl.SSLContext | None = None


def _listeners(post: _Post, secret: Secret, context: ssl.SSLContext) -> tuple[_Listener, _Listener]:
    def is_right(_mechanism: str, username: bytes, password: bytes) -> bool:
        known = hmac.compare_digest(username, _ADDRESS.encode())
        return hmac.compare_digest(password, secret.reveal().encode()) and known

    answer = partial(
        SMTP, post, hostname=_HOST, ident=_GREETING, enable_SMTPUTF8=True, auth_callback=is_right
    )
    return (
        _Listener(answer=partial(answer, tls_context=context, require_starttls=True)),
        # auth_require_tls counts STARTTLS alone: with it, AUTH would not be offered here.
        _Listener(answer=partial(answer, auth_require_tls=False), first=context),
    )


@contextmanager
def _serving(*listeners: _Listener) -> Iterator[tuple[int, ...]]:
    """Serve from a thread of its own; yield the ports in the order of the listeners."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((_INTERFACE, 0))) for _ in listeners]
        runner = stack.enter_context(asyncio.Runner(loop_factory=asyncio.new_event_loop))
        over = asyncio.Event()
        serving = _serve(tuple(zip(sockets, listeners, strict=True)), over)
        thread = threading.Thread(target=runner.run, args=(serving,), name="sandbox", daemon=True)
        thread.start()
        try:
            yield tuple(each.getsockname()[1] for each in sockets)
        finally:
            runner.get_loop().call_soon_threadsafe(over.set)
            thread.join()


async def _serve(ports: tuple[tuple[socket.socket, _Listener], ...], over: asyncio.Event) -> None:
    """Answer until it is over, and leave no connection behind."""
    connections = _Connections()
    loop = asyncio.get_running_loop()
    for port, listener in ports:
        port.settimeout(0)
        loop.add_reader(port, connections.accept, port, listener)
    await over.wait()
    for port, _ in ports:
        loop.remove_reader(port)
    await connections.end()


class _Connections:
    """Every connection from its first byte on.

    Not ``loop.create_server``: before Python 3.13 (``Server.abort_clients``) it gives nobody the connections,
    and those that are in the middle of a TLS handshake would outlive the sandbox.
    """

    def __init__(self) -> None:
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._handshakes: set[asyncio.Task[None]] = set()

    def accept(self, port: socket.socket, listener: _Listener) -> None:
        """Take the connection that waits on a port."""
        with suppress(OSError):  # it may be gone again
            connection, _ = port.accept()
            connection.settimeout(0)
            # A reply is written line by line: without this each line waits for an acknowledgement.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = asyncio.get_running_loop().create_task(self._answer(connection, listener))
            self._sockets.add(connection)
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _answer(self, connection: socket.socket, listener: _Listener) -> None:
        loop = asyncio.get_running_loop()
        session = listener.answer(loop=loop)
        with suppress(OSError):  # whoever does not speak TLS, or hangs up, is nobody's problem
            await loop.connect_accepted_socket(lambda: session, connection, ssl=listener.first)

    async def end(self) -> None:
        """Close them all.

        By the sockets: what stands on them sees the end and takes itself apart, whatever it was doing.
        A handshake that has not begun survives ``task.cancel()``, a closing TLS transport fails at
        ``abort()`` (Python 3.11.2).
        """
        for connection in self._sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        await asyncio.gather(*self._handshakes)
        while any(connection.fileno() >= 0 for connection in self._sockets):
            await asyncio.sleep(0)
