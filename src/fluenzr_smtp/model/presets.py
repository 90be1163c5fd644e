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
    pairs of topic and address; ``saves_sent`` tells that the provider itself files what it takes among
    the sent mail.
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

    def page(self, topic: str) -> str:
        """Return the provider's own page for a topic of the guide, or an empty text."""
        pages = dict(self.pages)
        return pages.get(topic, self.app_password_page if topic in _PASSWORD_TOPICS else "")
