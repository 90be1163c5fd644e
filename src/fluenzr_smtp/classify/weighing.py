"""Weigh the evidence of a reply: words, enhanced code, code. Pure and total; all knowledge is in rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from fluenzr_smtp.classify.codes import ENHANCED, REPLIES
from fluenzr_smtp.classify.evidence import WORD, TextRow, links_of, reply_class, words_of
from fluenzr_smtp.classify.providers import BRIDGE, doubted, known_as, rows_of
from fluenzr_smtp.classify.texts import LINKS, REFUSALS, TEXTS
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage

# NO and BAD of an IMAP server in their stage.
_WORDS: Mapping[Stage, ProblemCode] = MappingProxyType(
    {
        Stage.CONNECT: ProblemCode.SERVER_FAULT,
        Stage.GREETING: ProblemCode.SERVER_FAULT,
        Stage.TLS: ProblemCode.TLS_STARTTLS_REFUSED,
        Stage.CAPABILITIES: ProblemCode.UNEXPECTED_REPLY,
        Stage.AUTH: ProblemCode.AUTH_REJECTED,
        Stage.MAILBOX: ProblemCode.MAILBOX_UNREADABLE,
        Stage.ARRIVAL: ProblemCode.MAILBOX_UNREADABLE,
        Stage.IDLE: ProblemCode.MAILBOX_UNREADABLE,
    }
)

# Proton Mail Bridge's first choices of a port (its settings say "1143" and "1025").
_BRIDGE_PORTS = frozenset({1025, 1143})


def classify(stage: Stage, reply: ServerReply, provider: str = "") -> ProblemCode:
    """Name the problem that a refusing reply means in this stage. Total: every reply has a name.

    Args:
        stage: Where in the dialogue the reply was given.
        reply: The whole reply; lines are joined before they are compared.
        provider: The preset's key or the name of the server software, or nothing. Its own words weigh
            most, then words that all servers use, then the enhanced code, then the code.
    """
    code = by_words(stage, reply, provider) or _by_enhanced(stage, reply) or _by_code(stage, reply)
    return doubted(provider, code)


def refined(problem: Problem, provider: str) -> Problem:
    """Return the same problem, named as one who knows the provider names it; its facts are kept.

    A problem that was not named after its reply alone (a message in doubt, say) stays what it is.
    """
    code = _refined_code(problem, provider)
    if code is problem.code:
        return problem
    return Problem(code=code, stage=problem.stage, reply=problem.reply, facts=problem.facts)


def _refined_code(problem: Problem, provider: str) -> ProblemCode:
    if problem.reply is not None and problem.code is classify(problem.stage, problem.reply):
        return classify(problem.stage, problem.reply, provider)
    if problem.code is ProblemCode.CONNECT_REFUSED and known_as(provider) == BRIDGE:
        return ProblemCode.BRIDGE_NOT_RUNNING
    if problem.code is ProblemCode.BRIDGE_NOT_RUNNING and provider and known_as(provider) != BRIDGE:
        return ProblemCode.CONNECT_REFUSED  # of a catcher of test mail, which has the same port
    return problem.code


def refused_code(*, is_loopback: bool, port: int) -> ProblemCode:
    """Name a refused connection: on a port of Proton Mail Bridge on this machine, Bridge is not running."""
    if is_loopback and port in _BRIDGE_PORTS:
        return ProblemCode.BRIDGE_NOT_RUNNING
    return ProblemCode.CONNECT_REFUSED


def by_words(stage: Stage, reply: ServerReply, provider: str = "") -> ProblemCode | None:
    """Name the problem by what the reply says; None where its words tell nothing."""
    number, words = reply_class(reply), words_of(reply.text)
    return (
        _first(rows_of(provider), stage, number, words)
        or _first(TEXTS, stage, number, words)
        or _first(LINKS, stage, number, links_of(reply.text))
        or _first(REFUSALS, stage, number, words)
    )


def _first(rows: Iterable[TextRow], stage: Stage, number: str, words: str) -> ProblemCode | None:
    return next((row.code for row in rows if row.fits(stage, number, words)), None)


def _by_enhanced(stage: Stage, reply: ServerReply) -> ProblemCode | None:
    status = reply.enhanced
    if status is None or status.startswith("2."):  # RFC 3463 §3.1: success, in a place where it is none
        return None
    return next((code for stages, row, code in ENHANCED if stage in stages and row.fullmatch(status)), None)


def _by_code(stage: Stage, reply: ServerReply) -> ProblemCode:
    number = reply_class(reply)
    if number == WORD:
        return _by_word(stage, reply.text)
    return next(
        (code for stages, row, code in REPLIES if stage in stages and row.match(number)),
        ProblemCode.UNEXPECTED_REPLY,
    )


def _by_word(stage: Stage, text: str) -> ProblemCode:
    said = text[:16].lstrip("* ").upper()
    if said.startswith("BYE"):  # the server closes the connection, for a reason of its own (RFC 9051 §7.1.5)
        return ProblemCode.SERVER_FAULT
    return _WORDS.get(stage, ProblemCode.REPLY_UNKNOWN)
