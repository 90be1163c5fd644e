"""A real pseudo-terminal with a child process at it, for what only happens where a person sits."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_TAKE_THE_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
_PATIENCE = 20  # seconds without a word from the child


Answer = str | Callable[[str], str]


@dataclass(frozen=True)
class Session:
    """What stood on the terminal, what went to stdout apart from it, and how it ended."""

    screen: str
    stdout: str
    status: int


def at_terminal(
    script: str, *dialogue: tuple[str, Answer], environ: dict[str, str] | None = None, inherit: bool = True
) -> Session:
    """Run a script with stdin and stderr at a terminal; type each answer once its question is there.

    A question is looked for behind the one before. An answer may be made of what stands there so far.
    ``environ`` comes on top of ours, or alone.
    """
    master, slave = pty.openpty()
    with os.fdopen(master, "rb", buffering=0), subprocess.Popen(
        [sys.executable, "-c", f"{_TAKE_THE_TERMINAL}\n{script}"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        start_new_session=True,
        env={**(os.environ if inherit else {}), "TERM": "xterm", **(environ or {})},
    ) as child:  # fmt: skip
        os.close(slave)
        try:
            screen = _converse(master, dialogue)
            stdout, _ = child.communicate(timeout=_PATIENCE)
        finally:
            child.kill()
    return Session(screen, stdout.decode(), child.returncode)


def _converse(master: int, dialogue: Sequence[tuple[str, Answer]]) -> str:
    screen, at = b"", 0
    for question, answer in dialogue:
        while (found := screen.find(question.encode(), at)) < 0:
            piece = _read(master)
            if not piece:
                raise AssertionError(f"{question!r} was never asked:\n{screen.decode()}")
            screen += piece
        at = found + len(question)
        typed = answer if isinstance(answer, str) else answer(screen.decode()) + "\n"
        os.write(master, typed.encode())
    while piece := _read(master):
        screen += piece
    return screen.decode().replace("\r\n", "\n")


def _read(master: int) -> bytes:
    ready, _, _ = select.select([master], [], [], _PATIENCE)
    if not ready:
        raise TimeoutError("the child says nothing more")
    try:
        return os.read(master, 65536)
    except OSError:  # EIO: nobody is at the other end any more
        return b""
