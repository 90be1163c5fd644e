"""The sent log, the pauses and what is known of servers, in their tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from fluenzr_smtp.model import Skill, Skills
from fluenzr_smtp.pacing import Event
from fluenzr_smtp.state.records import Pause, Sent
from fluenzr_smtp.state.values import (
    MisreadError,
    micros,
    micros_or_none,
    misreading,
    moment,
    moment_or_none,
    problem_of,
    problem_text,
)

_SELECT_SENT = "SELECT number, id, account, lane, message_id, at, subject FROM sent"


class SentLog:
    """What began to be handed over, within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, sent: Sent) -> int:
        """Write down an entry; return its number."""
        row = (sent.id, sent.account, sent.lane, sent.message_id, micros(sent.at), len(sent.addresses))
        cursor = self._connection.execute(
            "INSERT INTO sent (id, account, lane, message_id, at, recipients, subject)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, sent.subject),
        )
        number = int(cursor.lastrowid or 0)
        self._connection.executemany(
            "INSERT OR IGNORE INTO sent_to (address, sent) VALUES (?, ?)",
            [(each.lower(), number) for each in sent.addresses],
        )
        return number

    def remove(self, number: int) -> None:
        """Remove an entry: nothing was handed over after all."""
        self._connection.execute("DELETE FROM sent WHERE number = ?", (number,))

    def clamp(self, lane: str, now: datetime) -> None:
        """Let what is later than now, because the clock was set back, be of now for good.

        So it counts in full, and no longer than the window.
        """
        self._connection.execute(
            "UPDATE sent SET at = :now WHERE lane = :lane AND at > :now", {"lane": lane, "now": micros(now)}
        )

    def events(self, lane: str, *, since: datetime) -> tuple[Event, ...]:
        """Return what began on a lane since a time."""
        rows = self._connection.execute(
            "SELECT at, recipients FROM sent WHERE lane = ? AND at >= ? ORDER BY at", (lane, micros(since))
        )
        with misreading():
            return tuple(Event(at=moment(at), recipients=int(recipients)) for at, recipients in rows)

    def of_account(self, account: str, *, since: datetime) -> tuple[Sent, ...]:
        """Return what an account began to hand over since a time, the oldest first."""
        return self._found("WHERE account = ? AND at >= ? ORDER BY at, number", account, micros(since))

    def of_message_id(self, message_id: str) -> Sent | None:
        """Return the newest entry of a message."""
        return next(iter(self._found("WHERE message_id = ? ORDER BY number DESC LIMIT 1", message_id)), None)

    def to_address(self, address: str, *, since: datetime, limit: int) -> tuple[Sent, ...]:
        """Return what went to an address since a time, the newest first."""
        return self._found(
            "JOIN sent_to ON sent_to.sent = number WHERE address = ? AND at >= ?"
            " ORDER BY number DESC LIMIT ?",
            *(address.lower(), micros(since), limit),
        )

    def _found(self, where: str, *values: object) -> tuple[Sent, ...]:
        rows = self._connection.execute(f"{_SELECT_SENT} {where}", values).fetchall()
        with misreading():
            return tuple(self._entry(*row) for row in rows)

    def _entry(
        self, number: int, id_: str, account: str, lane: str, message_id: str, at: int, subject: str
    ) -> Sent:
        rows = self._connection.execute("SELECT address FROM sent_to WHERE sent = ?", (number,))
        addresses = tuple(row[0] for row in rows)
        return Sent(
            id=id_,
            account=account,
            lane=lane,
            message_id=message_id,
            at=moment(at),
            addresses=addresses,
            subject=subject,
        )

    def forget(self, before: datetime) -> None:
        """Remove what is older."""
        self._connection.execute("DELETE FROM sent WHERE at < ?", (micros(before),))

    def rename_account(self, old: str, new: str) -> None:
        """Give the entries of an account to another."""
        self._connection.execute("UPDATE sent SET account = ? WHERE account = ?", (new, old))


class Pauses:
    """The lanes on which nothing goes, within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def put(self, pause: Pause) -> None:
        """Write down a pause in the place of an older one."""
        row = (
            pause.lane,
            micros(pause.since),
            micros_or_none(pause.until),
            problem_text(pause.problem),
            pause.settings,
        )
        self._connection.execute("INSERT OR REPLACE INTO pause VALUES (?, ?, ?, ?, ?)", row)

    def get(self, lane: str) -> Pause | None:
        """Return the pause of a lane, over or not."""
        found = self._connection.execute(
            "SELECT since, until, problem, settings FROM pause WHERE lane = ?", (lane,)
        ).fetchone()
        if found is None:
            return None
        since, until, text, settings = found
        with misreading():
            problem = problem_of(text)
            begun, end = moment(since), moment_or_none(until)
        if problem is None:
            raise MisreadError
        return Pause(lane=lane, since=begun, until=end, problem=problem, settings=settings)

    def remove(self, lane: str) -> None:
        """Remove the pause of a lane, if there is one."""
        self._connection.execute("DELETE FROM pause WHERE lane = ?", (lane,))


class ServerSkills:
    """What is known of servers, within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, endpoint: str, *, broken_since: datetime, now: datetime) -> Skills:
        """Return what is known of a server; what was found broken before a time is forgotten."""
        rows = self._connection.execute(
            "SELECT name FROM skill WHERE endpoint = ? AND NOT is_broken", (endpoint,)
        ).fetchall()
        broken = self._connection.execute(
            "SELECT name FROM skill WHERE endpoint = ? AND is_broken AND learnt BETWEEN ? AND ?",
            (endpoint, micros(broken_since), micros(now)),
        ).fetchall()
        return Skills(proven=_skills(rows), broken=_skills(broken))

    def learn(self, endpoint: str, skills: Skills, *, now: datetime) -> None:
        """Write down what was seen; what was not seen now stays as it is known."""
        verdicts = {**dict.fromkeys(skills.proven, False), **dict.fromkeys(skills.broken, True)}
        rows = [(endpoint, skill.value, is_broken, micros(now)) for skill, is_broken in verdicts.items()]
        self._connection.executemany("INSERT OR REPLACE INTO skill VALUES (?, ?, ?, ?)", rows)


def _skills(rows: Iterable[tuple[str]]) -> frozenset[Skill]:
    known = set(Skill)  # others are added in time
    return frozenset(Skill(name) for (name,) in rows if name in known)
