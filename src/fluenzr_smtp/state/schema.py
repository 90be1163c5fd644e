"""The tables. A step that was released never changes; a change of the tables is a further step.

SQLite 3.34 has to do (Enterprise Linux 9): no STRICT tables, no RETURNING. Times are microseconds since 1970.
"""

from __future__ import annotations

_FIRST = (
    # ``state`` and ``waiting`` (the number of open recipients) follow from the recipients, for the indexes.
    """CREATE TABLE message (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        account TEXT NOT NULL,
        lane TEXT NOT NULL,
        mail_from TEXT NOT NULL,
        message_id TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        digest BLOB,
        key TEXT,
        created INTEGER NOT NULL,
        changed INTEGER NOT NULL,
        due INTEGER,
        expires INTEGER,
        attempts INTEGER NOT NULL,
        problem TEXT,
        is_kept INTEGER NOT NULL,
        saves_sent INTEGER NOT NULL,
        needs_smtputf8 INTEGER NOT NULL,
        needs_eight_bit INTEGER NOT NULL,
        owner TEXT NOT NULL,
        sent INTEGER,
        state TEXT NOT NULL,
        waiting INTEGER NOT NULL,
        UNIQUE (account, key)
    )""",
    "CREATE INDEX message_waiting ON message (due, number) WHERE waiting > 0",
    "CREATE INDEX message_owned ON message (owner) WHERE owner <> ''",
    """CREATE TABLE recipient (
        message INTEGER NOT NULL REFERENCES message (number) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        address TEXT NOT NULL,
        state TEXT NOT NULL,
        reply TEXT,
        problem TEXT,
        PRIMARY KEY (message, position)
    ) WITHOUT ROWID""",
    # The sent log names messages by their id, not by a reference: it outlives them.
    """CREATE TABLE sent (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL,
        account TEXT NOT NULL,
        lane TEXT NOT NULL,
        message_id TEXT NOT NULL,
        at INTEGER NOT NULL,
        recipients INTEGER NOT NULL
    )""",
    "CREATE INDEX sent_lane ON sent (lane, at, recipients)",
    "CREATE INDEX sent_at ON sent (at)",
    """CREATE TABLE pause (
        lane TEXT PRIMARY KEY,
        since INTEGER NOT NULL,
        until INTEGER,
        problem TEXT NOT NULL,
        settings TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE skill (
        endpoint TEXT NOT NULL,
        name TEXT NOT NULL,
        is_broken INTEGER NOT NULL,
        learnt INTEGER NOT NULL,
        PRIMARY KEY (endpoint, name)
    ) WITHOUT ROWID""",
)

_REPLIES = (
    "ALTER TABLE message ADD COLUMN subject TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sent ADD COLUMN subject TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX sent_message_id ON sent (message_id)",
    # Addresses are in lower case: who answers may write theirs in another.
    """CREATE TABLE sent_to (
        address TEXT NOT NULL,
        sent INTEGER NOT NULL REFERENCES sent (number) ON DELETE CASCADE,
        PRIMARY KEY (address, sent)
    ) WITHOUT ROWID""",
    "CREATE INDEX sent_to_sent ON sent_to (sent)",
    # ``view`` is what was asked for: another question starts at its own place.
    """CREATE TABLE cursor (
        account TEXT NOT NULL,
        folder TEXT NOT NULL,
        view TEXT NOT NULL,
        uid_validity INTEGER NOT NULL,
        uid INTEGER NOT NULL,
        modseq INTEGER,
        since INTEGER NOT NULL,
        PRIMARY KEY (account, folder, view)
    ) WITHOUT ROWID""",
    """CREATE TABLE reply (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        account TEXT NOT NULL,
        folder TEXT NOT NULL,
        uid_validity INTEGER NOT NULL,
        uid INTEGER NOT NULL,
        kind TEXT NOT NULL,
        received INTEGER NOT NULL,
        message_id TEXT NOT NULL,
        document TEXT NOT NULL,
        pending INTEGER NOT NULL
    )""",
    "CREATE INDEX reply_received ON reply (received)",
    "CREATE INDEX reply_pending ON reply (number) WHERE pending > 0",
    """CREATE TABLE bounced (
        address TEXT PRIMARY KEY,
        at INTEGER NOT NULL,
        status TEXT NOT NULL,
        topic TEXT NOT NULL,
        reply TEXT NOT NULL
    ) WITHOUT ROWID""",
)

# What waited for a program is of a table of its own: each view hands over by itself.
_HANDOVERS = (
    "ALTER TABLE reply RENAME TO reply_before",
    "DROP INDEX reply_received",
    "DROP INDEX reply_pending",
    """CREATE TABLE reply (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        account TEXT NOT NULL,
        folder TEXT NOT NULL,
        uid_validity INTEGER NOT NULL,
        uid INTEGER NOT NULL,
        kind TEXT NOT NULL,
        received INTEGER NOT NULL,
        message_id TEXT NOT NULL,
        document TEXT NOT NULL
    )""",
    "CREATE INDEX reply_received ON reply (received)",
    """INSERT INTO reply
        SELECT number, id, account, folder, uid_validity, uid, kind, received, message_id, document
        FROM reply_before""",
    # ``tries`` are those that are left; none: it is done with.
    """CREATE TABLE handover (
        reply TEXT NOT NULL REFERENCES reply (id) ON DELETE CASCADE,
        view TEXT NOT NULL,
        tries INTEGER NOT NULL,
        PRIMARY KEY (reply, view)
    ) WITHOUT ROWID""",
    "CREATE INDEX handover_open ON handover (view) WHERE tries > 0",
    "INSERT INTO handover SELECT id, 'exec:matched:all', pending FROM reply_before WHERE pending > 0",
    "DROP TABLE reply_before",
)

#: The steps from an empty database to the present one; PRAGMA user_version counts those that were made.
STEPS: tuple[tuple[str, ...], ...] = (_FIRST, _REPLIES, _HANDOVERS)
VERSION = len(STEPS)
