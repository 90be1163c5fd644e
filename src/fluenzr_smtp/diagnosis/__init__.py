"""Walk the servers of a target stage by stage and yield a check for each; nothing is sent.

A failed stage ends its chain, not the other one. What the guide tells a person to try is tried by the same
walk over another endpoint. The secret is said once for each server, and not again once it was refused.
"""

from fluenzr_smtp.diagnosis.arrival import authentication_verdicts, await_arrival
from fluenzr_smtp.diagnosis.certificates import certificate_facts, served_certificate
from fluenzr_smtp.diagnosis.detection import detect
from fluenzr_smtp.diagnosis.examination import attempt, diagnose, examine, examine_imap
from fluenzr_smtp.diagnosis.remedies import remedies, works
from fluenzr_smtp.transcript import Line, Recorder

__all__ = [
    "Line",
    "Recorder",
    "attempt",
    "authentication_verdicts",
    "await_arrival",
    "certificate_facts",
    "detect",
    "diagnose",
    "examine",
    "examine_imap",
    "remedies",
    "served_certificate",
    "works",
]
