"""The store: records of messages, of what was sent, of servers. The only room with SQL.

What is to become of a message is decided in ``outbox``; here it is written down and read back, in one
transaction each. Another database would take the place of this room and of nothing else.

The names are loaded on first use: what a record is can be known without a database.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.model import State
    from fluenzr_smtp.state.database import Database, Tables
    from fluenzr_smtp.state.records import (
        Bounced,
        Cursor,
        Handover,
        Pause,
        RecipientRecord,
        Record,
        ReplyRecord,
        Sent,
        Stored,
    )

__all__ = [
    "Bounced",
    "Cursor",
    "Database",
    "Handover",
    "Pause",
    "RecipientRecord",
    "Record",
    "ReplyRecord",
    "Sent",
    "State",
    "Stored",
    "Tables",
]

__getattr__ = loader(
    __name__,
    {
        "State": "fluenzr_smtp.model",
        "Database": "database",
        "Tables": "database",
        "Bounced": "records",
        "Cursor": "records",
        "Handover": "records",
        "Pause": "records",
        "RecipientRecord": "records",
        "Record": "records",
        "ReplyRecord": "records",
        "Sent": "records",
        "Stored": "records",
    },
)
