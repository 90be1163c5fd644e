"""From a host name to its addresses, and to a connection with one of them, or with each."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import queue
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

from fluenzr_smtp.model import Clock

MAX_ADDRESSES = 64
Answer = TypeVar("Answer")
_OTHERS_SECONDS = 5.0  # how long further addresses are waited for once one has answered


class Address(NamedTuple):
    """An address as ``socket`` has it: its family, and where to connect to in that family."""

    kind: int
    place: tuple[Any, ...]

    @classmethod
    def of(cls, text: str, port: int) -> Address:
        """Return the place of a port at an IP address."""
        if ":" in text:
            return cls(socket.AF_INET6, (text, port, 0, 0))
        return cls(socket.AF_INET, (text, port))

    @property
    def text(self) -> str:
        """The address alone."""
        return str(self.place[0])

    @property
    def family(self) -> str:
        """``ipv4`` or ``ipv6``."""
        return "ipv6" if self.kind == socket.AF_INET6 else "ipv4"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        return ipaddress.ip_address(self.text).is_loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How the attempt to connect to one address ended: with a connection or with an error."""

    address: Address
    seconds: float
    connection: socket.socket | None = None
    error: OSError | None = None


class LookUp(Protocol):
    """A way from a host name to addresses; raises as ``look_up``."""

    def __call__(self, host: str, port: int, *, seconds: float) -> tuple[Address, ...]:
        """Return the addresses of a host."""


def within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """Return what a call gives that knows no time-out; its thread is left behind if it does not return.

    Raises:
        TimeoutError: it takes longer.
        Exception: whatever the call raises.
    """
    found: queue.SimpleQueue[tuple[Answer] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            found.put((ask(),))
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            found.put(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        answer = found.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer[0]


def look_up(host: str, port: int, *, seconds: float) -> tuple[Address, ...]:
    """Ask the system's resolver for the IPv4 and the IPv6 addresses of a host, 64 at most.

    Raises:
        OSError: whatever the resolver says; ``TimeoutError`` if it says nothing.
        ValueError: for a name that cannot be encoded.
    """
    answer = within(seconds, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    known = dict.fromkeys(Address(family, place) for family, _, _, _, place in answer)
    return tuple(known)[:MAX_ADDRESSES]


def connected(address: Address, *, seconds: float) -> socket.socket:
    """Connect to one address."""
    connection = socket.socket(address.kind, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(address.place)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        connection.close()
        raise
    return connection


def attempts(addresses: tuple[Address, ...], *, clock: Clock, seconds: float) -> Iterator[Attempt]:
    """Connect to all of the addresses at the same time; yield how each attempt ended, as it ends.

    Whoever takes a connection closes it; those that nobody was given are closed here.
    """
    start = clock.monotonic()
    deadline = start + seconds
    waiting: dict[Address, socket.socket] = {}
    try:
        for address in addresses:
            begun = _begun(address)
            if isinstance(begun, OSError):
                yield Attempt(address=address, seconds=clock.monotonic() - start, error=begun)
            else:
                waiting[address] = begun
        while waiting and (left := deadline - clock.monotonic()) > 0:
            for address in _settled(waiting, left):
                attempt = _ended(address, waiting.pop(address), clock.monotonic() - start)
                if attempt.connection is not None:
                    deadline = min(deadline, clock.monotonic() + _OTHERS_SECONDS)
                yield attempt
        for address in tuple(waiting):
            waiting.pop(address).close()
            yield Attempt(address=address, seconds=clock.monotonic() - start, error=TimeoutError())
    finally:
        for connection in waiting.values():
            connection.close()


def _begun(address: Address) -> socket.socket | OSError:
    try:
        connection = socket.socket(address.kind, socket.SOCK_STREAM)
    except OSError as error:  # a family that this machine does not have; too many open files
        return error
    try:
        connection.settimeout(0)
        code = connection.connect_ex(address.place)
    except BaseException:
        connection.close()
        raise
    if code in {0, errno.EINPROGRESS, errno.EWOULDBLOCK}:
        return connection
    connection.close()
    return OSError(code, os.strerror(code))


def _settled(waiting: dict[Address, socket.socket], seconds: float) -> tuple[Address, ...]:
    """Wait until attempts have ended one way or the other; return their addresses in the resolver's order."""
    with selectors.DefaultSelector() as selector:
        for address, connection in waiting.items():
            selector.register(connection, selectors.EVENT_WRITE, address)
        ended = {key.data for key, _ in selector.select(seconds)}
    return tuple(address for address in waiting if address in ended)


def _ended(address: Address, connection: socket.socket, seconds: float) -> Attempt:
    code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        connection.close()
        return Attempt(address=address, seconds=seconds, error=OSError(code, os.strerror(code)))
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Attempt(address=address, seconds=seconds, connection=connection)


def more_telling(old: OSError | None, new: OSError) -> OSError:
    """Prefer what a server or a firewall said over a missing route (an unused IPv6 address, mostly)."""
    if old is None or isinstance(new, ConnectionRefusedError):
        return new
    return old if isinstance(old, ConnectionRefusedError | TimeoutError) else new
