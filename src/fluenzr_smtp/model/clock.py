"""Where time comes from, and what ends a wait before its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import current_thread, main_thread


@dataclass(slots=True)
class Leave:
    """Somebody's wish to leave (Ctrl-C). While messages go out it is heeded by what waits, and by that alone.

    Anywhere else it would tear apart what is being written down, or hide what is known already.
    """

    is_wanted: bool = False
    _is_orderly: bool = False
    _is_waiting: bool = False

    def ask(self) -> None:
        """Wish to leave; to be called by the handler of a signal.

        Raises:
            KeyboardInterrupt: unless the wish is heeded later.
        """
        self.is_wanted = True
        if self._is_waiting or not self._is_orderly:
            raise KeyboardInterrupt

    @contextmanager
    def orderly(self) -> Iterator[None]:
        """Heed a wish in waits alone until the block ends."""
        self._is_orderly = True
        try:
            yield
        finally:
            self._is_orderly = False

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait in this block: it ends where somebody wants to leave, or has wanted to.

        Raises:
            KeyboardInterrupt: Somebody does.
        """
        if current_thread() is not main_thread():  # signals are not its business
            yield
            return
        self._is_waiting = True
        try:
            if self.is_wanted:
                raise KeyboardInterrupt
            yield
        finally:
            self._is_waiting = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Where time comes from; tests bring their own. ``monotonic`` and ``sleep`` count seconds."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    leave: Leave = field(default_factory=Leave)
