"""The lines of a diagnosis and what it is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from fluenzr_smtp.model.accounts import Account
from fluenzr_smtp.model.servers import Endpoint, Protocol
from fluenzr_smtp.problems import Facts, Problem, Stage, no_facts


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
