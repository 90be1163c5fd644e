"""The outbox as a whole, with what is known of lanes and of servers."""

from __future__ import annotations

from datetime import datetime, timedelta

from fluenzr_smtp import pacing
from fluenzr_smtp.model import Skills
from fluenzr_smtp.outbox.arrivals import Arrivals
from fluenzr_smtp.outbox.ledger import Ledger
from fluenzr_smtp.outbox.taking import Taking
from fluenzr_smtp.outbox.upkeep import Upkeep
from fluenzr_smtp.problems import Problem
from fluenzr_smtp.state import Pause

#: A server that announced what it could not do may have been mended since.
BROKEN_FOR = timedelta(days=30)


class Outbox(Taking, Upkeep, Arrivals, Ledger):
    """The outbox in a folder (0700, its files 0600). Nothing is created before the first write.

    Threads of a process may share one. ``close`` it in the end.
    """

    def pause_lane(self, lane: str, *, until: datetime | None, problem: Problem, settings: str = "") -> None:
        """Let nothing go on a lane until a time; None: until ``resume``, or its settings are other ones."""
        pause = Pause(lane=lane, since=self._now(), until=until, problem=problem, settings=settings)
        with self._writing(is_durable=False) as tables:
            tables.pauses.put(pause)

    def pause_of(self, lane: str) -> Pause | None:
        """Return the pause that holds a lane now; one that a wrong clock has made holds none."""
        if not self.exists:
            return None
        with self._reading() as tables:
            pause = tables.pauses.get(lane)
        if pause is None or pause.until is None:
            return pause
        now = self._now()
        is_on = pause.since <= now < pause.until <= now + pacing.LONGEST_WINDOW
        return pause if is_on else None

    def resume(self, lane: str) -> None:
        """End the pause of a lane, if there is one."""
        if self.exists:
            with self._writing(is_durable=False) as tables:
                tables.pauses.remove(lane)

    def skills(self, server: str) -> Skills:
        """Return what is known of a server; what was broken is tried again after 30 days."""
        if not self.exists:
            return Skills()
        now = self._now()
        with self._reading() as tables:
            return tables.skills.get(server, broken_since=now - BROKEN_FOR, now=now)

    def learn(self, server: str, skills: Skills) -> None:
        """Write down what was seen of a server; what was not seen stays as it is known."""
        with self._writing(is_durable=False) as tables:
            tables.skills.learn(server, skills, now=self._now())
