"""The values that travel between the rooms: frozen, complete, without behaviour of their own.

The names are loaded on first use.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.model.accounts import (
        AccessToken,
        Account,
        Mailbox,
        Secret,
        StoredAccount,
        TokenCommand,
    )
    from fluenzr_smtp.model.checks import Check, Remedy, Target
    from fluenzr_smtp.model.clock import Clock, Leave
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
    from fluenzr_smtp.model.oauth import (
        AuthorizationServer,
        Grant,
        GrantType,
        OAuthClient,
        OAuthLogin,
        Tokens,
        is_client_id,
        is_tenant,
    )
    from fluenzr_smtp.model.presets import Form, Limit, LimitUnit, Need, Placeholder, Preset, UsernameRule
    from fluenzr_smtp.model.servers import Endpoint, Fingerprint, Protocol, Security, Skill, Skills

__all__ = [
    "AccessToken",
    "Account",
    "Attachment",
    "AuthorizationServer",
    "Check",
    "Clock",
    "Content",
    "Draft",
    "Endpoint",
    "Envelope",
    "Fingerprint",
    "Form",
    "Grant",
    "GrantType",
    "Leave",
    "Limit",
    "LimitUnit",
    "Mailbox",
    "Need",
    "OAuthClient",
    "OAuthLogin",
    "Octets",
    "Outcome",
    "Placeholder",
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
    "TokenCommand",
    "Tokens",
    "UsernameRule",
    "is_client_id",
    "is_tenant",
]

__getattr__ = loader(
    __name__,
    {
        "AccessToken": "accounts",
        "Account": "accounts",
        "Attachment": "messages",
        "AuthorizationServer": "oauth",
        "Check": "checks",
        "Clock": "clock",
        "Content": "messages",
        "Draft": "messages",
        "Endpoint": "servers",
        "Envelope": "messages",
        "Fingerprint": "servers",
        "Form": "presets",
        "Grant": "oauth",
        "GrantType": "oauth",
        "Leave": "clock",
        "Limit": "presets",
        "LimitUnit": "presets",
        "Mailbox": "accounts",
        "Need": "presets",
        "OAuthClient": "oauth",
        "OAuthLogin": "oauth",
        "Octets": "messages",
        "Outcome": "messages",
        "Placeholder": "presets",
        "Preset": "presets",
        "Priority": "messages",
        "Protocol": "servers",
        "RecipientOutcome": "messages",
        "Remedy": "checks",
        "Secret": "accounts",
        "Security": "servers",
        "Skill": "servers",
        "Skills": "servers",
        "State": "messages",
        "StoredAccount": "accounts",
        "Submission": "messages",
        "Target": "checks",
        "TokenCommand": "accounts",
        "Tokens": "oauth",
        "UsernameRule": "presets",
        "is_client_id": "oauth",
        "is_tenant": "oauth",
    },
)
