"""What can go wrong: the stages, the problem codes and what each code means to a script.

A problem is an identifier and facts; sentences for people live in ``messages``. Codes are public:
new ones are added, none is renamed. This room imports nothing of the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from fluenzr_smtp.problems.codes import ExitStatus, ProblemCode, Stage
from fluenzr_smtp.problems.meanings import MEANINGS, TOPICS, Meaning, Retry

__all__ = [
    "MEANINGS",
    "TOPICS",
    "ExitStatus",
    "FactValue",
    "Facts",
    "Meaning",
    "Problem",
    "ProblemCode",
    "Retry",
    "ServerReply",
    "Stage",
    "no_facts",
]

FactValue = str | int | float | bool | None | tuple[str, ...]
Facts = Mapping[str, FactValue]


def no_facts() -> Facts:
    """Return an empty mapping that stays empty."""
    return MappingProxyType({})


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
        """Say whether the class is 4yz (RFC 5321 §4.2.1), or 4.x.x where no code is known (RFC 3463 §2)."""
        if self.code is None:
            return (self.enhanced or "").startswith("4.")
        return self.code // 100 == 4


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
