"""Hand messages to their servers: limits, sessions, and what became of each recipient."""

from fluenzr_smtp.delivery.connection import Opening
from fluenzr_smtp.delivery.courier import Courier
from fluenzr_smtp.delivery.lane import Lane
from fluenzr_smtp.delivery.result import Delivery
from fluenzr_smtp.delivery.run import QueueRun
from fluenzr_smtp.delivery.terms import Later, Now, Terms

__all__ = ["Courier", "Delivery", "Lane", "Later", "Now", "Opening", "QueueRun", "Terms"]
