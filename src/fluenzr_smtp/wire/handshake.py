"""The handshake of TLS within a step's time, with an ear for servers that answer it in clear."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator

# The content types of TLS records (RFC 8446 §5.1, RFC 6520), and the high bit of those of SSL 2.0.
_RECORDS = frozenset({20, 21, 22, 23, 24, *range(128, 256)})
_PEEK_BYTES = 16


class PlainSpeechError(Exception):
    """The server answered in clear. What it said is not read yet; the connection is one without TLS again."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__("plain speech")
        self.connection = connection


def handshake(
    plain: socket.socket,
    context: ssl.SSLContext,
    *,
    host: str,
    remaining: Callable[[], float],
    may_be_plain: bool,
    session: ssl.SSLSession | None = None,
) -> ssl.SSLSocket:
    """Encrypt a connection; ``plain`` belongs to what is returned or raised, or is closed.

    Args:
        plain: The connection; nothing has come over it that was not read.
        context: What is trusted.
        host: The name to ask for and to verify.
        remaining: Gives the seconds left.
        may_be_plain: Whether to look for a server that does not know that TLS comes first.
        session: What to resume, of the same context.

    Raises:
        PlainSpeechError: The server speaks plain text.
        OSError: As ``ssl`` raises them; ``TimeoutError`` when the time is over.
        ValueError: The host cannot be a TLS server name.
    """
    encrypted = context.wrap_socket(
        plain, server_hostname=host, do_handshake_on_connect=False, session=session
    )
    try:
        if may_be_plain and _answers_in_clear(encrypted, remaining):
            raise PlainSpeechError(socket.socket(fileno=encrypted.detach()))
        encrypted.settimeout(remaining())
        encrypted.do_handshake()
    except PlainSpeechError:
        raise
    except BaseException:
        encrypted.close()
        raise
    return encrypted


def _answers_in_clear(encrypted: ssl.SSLSocket, remaining: Callable[[], float]) -> bool:
    """Send the first message of the handshake and look at how the answer begins, without taking it away.

    OpenSSL looks for an answer as soon as it has written, and would swallow the beginning of one that is
    there already: the message is held back until it has looked.
    """
    encrypted.settimeout(0)
    with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        if first := _peeked(encrypted):
            return first[0] not in _RECORDS
    with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError), _held_back(encrypted):
        encrypted.do_handshake()
    encrypted.settimeout(remaining())
    try:
        first = _peeked(encrypted)
    except ConnectionError:
        return False  # the handshake is to tell
    return bool(first) and first[0] not in _RECORDS


def _peeked(encrypted: ssl.SSLSocket) -> bytes:
    return socket.socket.recv(encrypted, _PEEK_BYTES, socket.MSG_PEEK)  # SSLSocket.recv has no flags


@contextlib.contextmanager
def _held_back(connection: socket.socket) -> Iterator[None]:
    """Keep what is written from being sent, where the system can; elsewhere it goes at once."""
    option = getattr(socket, "TCP_CORK", None)
    if option is None:
        yield
        return
    connection.setsockopt(socket.IPPROTO_TCP, option, 1)
    try:
        yield
    finally:
        connection.setsockopt(socket.IPPROTO_TCP, option, 0)
