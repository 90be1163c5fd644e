"""The store: records of messages, of what was sent, of servers. The only room with SQL.

What is to become of a message is decided in ``outbox``; here it is written down and read back, in one
transaction each. Another database would take the place of this room and of nothing else.

The names are loaded on first use: what a record is can be known without a database.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluenzr_smtp.model import State
    from fluenzr_smtp.state.database import Database, Tables
    from fluenzr_smtp.state.records import Pause, RecipientRecord, Record, Sent, Stored

__all__ = ["Database", "Pause", "RecipientRecord", "Record", "Sent", "State", "Stored", "Tables"]

_HOMES = {
    "State": "fluenzr_smtp.model",
    "Database": "database",
    "Tables": "database",
    "Pause": "records",
    "RecipientRecord": "records",
    "Record": "records",
    "Sent": "records",
    "Stored": "records",
}


def __getattr__(name: str) -> object:
    """Load a name from its module on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = _HOMES[name]
    found: object = getattr(import_module(home if "." in home else f"{__name__}.{home}"), name)
    globals()[name] = found
    return found
