"""What discovery speaks of: where settings came from, what was proposed, what came of trying it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fluenzr_smtp.model import Endpoint, Preset, UsernameRule
from fluenzr_smtp.problems import Problem


class Origin(StrEnum):
    """Where settings came from, in the order in which they are looked for."""

    CATALOGUE = "catalogue"
    MX = "mx"
    SRV = "srv"
    AUTOCONFIG = "autoconfig"
    NAMES = "names"


class Verdict(StrEnum):
    """What is to be thought of a candidate.

    ``recommended`` is the one that ``account add`` uses, ``possible`` another one that works. ``to-confirm``
    works, but its host belongs neither to the address's own domain nor to the catalogue. ``incomplete``
    lacks a part of its host name that only the provider tells, ``choice`` is one of several products of a
    provider. ``unchecked`` was not tried, ``failed`` does not work, ``unsupported`` never will.
    """

    RECOMMENDED = "recommended"
    POSSIBLE = "possible"
    CHOICE = "choice"
    TO_CONFIRM = "to-confirm"
    INCOMPLETE = "incomplete"
    UNCHECKED = "unchecked"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Settings as an origin gives them, not tried yet.

    ``source`` is what told them: a domain, an MX host, a record's name, an address on the web.
    ``is_trusted`` says that a password may go there without asking: the host is of the address's own domain
    or of the catalogue, or a validated record names it. ``is_ordered``: the servers come in the order that
    their owner prefers.
    """

    origin: Origin
    source: str
    preset: Preset | None = None
    smtp: tuple[Endpoint, ...] = ()
    imap: tuple[Endpoint, ...] = ()
    username: UsernameRule = UsernameRule.ADDRESS
    username_value: str = ""
    wants_oauth: bool = False
    is_trusted: bool = False
    is_ordered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server of a candidate.

    ``is_verified``: it answered, and its certificate holds for its name; None: it was not tried. ``seconds``
    is how long the way to its capabilities took; of these ``mechanisms`` are the SASL mechanisms, and
    ``limit_bytes`` is the largest message that it takes (RFC 1870).
    """

    endpoint: Endpoint
    is_verified: bool | None = None
    seconds: float | None = None
    mechanisms: tuple[str, ...] = ()
    limit_bytes: int | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A proposal with the best of its servers, and what is to be thought of it."""

    proposal: Proposal
    smtp: Server | None
    imap: Server | None
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One origin was asked. ``found`` are its proposals; ``fault`` says why there are none.

    ``fault`` is a fixed word: ``nothing``, ``no-answer``, ``domain-unknown``, ``refused`` (the records say
    that the service is not offered), or one of ``AutoconfigFault``; ``detail`` has the rest.
    """

    origin: Origin
    found: tuple[Proposal, ...] = ()
    seconds: float = 0.0
    fault: str = ""
    detail: str = ""
