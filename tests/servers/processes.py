"""Server processes of the tests: each in a group of its own, greeted before it is used, ended by its id.

Should the test process be killed, a guard ends the servers and removes their folder.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from tests.servers.environment import ENVIRONMENT

_START_SECONDS = 15.0
_STOP_SECONDS = 5.0

# Its input names the servers' process groups, and ends when the test process ends, however that happens.
_GUARD = """
import contextlib, os, shutil, signal, sys
for group in sys.stdin.read().split():
    with contextlib.suppress(ProcessLookupError):
        os.killpg(int(group), signal.SIGKILL)
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""


class NotStartedError(Exception):
    """A server ended, or said nothing, where its greeting was awaited."""


@contextlib.contextmanager
def guarding(folder: Path) -> Iterator[IO[bytes]]:
    """Watch over the processes whose groups are written to what this yields, and over their folder."""
    command = [sys.executable, "-I", "-S", "-c", _GUARD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0, start_new_session=True) as process:
        try:
            assert process.stdin is not None
            yield process.stdin
        finally:
            process.kill()


@contextlib.contextmanager
def running(command: Sequence[str], *, log: Path, guard: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server that stays in the foreground; what it says is appended to ``log``."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        guard.write(b"%d\n" % process.pid)
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    # The group is the server's own: told together they end at once.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def await_greeting(process: subprocess.Popen[bytes], port: int, greeting: bytes) -> None:
    """Return once the server greets on a port of 127.0.0.1.

    Raises:
        NotStartedError: It has ended, or does not greet.
    """
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise NotStartedError(f"a server ended with status {process.returncode}")
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=_START_SECONDS) as client,
        ):
            if client.recv(512).startswith(greeting):
                return
        time.sleep(0.02)
    raise NotStartedError(f"no greeting on port {port}")
