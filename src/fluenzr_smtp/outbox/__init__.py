"""The durable queue and the sent log: what was taken on, what became of it, what may go now.

The names are loaded on first use: a message that nothing is remembered of needs no database.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluenzr_smtp.outbox.ledger import Claim, Departure, Forgetful, Ledger, Settlement
    from fluenzr_smtp.outbox.outbox import Outbox
    from fluenzr_smtp.state import Pause, RecipientRecord, Record, Sent, State

__all__ = [
    "Claim",
    "Departure",
    "Forgetful",
    "Ledger",
    "Outbox",
    "Pause",
    "RecipientRecord",
    "Record",
    "Sent",
    "Settlement",
    "State",
]

_HOMES = {
    "Claim": "ledger",
    "Departure": "ledger",
    "Forgetful": "ledger",
    "Ledger": "ledger",
    "Settlement": "ledger",
    "Outbox": "outbox",
    "Pause": "fluenzr_smtp.state",
    "RecipientRecord": "fluenzr_smtp.state",
    "Record": "fluenzr_smtp.state",
    "Sent": "fluenzr_smtp.state",
    "State": "fluenzr_smtp.state",
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
