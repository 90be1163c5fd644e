"""The steps of a script."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.servers.scripted.connection import Connection, ScriptError, ScriptOverError

_BLOCK = 65_536


class Step(Protocol):
    """Something the server does at its point in the script."""

    def play(self, connection: Connection) -> None:
        """Do it on this connection."""


Script = Sequence[Step]
# In a dialogue: a reply, or what is done in its place.
Answer = bytes | Step | tuple[Step, ...] | list[Step]


def play_instead(answer: Step | tuple[Step, ...] | list[Step], connection: Connection) -> None:
    """Do what stands in place of a reply."""
    for step in answer if isinstance(answer, tuple | list) else (answer,):
        step.play(connection)


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes as they are; nothing is added."""

    data: bytes

    def play(self, connection: Connection) -> None:
        connection.send(self.data)


@dataclass(frozen=True, slots=True)
class Dribble:
    """Send these bytes one by one, so many seconds apart."""

    data: bytes
    seconds: float

    def play(self, connection: Connection) -> None:
        for at in range(len(self.data)):
            connection.send(self.data[at : at + 1])
            connection.wait(self.seconds)


@dataclass(frozen=True, slots=True)
class Endless:
    """Send these bytes over and over until the peer leaves, but no more than ``limit`` bytes."""

    line: bytes
    limit: int = 256 << 20

    def play(self, connection: Connection) -> None:
        block = self.line * max(1, _BLOCK // len(self.line))
        for _ in range(max(1, self.limit // len(block))):
            connection.send(block)


@dataclass(frozen=True, slots=True)
class ReadLine:
    """Read a line, whatever it says."""

    def play(self, connection: Connection) -> None:
        connection.commands.append(connection.read_line().rstrip(b"\r\n"))


@dataclass(frozen=True, slots=True)
class ReadUntil:
    """Read up to these bytes and over them."""

    end: bytes

    def play(self, connection: Connection) -> None:
        connection.read_until(self.end)


@dataclass(frozen=True, slots=True)
class ReadSome:
    """Wait until something comes, and take it in, whether a line or not."""

    def play(self, connection: Connection) -> None:
        connection.read_some()


@dataclass(frozen=True, slots=True)
class Expect:
    """Read a line that begins as the pattern says, in any case; anything else is a failure of the test."""

    pattern: bytes

    def play(self, connection: Connection) -> None:
        line = connection.read_line().rstrip(b"\r\n")
        connection.commands.append(line)
        if not re.match(self.pattern, line, re.IGNORECASE):
            raise ScriptError(f"expected {self.pattern!r}, the peer said {line!r}")


@dataclass(frozen=True, slots=True)
class Silence:
    """Take in what comes and say nothing until the peer leaves."""

    def play(self, connection: Connection) -> None:
        connection.read_to_the_end()


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection in order, without the close of TLS (RFC 8446 §6.1) and without a word."""

    def play(self, connection: Connection) -> None:
        connection.end()
        raise ScriptOverError


@dataclass(frozen=True, slots=True)
class Reset:
    """Tear the connection down with RST."""

    def play(self, connection: Connection) -> None:
        connection.reset()
        raise ScriptOverError


@dataclass(frozen=True, slots=True)
class StartTLS:
    """Do the server's part of the handshake; the reply to STARTTLS is a step of its own."""

    context: ssl.SSLContext

    def play(self, connection: Connection) -> None:
        connection.start_tls(self.context)
