"""The outline of the guide: its groups and the topics in each, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "reach": (
            "connection-refused",
            "timeout",
            "name-unknown",
            "bridge-not-running",
            "server-error",
            "protocol-error",
        ),
        "encryption": ("certificate-invalid", "wrong-encryption", "tls-required"),
        "login": (
            "auth-failed",
            "app-password-required",
            "oauth-required",
            "oauth-sign-in",
            "smtp-auth-disabled",
            "imap-disabled",
            "account-blocked",
            "account-verification",
            "too-many-logins",
            "auth-required",
            "auth-mechanism",
        ),
        "send": (
            "send-limit",
            "sender-refused",
            "sender-domain-auth",
            "recipient-refused",
            "recipient-limit",
            "relay-denied",
            "mailbox-full",
            "greylisted",
            "message-too-big",
            "message-malformed",
            "content-refused",
            "spam-refused",
            "ip-blocked",
            "policy-refused",
            "in-doubt",
            "outbox",
            "other",
        ),
        "receive": ("mailbox", "arrival", "receiving-domain"),
        "program": ("usage", "configuration", "secret", "vault", "keyring", "files", "bug"),
    }
)
