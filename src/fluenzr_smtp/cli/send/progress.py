"""How far sending is: a bar where a person watches, a line now and then in a log, nothing with --quiet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.moments import local
from fluenzr_smtp.cli.output import is_terminal
from fluenzr_smtp.model import Content

if TYPE_CHECKING:
    from fluenzr_smtp.cli.options import Invocation
    from fluenzr_smtp.problems import Problem

_MANY = 20
_BIG_BYTES = 2_000_000
_LOG_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Watched(Content):
    """A content that tells how many of its bytes were given out."""

    content: Content
    told: Callable[[int], None]

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""
        return self.content.size_bytes

    def blocks(self) -> Iterator[bytes]:
        """Yield the blocks, telling of each."""
        for block in self.content.blocks():
            yield block
            self.told(len(block))


class Progress:
    """Counts what has gone: messages where they are many, bytes where one is big."""

    def __init__(self, run: Invocation, *, total: int, unit: str, is_shown: bool) -> None:
        self._run = run
        self._total = total
        self._unit = unit
        self.is_shown = is_shown
        self._done = 0
        self._told_at = run.app.clock.monotonic()
        self._bar: Callable[[int], None] | None = None

    def advance(self, count: int = 1) -> None:
        """Count what has gone."""
        self._done += count
        if self._bar is not None:
            self._bar(count)
        elif self.is_shown:
            self._log()

    def _log(self) -> None:
        now = self._run.app.clock.monotonic()
        if now - self._told_at >= _LOG_SECONDS:
            self._told_at = now
            self._run.output.note(f"{self._done} of {self._total} {self._unit}")

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Show the bar as long as the block runs, where there is a terminal."""
        if not self.is_shown or not is_terminal(sys.stderr):
            yield
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.progress import Progress as Bar

        is_bytes = self._unit == "bytes"
        rate = TextColumn("{task.fields[rate]}")
        columns = (DownloadColumn(), TransferSpeedColumn()) if is_bytes else (MofNCompleteColumn(), rate)
        console = Console(stderr=True, no_color=bool(self._run.app.environ.get("NO_COLOR")))
        with Bar(BarColumn(), *columns, TimeRemainingColumn(), console=console, transient=True) as bar:
            task = bar.add_task("", total=self._total, rate="")

            def advance(count: int) -> None:
                speed = bar.tasks[0].speed
                bar.update(task, advance=count, rate="" if speed is None else f"{speed:.1f}/s")

            self._bar = advance
            try:
                yield
            finally:
                self._bar = None


def progress_of(run: Invocation, *, messages: int, size_bytes: int, quiet: bool) -> Progress:
    """Return what counts: messages where they are many, the bytes of one that is big, else nothing."""
    is_wanted = not quiet and not run.output.json
    if messages == 1:
        is_big = size_bytes >= _BIG_BYTES
        return Progress(run, total=size_bytes, unit="bytes", is_shown=is_wanted and is_big)
    return Progress(run, total=messages, unit="messages", is_shown=is_wanted and messages >= _MANY)


def waiting(run: Invocation, *, quiet: bool) -> Callable[[datetime, Problem], bool]:
    """Return what waits for the moment that a limit allows, counting down at a terminal."""

    def wait(until: datetime, problem: Problem) -> bool:
        if not quiet:
            told = run.output.sentence(problem).title
            run.output.note(f"{told}: waiting until {local(until)}.")
        while (left := (until - run.app.clock.now()).total_seconds()) > 0:
            _count_down(left, is_shown=not quiet and not run.output.json)
            run.app.clock.sleep(min(left, 1.0))
        _count_down(0.0, is_shown=not quiet and not run.output.json)
        return True

    return wait


def _count_down(left: float, *, is_shown: bool) -> None:
    if is_shown and is_terminal(sys.stderr):
        minutes, seconds = divmod(int(left + 0.999), 60)
        shown = f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if left > 0 else " " * 8
        sys.stderr.write(f"\r{shown}\r" if left <= 0 else f"\r{shown}")
        sys.stderr.flush()
