"""What each problem code means to a script: whether to try again, the exit status, the section of the guide.

Topics are the sections of the guide; several codes may share one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from fluenzr_smtp.problems.codes import ExitStatus, ProblemCode


class Retry(StrEnum):
    """Whether trying the same thing again later is right."""

    NEVER = "never"
    LATER = "later"
    BY_REPLY = "by-reply"  # as the first digit of the reply says: 4 later, 5 never (RFC 5321 §4.2.1)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means to a script: whether to try again, the exit status, the section of the guide."""

    retry: Retry
    exit_status: ExitStatus
    topic: str


def _rows() -> Mapping[ProblemCode, Meaning]:
    code, never, later, by_reply = ProblemCode, Retry.NEVER, Retry.LATER, Retry.BY_REPLY
    status = ExitStatus
    table: dict[tuple[Retry, ExitStatus, str], tuple[ProblemCode, ...]] = {
        (never, status.USAGE, "usage"): (
            code.USAGE_INVALID,
            code.INPUT_REQUIRED,
            code.EXTRA_MISSING,
            code.PRESET_UNKNOWN,
            code.PRESET_EXISTS,
            code.SERVER_UNCONFIRMED,
            code.ACCOUNT_EXISTS,
            code.ACCOUNT_NAME_INVALID,
            code.SETTING_INVALID,
            code.ENCRYPTION_REQUIRED,
            code.GUIDE_UNKNOWN,
        ),
        (never, status.DATA, "message-malformed"): (
            code.ADDRESS_MALFORMED,
            code.HEADER_MALFORMED,
            code.MESSAGE_MALFORMED,
            code.MESSAGE_LINE_TOO_LONG,
            code.TEMPLATE_INVALID,
            code.SMTPUTF8_NOT_OFFERED,
            code.EIGHT_BIT_NOT_OFFERED,
        ),
        (never, status.DATA, "secret"): (code.SECRET_EMPTY, code.SECRET_MALFORMED),
        (never, status.CONFIG, "secret"): (code.SECRET_COMMAND_FAILED,),
        (never, status.DATA, "certificate-invalid"): (code.CERTIFICATE_FILE_INVALID,),
        (never, status.NO_INPUT, "files"): (code.FILE_MISSING, code.FILE_UNREADABLE),
        (never, status.CANNOT_CREATE, "files"): (code.FILE_NOT_CREATED,),
        (never, status.IO, "files"): (code.FILE_NOT_WRITTEN, code.DISK_FULL),
        (never, status.CONFIG, "configuration"): (
            code.ACCOUNT_UNKNOWN,
            code.ACCOUNT_NONE,
            code.ACCOUNT_IMAP_NONE,
            code.ACCOUNT_CHANGED,
            code.CONFIG_INVALID,
            code.PRESET_INVALID,
            code.SERVERS_UNKNOWN,
            code.ENVIRONMENT_INVALID,
        ),
        (never, status.UNAVAILABLE, "configuration"): (
            code.PROVIDER_UNSUPPORTED,
            code.PRESETS_OUTDATED,
        ),
        (never, status.CONFIG, "vault"): (
            code.VAULT_LOCKED,
            code.VAULT_PASSPHRASE_WRONG,
            code.VAULT_KEY_WRONG,
            code.VAULT_NEWER,
            code.VAULT_UNSAFE,
            code.VAULT_NONE,
            code.VAULT_ROLLED_BACK,
            code.VAULT_SLOTS_UNAVAILABLE,
            code.EXPORT_NEWER,
            code.EXPORT_PASSPHRASE_WRONG,
        ),
        (never, status.USAGE, "vault"): (
            code.VAULT_SLOT_UNKNOWN,
            code.VAULT_SLOT_LAST,
            code.VAULT_SLOT_LIMIT,
        ),
        (never, status.DATA, "vault"): (
            code.VAULT_DAMAGED,
            code.RECOVERY_CODE_MALFORMED,
            code.EXPORT_DAMAGED,
        ),
        (later, status.TEMPORARY, "vault"): (code.VAULT_BUSY,),
        (never, status.CONFIG, "keyring"): (
            code.KEYRING_UNAVAILABLE,
            code.KEYRING_REFUSED,
            code.KEYRING_LOCKED,
            code.KEYRING_ENTRY_MISSING,
        ),
        (never, status.NO_HOST, "name-unknown"): (code.DNS_HOST_UNKNOWN,),
        (later, status.TEMPORARY, "name-unknown"): (code.DNS_UNAVAILABLE,),
        (later, status.TEMPORARY, "connection-refused"): (code.CONNECT_REFUSED,),
        (later, status.TEMPORARY, "bridge-not-running"): (code.BRIDGE_NOT_RUNNING,),
        (later, status.TEMPORARY, "timeout"): (
            code.CONNECT_TIMEOUT,
            code.CONNECT_UNREACHABLE,
            code.REPLY_TIMEOUT,
        ),
        (later, status.TEMPORARY, "server-error"): (
            code.CONNECTION_LOST,
            code.SERVER_FAULT,
            code.AUTH_UNAVAILABLE,
        ),
        (by_reply, status.UNAVAILABLE, "server-error"): (code.SERVER_GAVE_UP,),
        (never, status.PROTOCOL, "wrong-encryption"): (
            code.TLS_IMPLICIT_ON_STARTTLS_PORT,
            code.TLS_STARTTLS_ON_IMPLICIT_PORT,
            code.TLS_STARTTLS_NOT_OFFERED,
            code.TLS_PROTOCOL_TOO_OLD,
            code.TLS_HANDSHAKE_FAILED,
        ),
        (by_reply, status.PROTOCOL, "wrong-encryption"): (code.TLS_STARTTLS_REFUSED,),
        (later, status.TEMPORARY, "wrong-encryption"): (code.TLS_HANDSHAKE_CUT,),
        (never, status.PROTOCOL, "tls-required"): (code.TLS_REQUIRED,),
        (never, status.PROTOCOL, "certificate-invalid"): (
            code.TLS_CERTIFICATE_EXPIRED,
            code.TLS_CERTIFICATE_NOT_YET_VALID,
            code.TLS_CERTIFICATE_WRONG_HOST,
            code.TLS_CERTIFICATE_SELF_SIGNED,
            code.TLS_CERTIFICATE_UNKNOWN_ISSUER,
            code.TLS_CERTIFICATE_CHAIN_INCOMPLETE,
            code.TLS_CERTIFICATE_CHANGED,
            code.TLS_CERTIFICATE_INVALID,
            code.TLS_CERTIFICATE_EXPIRES_SOON,
        ),
        (never, status.PROTOCOL, "protocol-error"): (
            code.REPLY_MALFORMED,
            code.REPLY_TOO_LONG,
            code.UNEXPECTED_REPLY,
            code.UNEXPECTED_DATA,
            code.NOT_A_MAIL_SERVER,
        ),
        (by_reply, status.PROTOCOL, "protocol-error"): (code.COMMAND_REFUSED,),
        (by_reply, status.UNAVAILABLE, "other"): (code.REPLY_UNKNOWN,),
        (never, status.UNAVAILABLE, "policy-refused"): (code.SERVER_REFUSED,),
        (by_reply, status.UNAVAILABLE, "policy-refused"): (code.POLICY_REFUSED,),
        (by_reply, status.UNAVAILABLE, "ip-blocked"): (code.IP_BLOCKED,),
        (never, status.NO_PERMISSION, "auth-failed"): (
            code.AUTH_REJECTED,
            code.AUTH_REJECTED_MAYBE_BLOCKED,
            code.AUTH_REJECTED_MAYBE_REGION,
        ),
        (never, status.NO_PERMISSION, "app-password-required"): (code.AUTH_APP_PASSWORD_REQUIRED,),
        (never, status.NO_PERMISSION, "oauth-required"): (
            code.AUTH_OAUTH_REQUIRED,
            code.OAUTH_TOKEN_REJECTED,
        ),
        (never, status.NO_PERMISSION, "oauth-sign-in"): (
            code.OAUTH_TOKEN_EXPIRED,
            code.OAUTH_CONSENT_REQUIRED,
            code.OAUTH_ADMIN_APPROVAL_REQUIRED,
            code.OAUTH_CLIENT_REJECTED,
            code.OAUTH_SIGN_IN_FAILED,
        ),
        (never, status.CONFIG, "oauth-sign-in"): (code.OAUTH_ISSUER_INVALID,),
        (later, status.TEMPORARY, "oauth-sign-in"): (code.OAUTH_PROVIDER_FAILED,),
        (never, status.NO_PERMISSION, "smtp-auth-disabled"): (code.AUTH_SMTP_DISABLED,),
        (never, status.NO_PERMISSION, "imap-disabled"): (code.AUTH_IMAP_DISABLED,),
        (never, status.NO_PERMISSION, "account-blocked"): (code.AUTH_ACCOUNT_BLOCKED,),
        (never, status.NO_PERMISSION, "account-verification"): (code.AUTH_VERIFICATION_REQUIRED,),
        (never, status.NO_PERMISSION, "auth-mechanism"): (
            code.AUTH_MECHANISM_UNSUPPORTED,
            code.AUTH_NOT_OFFERED,
        ),
        (never, status.NO_PERMISSION, "auth-required"): (code.AUTH_REQUIRED,),
        (later, status.TEMPORARY, "too-many-logins"): (code.AUTH_TOO_MANY_LOGINS,),
        (by_reply, status.UNAVAILABLE, "sender-refused"): (code.SENDER_REFUSED,),
        (by_reply, status.UNAVAILABLE, "sender-domain-auth"): (code.SENDER_DOMAIN_AUTH,),
        (by_reply, status.NO_USER, "recipient-refused"): (code.RECIPIENT_REFUSED,),
        (by_reply, status.NO_USER, "relay-denied"): (code.RELAY_DENIED,),
        (by_reply, status.NO_USER, "mailbox-full"): (code.MAILBOX_FULL,),
        (never, status.NO_USER, "recipient-refused"): (code.RECIPIENT_BOUNCED,),
        (never, status.PARTIAL, "recipient-refused"): (code.RECIPIENTS_PARTLY_REFUSED,),
        (by_reply, status.UNAVAILABLE, "recipient-limit"): (code.RECIPIENT_LIMIT, code.RECIPIENT_BUSY),
        (later, status.TEMPORARY, "greylisted"): (code.GREYLISTED,),
        (later, status.TEMPORARY, "send-limit"): (code.LIMIT_REACHED,),
        (by_reply, status.UNAVAILABLE, "message-too-big"): (code.MESSAGE_TOO_BIG,),
        (by_reply, status.UNAVAILABLE, "content-refused"): (code.CONTENT_REFUSED,),
        (by_reply, status.UNAVAILABLE, "spam-refused"): (code.SPAM_REFUSED,),
        (never, status.IN_DOUBT, "in-doubt"): (code.OUTBOX_IN_DOUBT,),
        (never, status.USAGE, "outbox"): (code.OUTBOX_MESSAGE_UNKNOWN, code.OUTBOX_STATE_WRONG),
        (never, status.DATA, "outbox"): (code.OUTBOX_MESSAGE_DAMAGED, code.OUTBOX_KEY_USED),
        (never, status.UNAVAILABLE, "outbox"): (code.OUTBOX_EXPIRED,),
        (never, status.IO, "outbox"): (code.OUTBOX_DAMAGED, code.SENT_NOT_SAVED),
        (never, status.CONFIG, "outbox"): (code.OUTBOX_NEWER,),
        (later, status.TEMPORARY, "outbox"): (code.OUTBOX_BUSY,),
        (by_reply, status.UNAVAILABLE, "mailbox"): (code.MAILBOX_UNREADABLE,),
        (never, status.USAGE, "mailbox"): (code.INBOUND_REPLY_UNKNOWN,),
        (later, status.TEMPORARY, "arrival"): (code.ARRIVAL_NOT_SEEN,),
        (never, status.UNAVAILABLE, "sender-domain-auth"): (
            code.DOMAIN_SPF_NONE,
            code.DOMAIN_SPF_PROVIDER_MISSING,
            code.DOMAIN_SPF_TOO_MANY_LOOKUPS,
            code.DOMAIN_SPF_OPEN,
            code.DOMAIN_SPF_INVALID,
            code.DOMAIN_DKIM_NONE,
            code.DOMAIN_DKIM_INVALID,
            code.DOMAIN_DMARC_NONE,
            code.DOMAIN_DMARC_MONITORING,
            code.DOMAIN_DMARC_INVALID,
        ),
        (never, status.UNAVAILABLE, "receiving-domain"): (
            code.DOMAIN_MX_NONE,
            code.DOMAIN_MTA_STS_NONE,
            code.DOMAIN_MTA_STS_INVALID,
            code.DOMAIN_TLS_RPT_NONE,
            code.DOMAIN_TLS_RPT_INVALID,
            code.DOMAIN_DANE_NONE,
            code.DOMAIN_DANE_INVALID,
        ),
        (never, status.INTERRUPTED, "usage"): (code.INTERRUPTED,),
        (never, status.SOFTWARE, "bug"): (code.BUG,),
    }
    return MappingProxyType({each: Meaning(*row) for row, codes in table.items() for each in codes})


MEANINGS: Mapping[ProblemCode, Meaning] = _rows()

#: The sections of the guide, in the order of the codes.
TOPICS: tuple[str, ...] = tuple(dict.fromkeys(meaning.topic for meaning in MEANINGS.values()))
