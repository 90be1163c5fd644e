"""What becomes of a command that is told to end by a signal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType


@contextmanager
def when_told_to_end(error: Callable[[int], BaseException]) -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind by this error meanwhile, unless they are ignored."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        raise error(number)

    signals = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is signal.SIG_DFL]
    for each in signals:
        signal.signal(each, end)
    try:
        yield
    finally:
        for each in signals:
            signal.signal(each, signal.SIG_DFL)
