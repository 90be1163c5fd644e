"""One TCP connection with a deadline for every step, bounded reads, and TLS that starts clean.

What smtplib and imaplib leave open is closed here, once for both: a time-out per step instead of one
per ``recv``, limits on what a server may send, and nothing that was received before TLS survives it.
Protocols are not known here; ``socket`` has its home here.
"""

from fluenzr_smtp.transcript import Line, Recorder
from fluenzr_smtp.wire.addresses import MAX_ADDRESSES, Address, LookUp, look_up, within
from fluenzr_smtp.wire.connection import Reached, Wire
from fluenzr_smtp.wire.probe import Probe, probe
from fluenzr_smtp.wire.services import service_of
from fluenzr_smtp.wire.stream import MAX_LINE_BYTES, MAX_STEP_BYTES, MAX_STEP_LINES

__all__ = [
    "MAX_ADDRESSES",
    "MAX_LINE_BYTES",
    "MAX_STEP_BYTES",
    "MAX_STEP_LINES",
    "Address",
    "Line",
    "LookUp",
    "Probe",
    "Reached",
    "Recorder",
    "Wire",
    "look_up",
    "probe",
    "service_of",
    "within",
]
