"""Run a whole process and measure it: wall and CPU time as the kernel counts them, memory of all its tree."""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE_SECONDS = 900
LOOK_EVERY_SECONDS = 0.004


class FailedError(Exception):
    """A program ended with a status other than 0."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A program with its arguments, its whole environment, and what it reads."""

    command: Sequence[str]
    environ: Mapping[str, str]
    stdin: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run took, children included."""

    wall_seconds: float
    cpu_seconds: float


def run(job: Job) -> Run:
    """Run a job to its end.

    Raises:
        FailedError: It ended otherwise than with status 0; with the last of what it said.
    """
    with tempfile.TemporaryFile() as output, opened(job.stdin) as stdin:
        start = time.perf_counter()
        process = launched(job, stdin, output.fileno())
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        check(job, process.returncode, output)
    return Run(wall_seconds=wall, cpu_seconds=usage.ru_utime + usage.ru_stime)


def peak_memory(job: Job) -> int:
    """Run a job and return the bytes that its processes have had at most, each for itself, added up.

    Taken from ``VmHWM`` of every process while it lives. What ``getrusage`` tells would not do: it knows the
    biggest process only, and counts what this one had before the program took its place.
    """
    peaks: dict[tuple[int, str], int] = {}
    with tempfile.TemporaryFile() as output, opened(job.stdin) as stdin:
        process = launched(job, stdin, output.fileno())
        while process.poll() is None:
            for pid in tree(process.pid):
                program, peak = high_water(pid)
                peaks[pid, program] = max(peak, peaks.get((pid, program), 0))
            time.sleep(LOOK_EVERY_SECONDS)
        check(job, process.returncode, output)
    # One process that has run several programs one after another counts once, with the biggest.
    return sum(
        max(peak for (pid, _), peak in peaks.items() if pid == each) for each in {pid for pid, _ in peaks}
    )


def launched(job: Job, stdin: int, output: int) -> subprocess.Popen[bytes]:
    """Start a job; ``FileNotFoundError`` where its program is not there."""
    # By its full path: otherwise looking for the program along PATH is part of what is measured.
    return subprocess.Popen(job.command, env=job.environ, stdin=stdin, stdout=output, stderr=output)


@contextlib.contextmanager
def opened(path: Path | None):
    """Open what a job reads."""
    with (path or Path(os.devnull)).open("rb") as file:
        yield file.fileno()


def check(job: Job, status: int, output) -> None:
    """Raise where a job has failed."""
    if status == 0:
        return
    output.seek(0)
    lines = output.read().decode("utf-8", "replace").strip().splitlines() or ["(it said nothing)"]
    name = Path(job.command[0]).name
    raise FailedError(f"{name} ended with {status}: {' / '.join(line.strip() for line in lines[-3:])}")


def tree(pid: int) -> list[int]:
    """Return a process and its descendants."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def high_water(pid: int) -> tuple[str, int]:
    """Return the program that a process runs and the most memory it has had with it, in bytes."""
    with contextlib.suppress(OSError):
        program = str(Path(f"/proc/{pid}/exe").readlink())
        for line in Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return program, int(line.split()[1]) * 1024
    return "", 0


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that this one has started."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
