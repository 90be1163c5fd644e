"""Messages and their recipients in their tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from fluenzr_smtp.model import State
from fluenzr_smtp.state.records import RecipientRecord, Record, Stored
from fluenzr_smtp.state.values import (
    micros,
    micros_or_none,
    misreading,
    moment,
    moment_or_none,
    problem_of,
    problem_text,
    reply_of,
    reply_text,
)

_COLUMNS = (
    *("id", "account", "lane", "mail_from", "message_id", "size_bytes", "digest", "key", "created"),
    *("changed", "due", "expires", "attempts", "problem", "is_kept", "saves_sent", "needs_smtputf8"),
    *("needs_eight_bit", "owner", "sent", "state", "waiting", "subject"),
)
_CHANGING = (
    *("digest", "changed", "due", "expires", "attempts", "problem", "is_kept"),
    *("owner", "sent", "state", "waiting"),
)
_SELECT = f"SELECT number, {', '.join(_COLUMNS)} FROM message"  # noqa: S608 - names of our own
_INSERT = f"INSERT INTO message ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{each}' for each in _COLUMNS)})"  # noqa: S608
_UPDATE = f"UPDATE message SET {', '.join(f'{each} = :{each}' for each in _CHANGING)} WHERE id = :id"  # noqa: S608


class Messages:
    """The messages, within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, stored: Stored) -> None:
        """Write down a message that is not there yet."""
        number = self._connection.execute(_INSERT, _row(stored)).lastrowid
        self._add_recipients(number, stored.record.recipients)

    def save(self, stored: Stored) -> None:
        """Write down what has changed of a message; recipients may be fewer than they were."""
        self._connection.execute(_UPDATE, _row(stored))
        number = self._number(stored.record.id)
        self._connection.execute("DELETE FROM recipient WHERE message = ?", (number,))
        self._add_recipients(number, stored.record.recipients)

    def own(self, id_: str, owner: str) -> None:
        """Write down the process that has claimed a message."""
        self._connection.execute("UPDATE message SET owner = ? WHERE id = ?", (owner, id_))

    def remove(self, id_: str) -> None:
        """Remove a message with its recipients."""
        self._connection.execute("DELETE FROM message WHERE id = ?", (id_,))

    def get(self, id_: str) -> Stored | None:
        """Return a message by its whole id."""
        return next(self._found("WHERE id = ?", id_), None)

    def of_key(self, account: str, key: str) -> Stored | None:
        """Return the message of an account that has this key."""
        return next(self._found("WHERE account = ? AND key = ?", account, key), None)

    def ids_from(self, prefix: str) -> tuple[str, ...]:
        """Return the first two ids that begin with a text."""
        rows = self._connection.execute(
            "SELECT id FROM message WHERE substr(id, 1, ?) = ? LIMIT 2", (len(prefix), prefix)
        )
        return tuple(row[0] for row in rows)

    def all(self, *, states: Collection[State] | None, account: str | None, limit: int) -> tuple[Record, ...]:
        """Return the messages in these states, of this account, the oldest first; of too many the newest.

        A negative ``limit`` is none.
        """
        wanted = sorted(set(State) if states is None else set(states))
        which = "" if states is None else f"state IN ({', '.join('?' * len(wanted))}) AND "
        where = f"WHERE {which}account = coalesce(?, account) ORDER BY number DESC LIMIT ?"
        found = self._found(where, *(() if states is None else wanted), account, limit)
        return tuple(each.record for each in found)[::-1]

    def due(self, *, now: datetime, latest: datetime, account: str | None) -> Iterator[tuple[str, str, str]]:
        """Yield id, account and lane of what nobody has claimed and is due, what has waited longest first.

        Due is also what was written down later than now, and what is due after ``latest``: the clock was set.
        """
        return self._connection.execute(
            "SELECT id, account, lane FROM message WHERE waiting > 0 AND owner = '' AND is_kept"
            " AND (due <= :now OR changed > :now OR due > :latest OR due IS NULL)"
            " AND account = coalesce(:account, account) ORDER BY due, number",
            {"now": micros(now), "latest": micros(latest), "account": account},
        )

    def next_due(self) -> datetime | None:
        """Return when the next message is due that nobody has claimed."""
        found = self._connection.execute(
            "SELECT min(due) FROM message WHERE waiting > 0 AND owner = '' AND is_kept"
        ).fetchone()
        with misreading():
            return moment_or_none(found[0])

    def owners(self) -> tuple[str, ...]:
        """Return the processes that have claimed messages."""
        rows = self._connection.execute("SELECT DISTINCT owner FROM message WHERE owner <> ''")
        return tuple(str(row[0]) for row in rows)

    def owned(self) -> tuple[Stored, ...]:
        """Return all messages that a process has claimed, dead or alive."""
        return tuple(self._found("WHERE owner <> ''"))

    def overdue(self, now: datetime) -> tuple[Stored, ...]:
        """Return the messages with open recipients whose time is up, and that nobody has claimed."""
        return tuple(self._found("WHERE waiting > 0 AND owner = '' AND expires <= ?", micros(now)))

    def unchanged_since(self, moment_: datetime, states: Collection[State]) -> tuple[str, ...]:
        """Return the ids of the messages in these states that have not changed since."""
        marks = ", ".join("?" * len(states))
        where = f"changed < ? AND owner = '' AND state IN ({marks})"
        rows = self._connection.execute(
            f"SELECT id FROM message WHERE {where}",  # noqa: S608 - question marks
            (micros(moment_), *sorted(states)),
        )
        return tuple(row[0] for row in rows)

    def kept(self) -> frozenset[str]:
        """Return the ids of the messages whose content is kept."""
        return frozenset(row[0] for row in self._connection.execute("SELECT id FROM message WHERE is_kept"))

    def rename_account(self, old: str, new: str) -> None:
        """Give the messages of an account to another; where both have a key, the first one's counts."""
        self._connection.execute(
            "UPDATE message SET key = NULL WHERE account = :new"
            " AND key IN (SELECT key FROM message WHERE account = :old)",
            {"old": old, "new": new},
        )
        self._connection.execute("UPDATE message SET account = ? WHERE account = ?", (new, old))

    def _number(self, id_: str) -> int:
        found = self._connection.execute("SELECT number FROM message WHERE id = ?", (id_,)).fetchone()
        return int(found[0])

    def _add_recipients(self, number: int | None, recipients: tuple[RecipientRecord, ...]) -> None:
        rows = [
            (number, at, each.address, each.state.value, reply_text(each.reply), problem_text(each.problem))
            for at, each in enumerate(recipients)
        ]
        self._connection.executemany("INSERT INTO recipient VALUES (?, ?, ?, ?, ?, ?)", rows)

    def _found(self, where: str, *values: object) -> Iterator[Stored]:
        for row in self._connection.execute(f"{_SELECT} {where}", values).fetchall():
            with misreading():
                stored = self._stored(row[0], dict(zip(_COLUMNS, row[1:], strict=True)))
            yield stored

    def _stored(self, number: int, row: dict[str, Any]) -> Stored:
        recipients = self._connection.execute(
            "SELECT address, state, reply, problem FROM recipient WHERE message = ? ORDER BY position",
            (number,),
        )
        return _stored(row, tuple(_recipient(*each) for each in recipients))


def _row(stored: Stored) -> dict[str, object]:
    record = stored.record
    return {
        "id": record.id,
        "account": record.account,
        "lane": record.lane,
        "mail_from": record.mail_from,
        "message_id": record.message_id,
        "size_bytes": record.size_bytes,
        "digest": stored.digest,
        "key": record.key or None,
        "created": micros(record.created),
        "changed": micros(record.changed),
        "due": micros_or_none(record.due),
        "expires": micros_or_none(record.expires),
        "attempts": record.attempts,
        "problem": problem_text(record.problem),
        "is_kept": record.is_kept,
        "saves_sent": record.saves_sent,
        "needs_smtputf8": record.needs_smtputf8,
        "needs_eight_bit": record.needs_eight_bit,
        "owner": stored.owner,
        "sent": stored.sent,
        "state": record.state.value,
        "waiting": len(record.open_recipients),
        "subject": record.subject,
    }


def _stored(row: dict[str, Any], recipients: tuple[RecipientRecord, ...]) -> Stored:
    record = Record(
        id=row["id"],
        account=row["account"],
        lane=row["lane"],
        mail_from=row["mail_from"],
        message_id=row["message_id"],
        size_bytes=row["size_bytes"],
        key=row["key"] or "",
        created=moment(row["created"]),
        changed=moment(row["changed"]),
        due=moment_or_none(row["due"]),
        expires=moment_or_none(row["expires"]),
        attempts=row["attempts"],
        recipients=recipients,
        problem=problem_of(row["problem"]),
        is_kept=bool(row["is_kept"]),
        saves_sent=bool(row["saves_sent"]),
        needs_smtputf8=bool(row["needs_smtputf8"]),
        needs_eight_bit=bool(row["needs_eight_bit"]),
        subject=row["subject"],
    )
    return Stored(record=record, digest=row["digest"], owner=row["owner"], sent=row["sent"])


def _recipient(address: str, state: str, reply: str | None, problem: str | None) -> RecipientRecord:
    return RecipientRecord(
        address=address, state=State(state), reply=reply_of(reply), problem=problem_of(problem)
    )
