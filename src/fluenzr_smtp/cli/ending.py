"""What becomes of a command that is told to end by a signal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from fluenzr_smtp.model import Leave


@contextmanager
def when_told_to_end(end: Callable[[int], None]) -> Iterator[None]:
    """Call this with SIGTERM or SIGHUP meanwhile, unless they are ignored; it may raise what unwinds."""

    def told(number: int, _frame: FrameType | None) -> None:
        end(number)

    signals = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is signal.SIG_DFL]
    for each in signals:
        signal.signal(each, told)
    try:
        yield
    finally:
        for each in signals:
            signal.signal(each, signal.SIG_DFL)


@contextmanager
def orderly(leave: Leave) -> Iterator[None]:
    """Let SIGTERM and SIGHUP, as Ctrl-C, end waits alone: a time limit is no reason to hide what is known."""
    with when_told_to_end(lambda _: leave.ask()), leave.orderly():
        yield
