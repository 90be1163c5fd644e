"""Hand messages to their servers: limits, sessions, and what became of each recipient.

The names are loaded on first use: a connection is opened before the rest is there.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.delivery.connection import Opening
    from fluenzr_smtp.delivery.courier import Courier
    from fluenzr_smtp.delivery.lane import Lane
    from fluenzr_smtp.delivery.result import Delivery
    from fluenzr_smtp.delivery.run import QueueRun
    from fluenzr_smtp.delivery.terms import Later, Now, Terms

__all__ = ["Courier", "Delivery", "Lane", "Later", "Now", "Opening", "QueueRun", "Terms"]

__getattr__ = loader(
    __name__,
    {
        "Courier": "courier",
        "Delivery": "result",
        "Lane": "lane",
        "Later": "terms",
        "Now": "terms",
        "Opening": "connection",
        "QueueRun": "run",
        "Terms": "terms",
    },
)
