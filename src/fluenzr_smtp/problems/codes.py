"""The stages, the problem codes and the exit statuses. All are public: some are added, none is renamed."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Stage(StrEnum):
    """Where on the way a problem arose."""

    USAGE = "usage"
    INPUT = "input"
    CONFIGURATION = "configuration"
    VAULT = "vault"
    KEYRING = "keyring"
    OUTPUT = "output"
    OUTBOX = "outbox"
    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    GREETING = "greeting"
    CAPABILITIES = "capabilities"
    OAUTH = "oauth"
    AUTH = "auth"
    SENDER = "sender"
    RECIPIENT = "recipient"
    MESSAGE = "message"
    MAILBOX = "mailbox"
    ARRIVAL = "arrival"
    SIZE = "size"
    IDLE = "idle"
    MX = "mx"
    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    MTA_STS = "mta-sts"
    TLS_RPT = "tls-rpt"
    DANE = "dane"
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
    PRESET_EXISTS = "preset-exists"
    SERVER_UNCONFIRMED = "server-unconfirmed"
    ACCOUNT_EXISTS = "account-exists"
    ACCOUNT_NAME_INVALID = "account-name-invalid"
    SETTING_INVALID = "setting-invalid"
    ENCRYPTION_REQUIRED = "encryption-required"
    GUIDE_UNKNOWN = "guide-unknown"

    ADDRESS_MALFORMED = "address-malformed"
    HEADER_MALFORMED = "header-malformed"
    MESSAGE_MALFORMED = "message-malformed"
    MESSAGE_LINE_TOO_LONG = "message-line-too-long"
    TEMPLATE_INVALID = "template-invalid"
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
    ACCOUNT_CHANGED = "account-changed"
    CONFIG_INVALID = "config-invalid"
    PRESET_INVALID = "preset-invalid"
    PROVIDER_UNSUPPORTED = "provider-unsupported"
    PRESETS_OUTDATED = "presets-outdated"
    SERVERS_UNKNOWN = "servers-unknown"
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
    BRIDGE_NOT_RUNNING = "bridge-not-running"
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
    TLS_CERTIFICATE_CHAIN_INCOMPLETE = "tls-certificate-chain-incomplete"
    TLS_CERTIFICATE_CHANGED = "tls-certificate-changed"
    TLS_CERTIFICATE_INVALID = "tls-certificate-invalid"
    TLS_CERTIFICATE_EXPIRES_SOON = "tls-certificate-expires-soon"
    TLS_PROTOCOL_TOO_OLD = "tls-protocol-too-old"
    TLS_HANDSHAKE_FAILED = "tls-handshake-failed"
    TLS_HANDSHAKE_CUT = "tls-handshake-cut"
    TLS_REQUIRED = "tls-required"

    REPLY_MALFORMED = "reply-malformed"
    REPLY_TOO_LONG = "reply-too-long"
    UNEXPECTED_REPLY = "unexpected-reply"
    COMMAND_REFUSED = "command-refused"
    REPLY_UNKNOWN = "reply-unknown"
    UNEXPECTED_DATA = "unexpected-data"
    NOT_A_MAIL_SERVER = "not-a-mail-server"

    SERVER_FAULT = "server-fault"
    SERVER_GAVE_UP = "server-gave-up"
    SERVER_REFUSED = "server-refused"
    IP_BLOCKED = "ip-blocked"
    POLICY_REFUSED = "policy-refused"

    AUTH_REJECTED = "auth-rejected"
    AUTH_REJECTED_MAYBE_BLOCKED = "auth-rejected-maybe-blocked"
    AUTH_REJECTED_MAYBE_REGION = "auth-rejected-maybe-region"
    AUTH_APP_PASSWORD_REQUIRED = "auth-app-password-required"  # noqa: S105
    AUTH_OAUTH_REQUIRED = "auth-oauth-required"
    AUTH_SMTP_DISABLED = "auth-smtp-disabled"
    AUTH_IMAP_DISABLED = "auth-imap-disabled"
    AUTH_ACCOUNT_BLOCKED = "auth-account-blocked"
    AUTH_VERIFICATION_REQUIRED = "auth-verification-required"
    AUTH_MECHANISM_UNSUPPORTED = "auth-mechanism-unsupported"
    AUTH_NOT_OFFERED = "auth-not-offered"
    AUTH_REQUIRED = "auth-required"
    OAUTH_TOKEN_REJECTED = "oauth-token-rejected"  # noqa: S105
    OAUTH_TOKEN_EXPIRED = "oauth-token-expired"  # noqa: S105
    OAUTH_CONSENT_REQUIRED = "oauth-consent-required"
    OAUTH_ADMIN_APPROVAL_REQUIRED = "oauth-admin-approval-required"
    OAUTH_CLIENT_REJECTED = "oauth-client-rejected"
    OAUTH_SIGN_IN_FAILED = "oauth-sign-in-failed"
    OAUTH_PROVIDER_FAILED = "oauth-provider-failed"
    OAUTH_ISSUER_INVALID = "oauth-issuer-invalid"
    AUTH_UNAVAILABLE = "auth-unavailable"
    AUTH_TOO_MANY_LOGINS = "auth-too-many-logins"

    SENDER_REFUSED = "sender-refused"
    SENDER_DOMAIN_AUTH = "sender-domain-auth"
    RECIPIENT_REFUSED = "recipient-refused"
    RECIPIENT_BOUNCED = "recipient-bounced"
    RECIPIENT_LIMIT = "recipient-limit"
    RECIPIENT_BUSY = "recipient-busy"
    RECIPIENTS_PARTLY_REFUSED = "recipients-partly-refused"
    RELAY_DENIED = "relay-denied"
    MAILBOX_FULL = "mailbox-full"
    GREYLISTED = "greylisted"
    LIMIT_REACHED = "limit-reached"
    MESSAGE_TOO_BIG = "message-too-big"
    CONTENT_REFUSED = "content-refused"
    SPAM_REFUSED = "spam-refused"
    OUTBOX_IN_DOUBT = "outbox-in-doubt"
    OUTBOX_EXPIRED = "outbox-expired"
    OUTBOX_MESSAGE_DAMAGED = "outbox-message-damaged"
    OUTBOX_MESSAGE_UNKNOWN = "outbox-message-unknown"
    OUTBOX_STATE_WRONG = "outbox-state-wrong"
    OUTBOX_KEY_USED = "outbox-key-used"
    OUTBOX_BUSY = "outbox-busy"
    OUTBOX_DAMAGED = "outbox-damaged"
    OUTBOX_NEWER = "outbox-newer"
    SENT_NOT_SAVED = "sent-not-saved"

    MAILBOX_UNREADABLE = "mailbox-unreadable"
    INBOUND_REPLY_UNKNOWN = "inbound-reply-unknown"
    ARRIVAL_NOT_SEEN = "arrival-not-seen"

    DOMAIN_MX_NONE = "domain-mx-none"
    DOMAIN_SPF_NONE = "domain-spf-none"
    DOMAIN_SPF_PROVIDER_MISSING = "domain-spf-provider-missing"
    DOMAIN_SPF_TOO_MANY_LOOKUPS = "domain-spf-too-many-lookups"
    DOMAIN_SPF_OPEN = "domain-spf-open"
    DOMAIN_SPF_INVALID = "domain-spf-invalid"
    DOMAIN_DKIM_NONE = "domain-dkim-none"
    DOMAIN_DKIM_INVALID = "domain-dkim-invalid"
    DOMAIN_DMARC_NONE = "domain-dmarc-none"
    DOMAIN_DMARC_MONITORING = "domain-dmarc-monitoring"
    DOMAIN_DMARC_INVALID = "domain-dmarc-invalid"
    DOMAIN_MTA_STS_NONE = "domain-mta-sts-none"
    DOMAIN_MTA_STS_INVALID = "domain-mta-sts-invalid"
    DOMAIN_TLS_RPT_NONE = "domain-tls-rpt-none"
    DOMAIN_TLS_RPT_INVALID = "domain-tls-rpt-invalid"
    DOMAIN_DANE_NONE = "domain-dane-none"
    DOMAIN_DANE_INVALID = "domain-dane-invalid"

    INTERRUPTED = "interrupted"
    BUG = "bug"
