"""Kill a process, or let a system call fail, at the n-th call of a kind: by strace, attached to a fork.

A server process has imported everything and forks a child for each try, which does one thing to a vault and
reports how that ended. So a try costs a fork and an attachment, not the start of an interpreter.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import require

_SERVER = Path(__file__).with_name("writer.py")
_PATIENCE_SECONDS = 60

#: What changes a file system, and what a file system may refuse.
CHANGING = (
    *("openat", "open", "write", "fsync", "fchmod", "chmod", "fchmodat", "fchmodat2", "mkdir", "mkdirat"),
    *("link", "linkat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "flock"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a child ended: by a signal, or with the problem code or the exception that it reported."""

    signal: int = 0
    code: str = ""
    bug: str = ""


class Server:
    """The process that forks; see ``writer.py`` for what it can do."""

    def __init__(self, strace: str, process: subprocess.Popen[str]) -> None:
        self._strace = strace
        self._process = process

    def run(self, action: str, folder: Path, *options: str) -> Ending:
        """Do one thing in a child under strace with these options."""
        self._tell({"action": action, "folder": str(folder)})
        pid = self._answer()["pid"]
        tracer = subprocess.Popen([self._strace, "-p", str(pid), *options], stderr=subprocess.PIPE, text=True)
        assert tracer.stderr is not None
        try:
            attached = tracer.stderr.readline()
            assert "attached" in attached, attached
            self._tell("go")
            return Ending(**self._answer())
        finally:
            tracer.communicate(timeout=_PATIENCE_SECONDS)

    def calls(self, action: str, folder: Path) -> Counter[str]:
        """Return how often each changing system call is made by an action that nothing disturbs."""
        log = folder / "calls"
        known = ",".join(f"?{name}" for name in CHANGING)
        ending = self.run(action, folder, "-o", str(log), "-e", f"trace={known}", "-e", "signal=none")
        assert ending == Ending()
        names = (line.partition("(")[0] for line in log.read_text().splitlines() if "(" in line)
        return Counter(names)

    def disturbed(self, action: str, folder: Path, call: str, what: str, at: int) -> Ending:
        """Do one thing and disturb it at one system call."""
        inject = f"inject={call}:{what}:when={at}"
        return self.run(action, folder, "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)

    def _tell(self, message: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def _answer(self) -> dict[str, object]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the server ended"
        return json.loads(line)


def _require_tracing(strace: str) -> None:
    """Skip the test where the system forbids tracing, as some containers do; in CI that is a failure."""
    probe = subprocess.run([strace, "-o", "/dev/null", sys.executable, "-c", ""], capture_output=True)
    if probe.returncode == 0:
        return
    reason = f"strace cannot trace here: {probe.stderr.decode(errors='replace').strip()}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """Run the server until the block ends."""
    (strace,) = require("strace")
    _require_tracing(strace)
    process = subprocess.Popen(
        [sys.executable, str(_SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Server(strace, process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(_PATIENCE_SECONDS)
        process.stdout.close()
