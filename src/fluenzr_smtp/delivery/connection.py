"""A logged-in session to a lane's server; opened anew where the server does not do what it announces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluenzr_smtp.delivery.lane import Lane
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock, Skills, Submission
from fluenzr_smtp.outbox import Ledger
from fluenzr_smtp.smtp import PromiseBrokenError, Resumption, Settled, SMTPSession

if TYPE_CHECKING:
    from threading import Thread


class Opening:
    """A session that is connected and logged in, now or in a thread while other things are done.

    Most of its time passes in waiting for the network, in which a program can load what it needs next.
    """

    def __init__(self, lane: Lane, *, clock: Clock, timeout: float, resumption: Resumption) -> None:
        self._lane = lane
        self._session = SMTPSession(
            lane.stored.account.smtp,
            clock=clock,
            timeout=timeout,
            provider=lane.provider,
            resumption=resumption,
        )
        self._error: BaseException | None = None
        self._thread: Thread | None = None
        self._is_discarded = False

    def start(self) -> None:
        """Open the session in a thread."""
        from threading import Thread

        self._thread = Thread(target=self.run, name="opening", daemon=True)
        self._thread.start()

    def run(self) -> None:
        """Open the session."""
        account, secret, session = self._lane.stored.account, self._lane.stored.secret, self._session
        if secret is not None:
            session.hide(secret)
        try:
            session.open()
            if account.username is not None and secret is not None and not self._is_discarded:
                session.authenticate(account.username, secret)
        except BaseException as error:  # noqa: BLE001 - raised where the session is asked for
            self._error = error
        if self._error is not None or self._is_discarded:
            session.close()

    def session(self) -> SMTPSession:
        """Return the session once it is open.

        Raises:
            FluenzrError: as ``Session.open`` and ``Session.authenticate``.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            raise self._error
        return self._session

    def discard(self) -> None:
        """Do without the session; it is closed as soon as it can be."""
        self._is_discarded = True
        if self._thread is None or not self._thread.is_alive():
            self._session.close()


class Connection:
    """One connection at a time. What it learns of the server is kept for the next runs.

    A server that announces an extension and fails in it is met by one more connection that does without;
    nothing is repeated there that could have been accepted before.
    """

    def __init__(
        self,
        lane: Lane,
        ledger: Ledger,
        *,
        clock: Clock,
        timeout: float,
        resumption: Resumption,
        opening: Opening | None = None,
    ) -> None:
        self._opening = opening
        self._lane = lane
        self._ledger = ledger
        self._clock = clock
        self._timeout = timeout
        self._resumption = resumption
        self._server = str(lane.stored.account.smtp)
        self._skills: Skills | None = None
        self._session: SMTPSession | None = None
        self.has_accepted = False

    @property
    def is_open(self) -> bool:
        """Say whether messages can be pushed."""
        return self._session is not None and self._session.is_open

    @property
    def is_interrupted(self) -> bool:
        """Say whether somebody wanted to leave (Ctrl-C) while messages were on their way."""
        return self._session is not None and self._session.is_interrupted

    @property
    def room(self) -> int:
        """How many more messages may be pushed now; one where nothing is open yet."""
        return self._session.room if self._session is not None and self._session.is_open else 1

    @property
    def in_flight(self) -> int:
        """How many messages were pushed whose outcome is not read yet."""
        return 0 if self._session is None else self._session.in_flight

    @property
    def takes_eight_bit(self) -> bool:
        """Say whether the server takes messages that are not seven-bit (RFC 6152)."""
        return self._session is not None and "8bitmime" in self._session.capabilities

    def open(self) -> None:
        """Connect and log in.

        Raises:
            FluenzrError: as ``Session.open`` and ``Session.authenticate``.
        """
        if self._session is not None:
            self._session.close()
            self._session = None
        if self._skills is None:
            self._skills = self._ledger.skills(self._server)
        self.has_accepted = False
        opening, self._opening = self._opening, None
        if opening is None:
            opening = Opening(
                self._lane, clock=self._clock, timeout=self._timeout, resumption=self._resumption
            )
            with self._clock.leave.waiting():
                opening.run()
        with self._clock.leave.waiting():
            self._session = opening.session()
        self._session.skills = self._skills

    def push(self, submission: Submission) -> None:
        """Write a message; what becomes of it comes with ``settled``."""
        self._opened().push(submission)

    def answers_within(self, seconds: float) -> bool:
        """Say whether the server says something within this time."""
        return self.is_open and self._opened().answers_within(seconds)

    def settled(self) -> tuple[tuple[Settled, ...], tuple[Submission, ...]]:
        """Wait for at least one outcome; return the outcomes, and what has to be pushed once more.

        The latter were not accepted: the server failed in what it announces, and that is noted.
        """
        session = self._opened()
        try:
            found = session.settled()
        except PromiseBrokenError as error:
            self._learn(Skills(broken=frozenset({error.skill})))
            self.close()
            return (), error.unsent
        self.has_accepted = self.has_accepted or any(_is_taken(each) for each in found)
        if self.has_accepted or session.learnt.broken:
            self._learn(session.learnt)
        return found, ()

    def close(self) -> None:
        """Take leave; never fails."""
        if self._opening is not None:
            self._opening.discard()
            self._opening = None
        if self._session is not None:
            self._session.close()
            self._session = None

    def _opened(self) -> SMTPSession:
        if self._session is None:
            raise RuntimeError("a message is pushed on an open connection")
        return self._session

    def _learn(self, new: Skills) -> None:
        known = self._skills or Skills()
        broken = known.broken | new.broken
        merged = Skills(proven=(known.proven | new.proven) - broken, broken=broken)
        if merged != known:
            self._skills = merged
            try:
                self._ledger.learn(self._server, merged)
            except FluenzrError:
                return  # it only saves a round trip, or a retry: what matters is told elsewhere


def _is_taken(settled: Settled) -> bool:
    return any(each.outcome == "accepted" for each in settled.outcomes)
