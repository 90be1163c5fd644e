"""Cursors, replies and addresses that bounced, in their tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from datetime import datetime

from fluenzr_smtp.state.records import Bounced, Cursor, Handover, ReplyRecord
from fluenzr_smtp.state.values import micros, misreading, moment

_REPLY = "id, account, folder, uid_validity, uid, kind, received, message_id, document"


class Cursors:
    """How far folders were read, within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, account: str, folder: str, view: str) -> Cursor | None:
        """Return how far a folder was read for a question."""
        row = self._connection.execute(
            "SELECT uid_validity, uid, modseq, since FROM cursor"
            " WHERE account = ? AND folder = ? AND view = ?",
            (account, folder, view),
        ).fetchone()
        if row is None:
            return None
        validity, uid, modseq, since = row
        with misreading():
            return Cursor(
                account=account,
                folder=folder,
                view=view,
                uid_validity=int(validity),
                uid=int(uid),
                modseq=modseq,
                since=moment(since),
            )

    def put(self, cursor: Cursor) -> None:
        """Write down how far a folder was read."""
        row = (cursor.account, cursor.folder, cursor.view, cursor.uid_validity, cursor.uid, cursor.modseq)
        self._connection.execute(
            "INSERT OR REPLACE INTO cursor (account, folder, view, uid_validity, uid, modseq, since)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, micros(cursor.since)),
        )

    def rename_account(self, old: str, new: str) -> None:
        """Give the cursors of an account to another."""
        self._connection.execute("UPDATE OR REPLACE cursor SET account = ? WHERE account = ?", (new, old))


class Replies:
    """The replies that were shown, within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, reply: ReplyRecord) -> bool:
        """Write down a reply; say whether it is new."""
        row = (
            *(reply.id, reply.account, reply.folder, reply.uid_validity, reply.uid, reply.kind),
            *(micros(reply.received), reply.message_id, reply.document),
        )
        marks = ", ".join("?" * len(row))
        done = self._connection.execute(
            f"INSERT OR IGNORE INTO reply ({_REPLY}) VALUES ({marks})",  # noqa: S608 - names of our own
            row,
        )
        return done.rowcount > 0

    def known(self, ids: Collection[str]) -> frozenset[str]:
        """Return which of these are written down."""
        found = (
            self._connection.execute("SELECT id FROM reply WHERE id = ?", (each,)).fetchone() for each in ids
        )
        return frozenset(row[0] for row in found if row is not None)

    def from_prefix(self, prefix: str) -> tuple[ReplyRecord, ...]:
        """Return the first two whose id begins with a text."""
        return self._found("WHERE substr(id, 1, ?) = ? LIMIT 2", len(prefix), prefix)

    def since(self, moment_: datetime, *, account: str | None = None) -> tuple[ReplyRecord, ...]:
        """Return what came in since a time, the oldest first."""
        where = "WHERE received >= ? AND account = coalesce(?, account) ORDER BY received, number"
        return self._found(where, micros(moment_), account)

    def forget(self, before: datetime) -> None:
        """Remove what came in earlier, unless a program is still to be called with it."""
        self._connection.execute(
            "DELETE FROM reply WHERE received < ?"
            " AND NOT EXISTS (SELECT 1 FROM handover WHERE reply = reply.id AND tries > 0)",
            (micros(before),),
        )

    def put_handover(self, id_: str, view: str, tries: int, *, anew: bool) -> None:
        """Write down that a program is to be called with a reply; ``anew``: also if it was before."""
        how = "REPLACE" if anew else "IGNORE"
        self._connection.execute(
            f"INSERT OR {how} INTO handover (reply, view, tries) VALUES (?, ?, ?)",  # noqa: S608 - see above
            (id_, view, tries),
        )

    def open_handovers(self, view: str) -> tuple[Handover, ...]:
        """Return what is still to be handed to a program, the oldest first."""
        names = ", ".join(f"reply.{name}" for name in _REPLY.split(", "))
        rows = self._connection.execute(
            f"SELECT {names}, handover.tries FROM handover JOIN reply ON reply.id = handover.reply"  # noqa: S608
            " WHERE handover.view = ? AND handover.tries > 0 ORDER BY reply.number",
            (view,),
        ).fetchall()
        with misreading():
            return tuple(Handover(reply=_reply(*row[:-1]), view=view, tries=row[-1]) for row in rows)

    def rename_account(self, old: str, new: str) -> None:
        """Give the replies of an account to another."""
        self._connection.execute("UPDATE reply SET account = ? WHERE account = ?", (new, old))

    def _found(self, where: str, *values: object) -> tuple[ReplyRecord, ...]:
        rows = self._connection.execute(
            f"SELECT {_REPLY} FROM reply {where}",  # noqa: S608 - names of our own
            values,
        ).fetchall()
        with misreading():
            return tuple(_reply(*row) for row in rows)


class BouncedAddresses:
    """The addresses that bounced for good, within one transaction. They are written in lower case."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def put(self, bounced: Bounced) -> None:
        """Write down an address, the newest word on it."""
        self._connection.execute(
            "INSERT OR REPLACE INTO bounced (address, at, status, topic, reply) VALUES (?, ?, ?, ?, ?)",
            (bounced.address.lower(), micros(bounced.at), bounced.status, bounced.topic, bounced.reply),
        )

    def among(self, addresses: Iterable[str]) -> tuple[Bounced, ...]:
        """Return those of some addresses that bounced."""
        wanted = tuple(dict.fromkeys(each.lower() for each in addresses))
        return tuple(each for address in wanted for each in self._found("WHERE address = ?", address))

    def all(self) -> tuple[Bounced, ...]:
        """Return all of them, by their names."""
        return self._found("ORDER BY address")

    def remove(self, address: str, *, before: datetime | None = None) -> bool:
        """Forget an address, if what is known of it is older than a time; say whether it was known."""
        limit = None if before is None else micros(before)
        done = self._connection.execute(
            "DELETE FROM bounced WHERE address = ? AND (? IS NULL OR at < ?)", (address.lower(), limit, limit)
        )
        return done.rowcount > 0

    def _found(self, where: str, *values: object) -> tuple[Bounced, ...]:
        rows = self._connection.execute(
            f"SELECT address, at, status, topic, reply FROM bounced {where}",  # noqa: S608 - names of our own
            values,
        ).fetchall()
        with misreading():
            return tuple(
                Bounced(address=address, at=moment(at), status=status, topic=topic, reply=reply)
                for address, at, status, topic, reply in rows
            )


def _reply(
    id_: str,
    account: str,
    folder: str,
    uid_validity: int,
    uid: int,
    kind: str,
    received: int,
    message_id: str,
    document: str,
) -> ReplyRecord:
    return ReplyRecord(
        id=id_,
        account=account,
        folder=folder,
        uid_validity=uid_validity,
        uid=uid,
        kind=kind,
        received=moment(received),
        message_id=message_id,
        document=document,
    )
