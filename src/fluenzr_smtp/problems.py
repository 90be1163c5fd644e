"""What can go wrong: the stages, the problem codes and what each code means to a script.

A problem is an identifier and facts; sentences for people live in ``messages``. Codes are public:
new ones are added, none is renamed. This module imports nothing from the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType

FactValue = str | int | float | bool | None | tuple[str, ...]
Facts = Mapping[str, FactValue]


def no_facts() -> Facts:
    """Return an empty mapping that stays empty."""
    return MappingProxyType({})


class Stage(StrEnum):
    """Where on the way a problem arose."""

    USAGE = "usage"
    INPUT = "input"
    CONFIGURATION = "configuration"
    VAULT = "vault"
    KEYRING = "keyring"
    OUTPUT = "output"
    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    GREETING = "greeting"
    CAPABILITIES = "capabilities"
    AUTH = "auth"
    SENDER = "sender"
    RECIPIENT = "recipient"
    MESSAGE = "message"
    MAILBOX = "mailbox"
    ARRIVAL = "arrival"
    INTERNAL = "internal"


class ExitStatus(IntEnum):
    """Exit statuses: sysexits.h as sendmail and msmtp use it, and two beyond its range (80, 81)."""

    OK = 0
    USAGE = 64
    DATA = 65
    NO_INPUT = 66
    NO_USER = 67
    NO_HOST = 68
    UNAVAILABLE = 69
    SOFTWARE = 70
    CANNOT_CREATE = 73
    IO = 74
    TEMPORARY = 75
    PROTOCOL = 76
    NO_PERMISSION = 77
    CONFIG = 78
    PARTIAL = 80
    IN_DOUBT = 81
    INTERRUPTED = 130


class ProblemCode(StrEnum):
    """Every problem the program can name. Public and stable."""

    USAGE_INVALID = "usage-invalid"
    INPUT_REQUIRED = "input-required"
    EXTRA_MISSING = "extra-missing"
    PRESET_UNKNOWN = "preset-unknown"
    ACCOUNT_EXISTS = "account-exists"
    ACCOUNT_NAME_INVALID = "account-name-invalid"
    SETTING_INVALID = "setting-invalid"
    ENCRYPTION_REQUIRED = "encryption-required"

    ADDRESS_MALFORMED = "address-malformed"
    HEADER_MALFORMED = "header-malformed"
    MESSAGE_MALFORMED = "message-malformed"
    MESSAGE_LINE_TOO_LONG = "message-line-too-long"
    SECRET_EMPTY = "secret-empty"  # noqa: S105 - a code, not a secret
    SECRET_MALFORMED = "secret-malformed"  # noqa: S105
    SECRET_COMMAND_FAILED = "secret-command-failed"  # noqa: S105
    CERTIFICATE_FILE_INVALID = "certificate-file-invalid"
    RECOVERY_CODE_MALFORMED = "recovery-code-malformed"
    EXPORT_DAMAGED = "export-damaged"
    FILE_MISSING = "file-missing"
    FILE_UNREADABLE = "file-unreadable"
    SMTPUTF8_NOT_OFFERED = "smtputf8-not-offered"
    EIGHT_BIT_NOT_OFFERED = "eight-bit-not-offered"

    FILE_NOT_CREATED = "file-not-created"
    FILE_NOT_WRITTEN = "file-not-written"
    DISK_FULL = "disk-full"

    ACCOUNT_UNKNOWN = "account-unknown"
    ACCOUNT_NONE = "account-none"
    ACCOUNT_IMAP_NONE = "account-imap-none"
    CONFIG_INVALID = "config-invalid"
    PRESET_INVALID = "preset-invalid"
    ENVIRONMENT_INVALID = "environment-invalid"

    VAULT_LOCKED = "vault-locked"
    VAULT_PASSPHRASE_WRONG = "vault-passphrase-wrong"  # noqa: S105
    VAULT_KEY_WRONG = "vault-key-wrong"
    VAULT_DAMAGED = "vault-damaged"
    VAULT_NEWER = "vault-newer"
    VAULT_UNSAFE = "vault-unsafe"
    VAULT_BUSY = "vault-busy"
    VAULT_NONE = "vault-none"
    VAULT_ROLLED_BACK = "vault-rolled-back"
    VAULT_SLOT_UNKNOWN = "vault-slot-unknown"
    VAULT_SLOT_LAST = "vault-slot-last"
    VAULT_SLOT_LIMIT = "vault-slot-limit"
    VAULT_SLOTS_UNAVAILABLE = "vault-slots-unavailable"
    EXPORT_NEWER = "export-newer"
    EXPORT_PASSPHRASE_WRONG = "export-passphrase-wrong"  # noqa: S105
    KEYRING_UNAVAILABLE = "keyring-unavailable"
    KEYRING_REFUSED = "keyring-refused"
    KEYRING_LOCKED = "keyring-locked"
    KEYRING_ENTRY_MISSING = "keyring-entry-missing"

    DNS_HOST_UNKNOWN = "dns-host-unknown"
    DNS_UNAVAILABLE = "dns-unavailable"
    CONNECT_REFUSED = "connect-refused"
    CONNECT_TIMEOUT = "connect-timeout"
    CONNECT_UNREACHABLE = "connect-unreachable"
    CONNECTION_LOST = "connection-lost"
    REPLY_TIMEOUT = "reply-timeout"

    TLS_IMPLICIT_ON_STARTTLS_PORT = "tls-implicit-on-starttls-port"
    TLS_STARTTLS_ON_IMPLICIT_PORT = "tls-starttls-on-implicit-port"
    TLS_STARTTLS_NOT_OFFERED = "tls-starttls-not-offered"
    TLS_STARTTLS_REFUSED = "tls-starttls-refused"
    TLS_CERTIFICATE_EXPIRED = "tls-certificate-expired"
    TLS_CERTIFICATE_NOT_YET_VALID = "tls-certificate-not-yet-valid"
    TLS_CERTIFICATE_WRONG_HOST = "tls-certificate-wrong-host"
    TLS_CERTIFICATE_SELF_SIGNED = "tls-certificate-self-signed"
    TLS_CERTIFICATE_UNKNOWN_ISSUER = "tls-certificate-unknown-issuer"
    TLS_CERTIFICATE_CHANGED = "tls-certificate-changed"
    TLS_CERTIFICATE_INVALID = "tls-certificate-invalid"
    TLS_PROTOCOL_TOO_OLD = "tls-protocol-too-old"
    TLS_HANDSHAKE_FAILED = "tls-handshake-failed"
    TLS_REQUIRED = "tls-required"

    REPLY_MALFORMED = "reply-malformed"
    REPLY_TOO_LONG = "reply-too-long"
    UNEXPECTED_REPLY = "unexpected-reply"
    UNEXPECTED_DATA = "unexpected-data"
    NOT_A_MAIL_SERVER = "not-a-mail-server"

    SERVER_FAULT = "server-fault"
    SERVER_REFUSED = "server-refused"
    IP_BLOCKED = "ip-blocked"
    POLICY_REFUSED = "policy-refused"

    AUTH_REJECTED = "auth-rejected"
    AUTH_APP_PASSWORD_REQUIRED = "auth-app-password-required"  # noqa: S105
    AUTH_OAUTH_REQUIRED = "auth-oauth-required"
    AUTH_SMTP_DISABLED = "auth-smtp-disabled"
    AUTH_IMAP_DISABLED = "auth-imap-disabled"
    AUTH_ACCOUNT_BLOCKED = "auth-account-blocked"
    AUTH_VERIFICATION_REQUIRED = "auth-verification-required"
    AUTH_MECHANISM_UNSUPPORTED = "auth-mechanism-unsupported"
    AUTH_NOT_OFFERED = "auth-not-offered"
    AUTH_REQUIRED = "auth-required"
    AUTH_UNAVAILABLE = "auth-unavailable"
    AUTH_TOO_MANY_LOGINS = "auth-too-many-logins"

    SENDER_REFUSED = "sender-refused"
    SENDER_DOMAIN_AUTH = "sender-domain-auth"
    RECIPIENT_REFUSED = "recipient-refused"
    RECIPIENT_LIMIT = "recipient-limit"
    RECIPIENTS_PARTLY_REFUSED = "recipients-partly-refused"
    RELAY_DENIED = "relay-denied"
    MAILBOX_FULL = "mailbox-full"
    GREYLISTED = "greylisted"
    LIMIT_REACHED = "limit-reached"
    MESSAGE_TOO_BIG = "message-too-big"
    CONTENT_REFUSED = "content-refused"
    SPAM_REFUSED = "spam-refused"
    OUTBOX_IN_DOUBT = "outbox-in-doubt"

    MAILBOX_UNREADABLE = "mailbox-unreadable"
    ARRIVAL_NOT_SEEN = "arrival-not-seen"

    INTERRUPTED = "interrupted"
    BUG = "bug"


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
            code.ACCOUNT_EXISTS,
            code.ACCOUNT_NAME_INVALID,
            code.SETTING_INVALID,
            code.ENCRYPTION_REQUIRED,
        ),
        (never, status.DATA, "message-malformed"): (
            code.ADDRESS_MALFORMED,
            code.HEADER_MALFORMED,
            code.MESSAGE_MALFORMED,
            code.MESSAGE_LINE_TOO_LONG,
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
            code.CONFIG_INVALID,
            code.PRESET_INVALID,
            code.ENVIRONMENT_INVALID,
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
        (never, status.PROTOCOL, "wrong-encryption"): (
            code.TLS_IMPLICIT_ON_STARTTLS_PORT,
            code.TLS_STARTTLS_ON_IMPLICIT_PORT,
            code.TLS_STARTTLS_NOT_OFFERED,
            code.TLS_PROTOCOL_TOO_OLD,
            code.TLS_HANDSHAKE_FAILED,
        ),
        (by_reply, status.PROTOCOL, "wrong-encryption"): (code.TLS_STARTTLS_REFUSED,),
        (never, status.PROTOCOL, "tls-required"): (code.TLS_REQUIRED,),
        (never, status.PROTOCOL, "certificate-invalid"): (
            code.TLS_CERTIFICATE_EXPIRED,
            code.TLS_CERTIFICATE_NOT_YET_VALID,
            code.TLS_CERTIFICATE_WRONG_HOST,
            code.TLS_CERTIFICATE_SELF_SIGNED,
            code.TLS_CERTIFICATE_UNKNOWN_ISSUER,
            code.TLS_CERTIFICATE_CHANGED,
            code.TLS_CERTIFICATE_INVALID,
        ),
        (never, status.PROTOCOL, "protocol-error"): (
            code.REPLY_MALFORMED,
            code.REPLY_TOO_LONG,
            code.UNEXPECTED_REPLY,
            code.UNEXPECTED_DATA,
            code.NOT_A_MAIL_SERVER,
        ),
        (never, status.UNAVAILABLE, "policy-refused"): (code.SERVER_REFUSED,),
        (by_reply, status.UNAVAILABLE, "policy-refused"): (code.POLICY_REFUSED,),
        (by_reply, status.UNAVAILABLE, "ip-blocked"): (code.IP_BLOCKED,),
        (never, status.NO_PERMISSION, "auth-failed"): (code.AUTH_REJECTED,),
        (never, status.NO_PERMISSION, "app-password-required"): (code.AUTH_APP_PASSWORD_REQUIRED,),
        (never, status.NO_PERMISSION, "oauth-required"): (code.AUTH_OAUTH_REQUIRED,),
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
        (never, status.PARTIAL, "recipient-refused"): (code.RECIPIENTS_PARTLY_REFUSED,),
        (by_reply, status.UNAVAILABLE, "recipient-limit"): (code.RECIPIENT_LIMIT,),
        (later, status.TEMPORARY, "greylisted"): (code.GREYLISTED,),
        (later, status.TEMPORARY, "send-limit"): (code.LIMIT_REACHED,),
        (by_reply, status.UNAVAILABLE, "message-too-big"): (code.MESSAGE_TOO_BIG,),
        (by_reply, status.UNAVAILABLE, "content-refused"): (code.CONTENT_REFUSED,),
        (by_reply, status.UNAVAILABLE, "spam-refused"): (code.SPAM_REFUSED,),
        (never, status.IN_DOUBT, "in-doubt"): (code.OUTBOX_IN_DOUBT,),
        (by_reply, status.UNAVAILABLE, "mailbox"): (code.MAILBOX_UNREADABLE,),
        (later, status.TEMPORARY, "arrival"): (code.ARRIVAL_NOT_SEEN,),
        (never, status.INTERRUPTED, "usage"): (code.INTERRUPTED,),
        (never, status.SOFTWARE, "bug"): (code.BUG,),
    }
    return MappingProxyType({each: Meaning(*row) for row, codes in table.items() for each in codes})


MEANINGS: Mapping[ProblemCode, Meaning] = _rows()


@dataclass(frozen=True, slots=True)
class ServerReply:
    """A server's complete reply.

    ``code`` is the three-digit SMTP reply code (RFC 5321 §4.2) or None for an IMAP answer; ``enhanced``
    the status code ``class.subject.detail`` (RFC 3463) or None; ``text`` the lines without both, joined
    by a newline, as received: it is not safe to print.
    """

    code: int | None
    enhanced: str | None
    text: str

    @property
    def is_transient(self) -> bool:
        """Say whether the reply code is of the class 4yz (RFC 5321 §4.2.1)."""
        return self.code is not None and self.code // 100 == 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that went wrong: errors carry it, checks hold it, JSON shows it.

    ``facts`` fill the sentences of the catalogue (``host``, ``account`` …). No fact is ever a secret.
    """

    code: ProblemCode
    stage: Stage
    reply: ServerReply | None = None
    facts: Facts = field(default_factory=no_facts, hash=False)

    @property
    def is_transient(self) -> bool:
        """Say whether trying again later is right and safe."""
        retry = MEANINGS[self.code].retry
        if retry is Retry.BY_REPLY:
            return self.reply is not None and self.reply.is_transient
        return retry is Retry.LATER

    @property
    def exit_status(self) -> ExitStatus:
        """Return the exit status of a run that ends in this problem."""
        return ExitStatus.TEMPORARY if self.is_transient else MEANINGS[self.code].exit_status

    @property
    def topic(self) -> str:
        """Return the section of the guide that explains this problem."""
        return MEANINGS[self.code].topic

    def with_facts(self, **facts: FactValue) -> Problem:
        """Return the same problem knowing more; what it already knows is kept."""
        merged = MappingProxyType({**facts, **self.facts})
        return Problem(code=self.code, stage=self.stage, reply=self.reply, facts=merged)
