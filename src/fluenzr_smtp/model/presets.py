"""The records of the provider catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from fluenzr_smtp.model.servers import Endpoint


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
    """How the login name follows from the address.

    ``given`` is one that the provider hands out, so that it has to be asked for; ``fixed`` is the same word
    for everybody; with ``none`` nobody logs in.
    """

    ADDRESS = "address"
    LOCAL_PART = "local-part"
    GIVEN = "given"
    FIXED = "fixed"
    NONE = "none"


class Need(StrEnum):
    """Whether the provider wants something: an app password, OAuth. ``unknown``: no source tells."""

    UNKNOWN = "unknown"
    NO = "no"
    OPTIONAL = "optional"
    WITH_TWO_FACTOR = "with-two-factor"
    PREFERRED = "preferred"
    REQUIRED = "required"


class Form(StrEnum):
    """What may stand in place of a placeholder: digits, one label of a host name, or a whole host name."""

    NUMBER = "number"
    LABEL = "label"
    HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """A part of a host name that differs from account to account.

    ``{name}`` stands for it in the hosts of a preset. ``asks`` says what is wanted and where it is found,
    ``example`` is a value, ``known`` are the usual ones, which need not be all.
    """

    name: str
    asks: str
    form: Form
    example: str
    known: tuple[str, ...] = ()


_PASSWORD_TOPICS = frozenset({"auth-failed", "app-password-required"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A provider's record in the catalogue. Endpoints are in the order in which they should be tried.

    ``spf`` holds the names one of which an SPF record includes to admit the provider, the proposed one first;
    ``dkim`` the selectors that it signs with; ``pages`` the provider's own help for topics of the guide, as
    pairs of topic and address; ``saves_sent`` tells that the provider itself files what it takes among
    the sent mail. ``countries`` are codes of ISO 3166-1 (alpha-2), none for a provider of the whole world.

    ``username_value`` is the word of a fixed user name; ``imap_username`` the rule for IMAP where it is
    another one. Hosts may hold ``{name}`` of a placeholder, and ``{domain}`` for the domain of the address.
    A provider with which no mail program can work has no endpoints, and ``unsupported`` says why.
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
    saves_sent: bool = False
    is_own: bool = False
    countries: tuple[str, ...] = ()
    username_value: str = ""
    imap_username: UsernameRule | None = None
    placeholders: tuple[Placeholder, ...] = ()
    unsupported: str = ""

    def page(self, topic: str) -> str:
        """Return the provider's own page for a topic of the guide, or an empty text."""
        pages = dict(self.pages)
        return pages.get(topic, self.app_password_page if topic in _PASSWORD_TOPICS else "")
