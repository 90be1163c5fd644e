"""The values that travel between the rooms: frozen, complete, without behaviour of their own."""

from fluenzr_smtp.model.accounts import Account, Mailbox, Secret, StoredAccount
from fluenzr_smtp.model.checks import Check, Remedy, Target
from fluenzr_smtp.model.clock import Clock
from fluenzr_smtp.model.messages import (
    Attachment,
    Content,
    Draft,
    Envelope,
    Octets,
    Outcome,
    Priority,
    RecipientOutcome,
    State,
    Submission,
)
from fluenzr_smtp.model.presets import Limit, LimitUnit, Need, Preset, UsernameRule
from fluenzr_smtp.model.servers import Endpoint, Fingerprint, Protocol, Security, Skill, Skills

__all__ = [
    "Account",
    "Attachment",
    "Check",
    "Clock",
    "Content",
    "Draft",
    "Endpoint",
    "Envelope",
    "Fingerprint",
    "Limit",
    "LimitUnit",
    "Mailbox",
    "Need",
    "Octets",
    "Outcome",
    "Preset",
    "Priority",
    "Protocol",
    "RecipientOutcome",
    "Remedy",
    "Secret",
    "Security",
    "Skill",
    "Skills",
    "State",
    "StoredAccount",
    "Submission",
    "Target",
    "UsernameRule",
]
