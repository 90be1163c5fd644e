"""``fluenzr replies --watch``: what comes in, as it comes in."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.replies.look import Look, Wanted, end_look, event, look_into, show_look
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ProblemCode

if TYPE_CHECKING:
    from fluenzr_smtp.cli.options import Invocation
    from fluenzr_smtp.imap import ReadingSession
    from fluenzr_smtp.model import StoredAccount

_IDLE_SECONDS = 28 * 60.0  # RFC 2177: a server may log out who idles for 30 minutes
_POLL_SECONDS = 60.0
_TURN_SECONDS = 30.0  # of one among several mailboxes, which take turns
_LEAST_TURN_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 300.0
_FOREVER = frozenset({
    ProblemCode.AUTH_REJECTED,
    ProblemCode.ACCOUNT_IMAP_NONE,
    ProblemCode.DISK_FULL,
    ProblemCode.FILE_NOT_WRITTEN,
})  # fmt: skip


def watch_folders(run: Invocation, wanted: Wanted) -> None:
    """Show replies as they come until somebody ends it; a lost connection is made anew, ever less often."""
    watched = [_Watched(run, wanted, stored) for stored in wanted.accounts]
    with _until_stopped(run) as stopped:
        try:
            while not stopped:
                for each in watched:
                    each.turn(is_alone=len(watched) == 1, stopped=stopped)
        except KeyboardInterrupt:
            if not stopped:
                raise
        finally:
            for each in watched:
                each.close()


class _Watched:
    """An account whose mailbox is watched."""

    def __init__(self, run: Invocation, wanted: Wanted, stored: StoredAccount) -> None:
        self._run = run
        self._wanted = wanted
        self._stored = stored
        self._session: ReadingSession | None = None
        self._pause = _FIRST_PAUSE_SECONDS
        self._next = 0.0

    def turn(self, *, is_alone: bool, stopped: list[int]) -> None:
        """Look what is new, then wait for more; after a failure, pause.

        Raises:
            FluenzrError: What no waiting mends.
        """
        clock = self._run.app.clock
        if clock.monotonic() < self._next:
            with clock.leave.waiting():
                clock.sleep(min(_FIRST_PAUSE_SECONDS, self._next - clock.monotonic()))
            return
        try:
            session = self._ready()
            began = clock.monotonic()
            has_found = self._look(session)
            if not stopped:
                with clock.leave.waiting():
                    session.news_within(self._patience(session, is_alone=is_alone))
                    if not has_found:  # a server may tell of news that are none, over and over
                        clock.sleep(max(0.0, _LEAST_TURN_SECONDS - (clock.monotonic() - began)))
            self._pause = _FIRST_PAUSE_SECONDS
        except FluenzrError as error:
            self._failed(error)

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _patience(self, session: ReadingSession, *, is_alone: bool) -> float:
        if not is_alone or len(self._wanted.folders) > 1:
            return _TURN_SECONDS / len(self._wanted.accounts)
        return _IDLE_SECONDS if session.can_idle else _POLL_SECONDS

    def _ready(self) -> ReadingSession:
        if self._session is None:
            self._session = self._run.app.inbox.opened(self._stored, timeout=self._wanted.timeout)
        return self._session

    def _look(self, session: ReadingSession) -> bool:
        """Show what is new; say whether there was something."""
        found = Look()
        look_into(self._run, session, self._stored, self._wanted, found)
        if self._run.output.json:
            for reply in found.replies:
                self._run.output.event(event(reply))
        elif found.replies or found.problems:
            show_look(self._run, found, again=self._wanted.again)
        self._run.output.problems(found.problems)
        end_look(self._run, found, self._wanted)
        return bool(found.replies)

    def _failed(self, error: FluenzrError) -> None:
        self.close()
        if error.problem.code in _FOREVER or not _may_pass(error):
            raise error
        told = self._run.app.servers.about(error.problem, self._stored) or error.problem
        self._run.output.problem(told)
        self._run.output.note(f"Connecting again in {self._pause:.0f} seconds.")
        self._next = self._run.app.clock.monotonic() + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)


def _may_pass(error: FluenzrError) -> bool:
    return error.problem.is_transient or error.problem.code.value.startswith(
        ("reply-", "unexpected-", "dns-")
    )


@contextmanager
def _until_stopped(run: Invocation) -> Iterator[list[int]]:
    """Collect the signals that end it; waits end at once, everything else is done to its end."""
    stopped: list[int] = []
    leave, kept = run.app.clock.leave, {}

    def stop(number: int, _frame: object) -> None:
        stopped.append(number)
        leave.ask()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        kept[number] = signal.signal(number, stop)
    try:
        with leave.orderly():
            yield stopped
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
