"""The values that travel between the rooms: frozen, complete, without behaviour of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NoReturn

from fluenzr_smtp.problems import Facts, Problem, ProblemCode, ServerReply, Stage, no_facts


class Security(StrEnum):
    """How a connection is encrypted, in the words of mail programs.

    ``starttls`` is opportunistic in the protocol only: here it is required (RFC 3207, RFC 8314 §4.1).
    ``ssl`` is implicit TLS (RFC 8314 §3). ``none`` is for loopback alone.
    """

    STARTTLS = "starttls"
    IMPLICIT_TLS = "ssl"
    NONE = "none"


class Protocol(StrEnum):
    """What is talked to: one of an account's two servers, or the DNS about a domain."""

    SMTP = "smtp"
    IMAP = "imap"
    DNS = "dns"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """SHA-256 of a certificate in DER form: 64 lower-case hexadecimal digits."""

    sha256: str

    @classmethod
    def of(cls, der: bytes) -> Fingerprint:
        """Return the fingerprint of a certificate in DER form."""
        from hashlib import sha256  # costs a light command 4 ms

        return cls(sha256(der).hexdigest())

    def __str__(self) -> str:
        pairs = (self.sha256[at : at + 2] for at in range(0, len(self.sha256), 2))
        return ":".join(pairs).upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server to talk to. ``host`` is ASCII (A-labels, RFC 5890) or an IP address.

    ``pin`` replaces the check of chain and name; ``authority`` (PEM) replaces the system's store.
    """

    host: str
    port: int
    security: Security
    pin: Fingerprint | None = None
    authority: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class LimitUnit(StrEnum):
    """What a limit counts."""

    MESSAGES = "messages"
    RECIPIENTS = "recipients"
    RECIPIENTS_PER_MESSAGE = "recipients-per-message"
    MESSAGE_BYTES = "message-bytes"
    CONNECTIONS = "connections"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most ``count`` of ``unit`` in any window of ``per``; ``per`` is None where no time is meant."""

    unit: LimitUnit
    count: int
    source: str
    per: timedelta | None = None
    scope: str = ""


class UsernameRule(StrEnum):
    """How the login name follows from the address."""

    ADDRESS = "address"
    LOCAL_PART = "local-part"


class Need(StrEnum):
    """Whether the provider wants something: an app password, OAuth."""

    NO = "no"
    OPTIONAL = "optional"
    WITH_TWO_FACTOR = "with-two-factor"
    PREFERRED = "preferred"
    REQUIRED = "required"


_PASSWORD_TOPICS = frozenset({"auth-failed", "app-password-required"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A provider's record in the catalogue. Endpoints are in the order in which they should be tried.

    ``spf`` holds the names one of which an SPF record includes to admit the provider, the proposed one first;
    ``dkim`` the selectors that it signs with; ``pages`` the provider's own help for topics of the guide, as
    pairs of topic and address.
    """

    key: str
    name: str
    domains: tuple[str, ...]
    mx: tuple[str, ...]
    smtp: tuple[Endpoint, ...]
    imap: tuple[Endpoint, ...]
    username: UsernameRule
    app_password: Need
    app_password_page: str
    oauth: Need
    limits: tuple[Limit, ...]
    hint: str
    notes: tuple[str, ...]
    sources: tuple[str, ...]
    checked: date
    spf: tuple[str, ...] = ()
    dkim: tuple[str, ...] = ()
    pages: tuple[tuple[str, str], ...] = ()
    is_own: bool = False

    def page(self, topic: str) -> str:
        """Return the provider's own page for a topic of the guide, or an empty text."""
        pages = dict(self.pages)
        return pages.get(topic, self.app_password_page if topic in _PASSWORD_TOPICS else "")


class Secret:
    """A secret text that does not show itself: not in ``repr``, not in ``str``, not in a pickle."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text. Called where it goes on the wire or into the vault, nowhere else."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A mailbox that mail is sent from. ``username`` is None where the server wants no login."""

    name: str
    address: str
    smtp: Endpoint
    username: str | None
    display_name: str = ""
    imap: Endpoint | None = None
    imap_username: str | None = None
    preset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAccount:
    """An account with its secret, as the vault keeps them. Times are aware UTC."""

    account: Account
    secret: Secret | None
    created: datetime
    secret_changed: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """An address with the name people see. ``address`` is ``local-part@domain``."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file to attach. ``media_type`` is ``type/subtype``; empty: guessed from the name."""

    filename: str
    content: bytes = field(repr=False)
    media_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a person asked to be sent."""

    sender: Mailbox
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    subject: str = ""
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    reply_to: tuple[Mailbox, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who the server is told about (RFC 5321 §2.3.1): never confused with the header."""

    mail_from: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A message ready for the wire: CRLF line ends, not dot-stuffed; the bytes never change again."""

    envelope: Envelope
    message_id: str
    content: bytes = field(repr=False)
    needs_smtputf8: bool = False
    needs_eight_bit: bool = False


class Outcome(StrEnum):
    """What became of a recipient. Accepted is not delivered: the server took the message over."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    IN_DOUBT = "in-doubt"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientOutcome:
    """One recipient's outcome with the server's own words."""

    recipient: str
    outcome: Outcome
    reply: ServerReply | None = None
    problem: Problem | None = None

    @classmethod
    def failed(cls, recipient: str, problem: Problem) -> RecipientOutcome:
        """Return the outcome of a recipient for whom a problem ended the attempt."""
        if problem.code is ProblemCode.OUTBOX_IN_DOUBT:
            outcome = Outcome.IN_DOUBT
        else:
            outcome = Outcome.DEFERRED if problem.is_transient else Outcome.REJECTED
        return cls(recipient=recipient, outcome=outcome, reply=problem.reply, problem=problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a diagnosis is about: servers, with or without an account at them.

    ``name`` is what a person called it by. Without ``address`` no sender and no recipient are named; without
    ``username`` nobody logs in. ``account`` is the name under which the vault has it, or empty.
    """

    name: str
    smtp: Endpoint | None = None
    imap: Endpoint | None = None
    address: str = ""
    username: str | None = None
    imap_username: str | None = None
    preset: str | None = None
    account: str = ""

    @classmethod
    def of(cls, account: Account) -> Target:
        """Return an account as the target of a diagnosis."""
        return cls(
            name=account.name,
            smtp=account.smtp,
            imap=account.imap,
            address=account.address,
            username=account.username,
            imap_username=account.imap_username,
            preset=account.preset,
            account=account.name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """Another way to reach a server that the guide tells a person to try. ``username`` None: as it was."""

    protocol: Protocol
    endpoint: Endpoint
    username: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of a diagnosis: a stage that held, or the problem in which it ended.

    ``endpoint`` is None where a domain is looked at, not a server. An advisory check's problem is worth
    knowing, but mail goes all the same. ``remedy`` is the other way that was tried in this check, if any.
    """

    protocol: Protocol
    stage: Stage
    elapsed: timedelta
    endpoint: Endpoint | None = None
    domain: str = ""
    facts: Facts = field(default_factory=no_facts, hash=False)
    problem: Problem | None = None
    is_advisory: bool = False
    remedy: Remedy | None = None

    @property
    def ok(self) -> bool:
        """Say whether the stage held."""
        return self.problem is None

    @property
    def is_failure(self) -> bool:
        """Say whether mail does not go because of this."""
        return self.problem is not None and not self.is_advisory


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Where time comes from; tests bring their own. ``monotonic`` and ``sleep`` count seconds."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
