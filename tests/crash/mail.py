"""A home with an account at a scripted server that keeps what it has taken, and processes that are killed.

What a server has taken stands once in ``taken``, whether or not the client lived to hear of it.
"""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.program import PROGRAM, Program
from tests.servers.scripted import Answer, Connection, Script, ScriptedServer, submission_script

PATIENCE_SECONDS = 60
PLAIN = ("SIZE 10240000",)
PIPELINED = ("PIPELINING", *PLAIN)
CHUNKED = ("CHUNKING", *PIPELINED)
OFFERS = {"one-by-one": PLAIN, "pipelined": PIPELINED, "chunked": CHUNKED}
_SECRET = "canary-of-the-scripted-server"


class Victim:
    """A process that the server strikes down; who strikes waits until it is known, then until it is dead."""

    def __init__(self) -> None:
        self._known = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self.was_struck = False

    def is_now(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._known.set()

    def strike(self) -> None:
        """Kill it, as ``kill -9`` does; whatever it has said stays on the wire."""
        assert self._known.wait(PATIENCE_SECONDS)
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)
        self.was_struck = True


@dataclass(frozen=True)
class Strike:
    """A step: kill the victim now."""

    victim: Victim

    def play(self, connection: Connection) -> None:
        self.victim.strike()


@dataclass(frozen=True)
class StrikeAt:
    """A script during which the victim is killed at the nth thing that happens on its connection.

    A line that was read, a reply that is about to be sent, and one that was sent are things that happen.
    """

    script: Script
    victim: Victim
    at: int

    def play(self, connection: Connection) -> None:
        left, send, read_line = self.at, connection.send, connection.read_line

        def happens() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                self.victim.strike()

        def observed_send(data: bytes) -> None:
            happens()
            send(data)
            happens()

        def observed_read() -> bytes:
            line = read_line()
            happens()
            return line

        connection.send = observed_send  # type: ignore[method-assign]
        connection.read_line = observed_read  # type: ignore[method-assign]
        for step in self.script:
            step.play(connection)


@dataclass
class Playing:
    """A script that is another one for each connection: those of ``next`` first, then ``otherwise``."""

    otherwise: Script
    next: list[Script] = field(default_factory=list)

    def play(self, connection: Connection) -> None:
        for step in self.next.pop(0) if self.next else self.otherwise:
            step.play(connection)


@dataclass
class Mail:
    """A program with one account, and the server of that account."""

    program: Program
    server: ScriptedServer
    playing: Playing

    @property
    def taken(self) -> Counter[str]:
        """How often the server has taken each message, by its subject."""
        return Counter(
            subject_of(message) for each in self.server.connections for message in list(each.messages)
        )

    @property
    def logins(self) -> int:
        """How often somebody has tried to log in."""
        lines = (line for each in self.server.connections for line in list(each.commands))
        return sum(line.upper().startswith(b"AUTH ") for line in lines)

    @staticmethod
    def program_line(*arguments: str) -> list[str]:
        """Return the whole command line, for what runs the program."""
        return [*PROGRAM, *arguments]

    def queue(self, *subjects: str) -> None:
        """Put messages into the outbox without trying them."""
        for each in subjects:
            ended = self.program.call(*sending(each, "--queue-only"))
            assert ended.status == 0, ended.err

    def run(self, *options: str) -> dict[str, Any]:
        """Run the outbox; return the document."""
        return self.program.call("outbox", "run", "--json", *options).document

    def states(self) -> dict[str, str]:
        """Return the state of each message by its subject, as far as the outbox knows it."""
        found = self.program.call("outbox", "list", "--all", "--limit", "1000", "--json").data["messages"]
        return {each["recipients"][0]["recipient"].partition("@")[0]: each["state"] for each in found}

    def settle(self) -> dict[str, str]:
        """Run the outbox until it does nothing more; return the states."""
        self.run()
        taken, states = self.taken, self.states()
        self.run()
        assert (self.taken, self.states()) == (taken, states)
        return states

    def struck(self, *arguments: str, script: Callable[[Victim], Script]) -> int:
        """Run a command line while the server plays a script that kills it; return its status."""
        victim = Victim()
        self.playing.next = [script(victim)]
        process = self.program.start(*arguments)
        victim.is_now(process)
        process.communicate(timeout=PATIENCE_SECONDS)
        self.playing.next = []
        assert self.server.errors == []
        return process.returncode


def require_exactly_once(mail: Mail, states: dict[str, str], promised: Iterable[str]) -> None:
    """Fail where a message was sent twice, or where one that was promised was lost or still waits."""
    taken = mail.taken
    assert not [each for each, count in taken.items() if count > 1], taken
    for each in promised:
        assert each in states, f"{each} is lost"
    for subject, state in states.items():
        assert state in {"accepted", "in-doubt"}, (subject, state)
        assert state == "in-doubt" or taken[subject] == 1, f"{subject} is called accepted"
    assert set(taken) <= set(states), "a message that went is not known"


def sending(subject: str, *options: str) -> tuple[str, ...]:
    """Return the command line that sends a message whose recipient has the name of its subject."""
    return ("send", "--to", f"{subject}@b.test", "--subject", subject, "--body", "Text", "--json", *options)


def subject_of(message: bytes) -> str:
    """Return the subject of a message."""
    line = next(each for each in message.split(b"\r\n") if each.startswith(b"Subject: "))
    return line.removeprefix(b"Subject: ").decode()


def offering(offers: Iterable[str], **overrides: Answer) -> Script:
    """Return the script of a server with these extensions; ``END`` stands for the answer to a message."""
    told = {"." if name == "END" else name.replace("_", "-"): each for name, each in overrides.items()}
    return submission_script(capabilities=tuple(offers), overrides=told)


@contextmanager
def mail_in(home: Path, script: Script, *options: str) -> Iterator[Mail]:
    """Run a server that plays a script; add an account there."""
    playing = Playing(script)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ScriptedServer((playing,)) as server:
        program = Program.at(home)
        password = home / "password"
        password.write_text(_SECRET)
        password.chmod(0o600)
        added = program.call(
            "account", "add", "shop@shop.test", "--name", "shop", "--smtp-host", server.host,
            "--smtp-port", str(server.port), "--encryption", "none", "--password-file", str(password),
            "--no-test", *options,
        )  # fmt: skip
        assert added.status == 0, added.err
        yield Mail(program, server, playing)


def traced(
    strace: str, program: Program, arguments: Iterable[str], *options: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command line under strace, with all its threads."""
    return subprocess.run(
        [strace, "-f", "-qq", *options, *PROGRAM, *arguments],
        env=program.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
    )
