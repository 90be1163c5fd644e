"""The durable queue and the sent log: what was taken on, what became of it, what may go now.

The names are loaded on first use: a message that nothing is remembered of needs no database.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.outbox.arrivals import Handing
    from fluenzr_smtp.outbox.ledger import Claim, Departure, Forgetful, Ledger, Settlement
    from fluenzr_smtp.outbox.outbox import Outbox
    from fluenzr_smtp.state import (
        Bounced,
        Cursor,
        Handover,
        Pause,
        RecipientRecord,
        Record,
        ReplyRecord,
        Sent,
        State,
    )

__all__ = [
    "Bounced",
    "Claim",
    "Cursor",
    "Departure",
    "Forgetful",
    "Handing",
    "Handover",
    "Ledger",
    "Outbox",
    "Pause",
    "RecipientRecord",
    "Record",
    "ReplyRecord",
    "Sent",
    "Settlement",
    "State",
]

__getattr__ = loader(
    __name__,
    {
        "Claim": "ledger",
        "Departure": "ledger",
        "Forgetful": "ledger",
        "Handing": "arrivals",
        "Ledger": "ledger",
        "Settlement": "ledger",
        "Outbox": "outbox",
        "Bounced": "fluenzr_smtp.state",
        "Cursor": "fluenzr_smtp.state",
        "Handover": "fluenzr_smtp.state",
        "Pause": "fluenzr_smtp.state",
        "RecipientRecord": "fluenzr_smtp.state",
        "Record": "fluenzr_smtp.state",
        "ReplyRecord": "fluenzr_smtp.state",
        "Sent": "fluenzr_smtp.state",
        "State": "fluenzr_smtp.state",
    },
)
