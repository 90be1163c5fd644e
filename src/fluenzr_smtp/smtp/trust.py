"""Whether a server can do what it announces: what was seen of it before, and who it says it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Skill, Skills, Submission
from fluenzr_smtp.problems import Problem, ServerReply

# Greetings of servers that are known to do as they announce: for them the first message need not be careful.
_SOUND = re.compile(
    r"\bESMTP (?:Postfix|Exim|Sendmail|gsmtp|OpenSMTPD|Haraka)\b|\bgsmtp\b|Microsoft ESMTP MAIL Service",
    re.IGNORECASE,
)
# What servers say to a command that they do not know or cannot place (RFC 5321 §4.2.3).
_NOT_UNDERSTOOD = frozenset({500, 501, 502, 503, 504, 555})


class PromiseBrokenError(FluenzrError):
    """The server announces an extension and fails in it. Nothing of ``unsent`` can have been accepted."""

    def __init__(self, problem: Problem, *, skill: Skill, unsent: tuple[Submission, ...]) -> None:
        super().__init__(problem)
        self.skill = skill
        self.unsent = unsent


def usable(announced: Mapping[str, str], skills: Skills) -> frozenset[Skill]:
    """Return the extensions that are announced and not known to be broken.

    CHUNKING is used only together with PIPELINING: alone it saves nothing.
    """
    found = {each for each in Skill if each.value in announced and each not in skills.broken}
    return frozenset(found if Skill.PIPELINING in found else ())


def is_trusted(greeting: str, skills: Skills, used: frozenset[Skill]) -> bool:
    """Say whether a body may go in one flight with its envelope, before a single answer is read."""
    return used <= skills.proven or _SOUND.search(greeting) is not None


def is_not_understood(reply: ServerReply) -> bool:
    """Say whether a reply means that the server did not know or could not place a command."""
    return reply.code in _NOT_UNDERSTOOD
