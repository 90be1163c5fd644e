"""The way to the server: none at all, or a wire whose length is a given round-trip time.

Where the system allows it, the wire is real for TCP: the clients live in a network namespace of their own
that reaches the server's loopback address only through a pair of tun devices, and ``delay.py`` carries the
packets between them. Elsewhere ``proxy.py`` stands between client and server.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
OWN_NAMESPACE = "/proc/self/ns/net"
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLIENT, SERVER = "10.77.0.1", "10.77.0.2"


@dataclass(frozen=True)
class Dialogue:
    """What one connection looked like on the wire; the terms are those of ``delay.py``."""

    round_trips: int
    held: int


class Wire:
    """A wire to the server. ``ports`` are those that the client connects to on 127.0.0.1."""

    def __init__(
        self,
        process: subprocess.Popen[str],
        ports: tuple[int, ...],
        *,
        kind: str,
        namespaces: tuple[int, int] | None = None,
    ) -> None:
        self.ports, self.kind = ports, kind
        self._process, self._namespaces = process, namespaces

    def set_round_trip(self, seconds: float) -> None:
        """Set the length of the wire."""
        self._ask(f"rtt {seconds}")

    def dialogues(self) -> list[Dialogue]:
        """Return what went over the wire since the last call."""
        return [Dialogue(**each) for each in json.loads(self._ask("take"))]

    @contextlib.contextmanager
    def clients(self) -> Iterator[None]:
        """Let processes that are started meanwhile be at the far end of the wire."""
        if self._namespaces is None:
            yield
            return
        here, there = self._namespaces
        enter(there)
        try:
            yield
        finally:
            enter(here)

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@contextlib.contextmanager
def wired(ports: Sequence[int], *, by_proxy: bool = False) -> Iterator[Wire]:
    """Lay a wire to these ports of the loopback address."""
    with contextlib.ExitStack() as stack:
        try:
            if by_proxy:
                raise OSError("as told")
            wire = by_packets(stack, ports)
        except (OSError, subprocess.CalledProcessError) as error:
            stack.close()
            wire = by_relay(stack, ports, reason=str(error))
        yield wire


def isolate() -> bool:
    """Move this process, and all that it starts, into a network of its own; say whether that is allowed."""
    try:
        unshare()
        ip("link set lo up")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def by_packets(stack: contextlib.ExitStack, ports: Sequence[int]) -> Wire:
    """Lay a wire of packets; this process must be alone in its network (``isolate``)."""
    here = descriptor(stack, os.open(OWN_NAMESPACE, os.O_RDONLY))
    server = tun(stack, "far0")
    ip(f"address add {SERVER} peer {CLIENT} dev far0", "link set far0 up")
    let_loopback_out("far0")
    unshare()
    try:
        there = descriptor(stack, os.open(OWN_NAMESPACE, os.O_RDONLY))
        client = tun(stack, "near0")
        ip(f"address add {CLIENT} peer {SERVER} dev near0", "link set near0 up")
        let_loopback_out("near0")
        # This network's own loopback stays down: the server's is the only one.
        ip(f"route add 127.0.0.1/32 dev near0 src {CLIENT}")
    finally:
        enter(here)
    process = stack.enter_context(started(HERE / "delay.py", str(client), str(server), keep=(client, server)))
    return Wire(process, tuple(ports), kind="tun devices in network namespaces", namespaces=(here, there))


def by_relay(stack: contextlib.ExitStack, ports: Sequence[int], *, reason: str) -> Wire:
    """Lay a wire by a proxy."""
    process = stack.enter_context(started(HERE / "proxy.py", *map(str, ports)))
    assert process.stdout is not None
    return Wire(process, tuple(json.loads(process.stdout.readline())), kind=f"a proxy ({reason})")


@contextlib.contextmanager
def started(program: Path, *arguments: str, keep: Sequence[int] = ()) -> Iterator[subprocess.Popen[str]]:
    """Run a Python program of this folder that ends with its input."""
    command = [sys.executable, str(program), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, pass_fds=keep) as process:
        try:
            yield process
        finally:
            process.kill()


def tun(stack: contextlib.ExitStack, name: str) -> int:
    """Make a tun device in the present network and return the descriptor of its other side."""
    device = descriptor(stack, os.open("/dev/net/tun", os.O_RDWR))
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def let_loopback_out(device: str) -> None:
    """Let 127.0.0.1 be reached through this device, which is otherwise refused."""
    Path(f"/proc/sys/net/ipv4/conf/{device}/route_localnet").write_text("1")


def ip(*lines: str) -> None:
    """Configure the present network."""
    for line in lines:
        search = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
        subprocess.run(["ip", *line.split()], check=True, capture_output=True, env={"PATH": search})


def unshare() -> None:
    """Leave the present network for a new one."""
    checked(ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET))


def enter(namespace: int) -> None:
    """Go into the network of this descriptor."""
    checked(ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET))


def checked(status: int) -> None:
    """Raise what the C library has refused."""
    if status != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def descriptor(stack: contextlib.ExitStack, number: int) -> int:
    """Close this descriptor in the end."""
    stack.callback(os.close, number)
    return number
