"""A real pseudo-terminal with a child process at it, for what only happens where a person sits."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from dataclasses import dataclass

_TAKE_THE_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
_PATIENCE = 20  # seconds without a word from the child


@dataclass(frozen=True)
class Session:
    """What stood on the terminal, what went to stdout apart from it, and how it ended."""

    screen: str
    stdout: str
    status: int


def at_terminal(script: str, *dialogue: tuple[str, str], environ: dict[str, str] | None = None) -> Session:
    """Run a script with stdin and stderr at a terminal; type each answer once its question is there."""
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", _TAKE_THE_TERMINAL + script],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm", **(environ or {})},
    )
    os.close(slave)
    screen = b""
    for question, answer in dialogue:
        while question.encode() not in screen:
            screen += _read(master)
        os.write(master, answer.encode())
    while piece := _read(master):
        screen += piece
    stdout, _ = child.communicate(timeout=_PATIENCE)
    os.close(master)
    return Session(screen.decode().replace("\r\n", "\n"), stdout.decode(), child.returncode)


def _read(master: int) -> bytes:
    ready, _, _ = select.select([master], [], [], _PATIENCE)
    if not ready:
        raise TimeoutError("the child says nothing more")
    try:
        return os.read(master, 65536)
    except OSError:  # EIO: nobody is at the other end any more
        return b""
