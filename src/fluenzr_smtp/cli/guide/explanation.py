"""What is meant by a topic, a code or a pasted reply, and what the guide says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.guide.acceptance import accepted_reply
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import (
    MEANINGS,
    TOPICS,
    ExitStatus,
    Meaning,
    Problem,
    ProblemCode,
    Retry,
    ServerReply,
    Stage,
)

if TYPE_CHECKING:
    from fluenzr_smtp.cli.options import Invocation
    from fluenzr_smtp.messages import Catalogue, Section
    from fluenzr_smtp.model import Preset

_CODES = {code.value: code for code in ProblemCode}
_BARE_WORD = re.compile(r"(?:[^\W\d]|-)*")  # a reply has a digit, or several words
_LONGEST_REPLY = 65_536  # characters: as much as is read from a server; no more is worked on
_LONGEST_NAME = 100  # characters: longer than any topic or code
_REFUSING_WORDS = frozenset({"NO", "BAD", "BYE", "-ERR"})  # IMAP and POP3 have no reply codes
_NEAREST = 3
_GOOGLE = re.compile(r"\bgsmtp\b|\bsupport\.google\.com/")  # how its servers sign what they say


@dataclass(frozen=True, slots=True)
class TopicCode:
    """A code of a topic, with its title."""

    code: ProblemCode
    title: str

    @property
    def meaning(self) -> Meaning:
        """What the code means to a script."""
        return MEANINGS[self.code]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What the guide says. ``problem`` is None where a topic is meant; ``is_reply`` where a reply was given.

    A reply that says yes has neither a section nor a problem.

    Only ``title`` and the texts beside it may hold words of the reply: they are not safe to print.
    """

    section: Section | None
    problem: Problem | None
    is_reply: bool
    title: str
    cause: str
    fix: str
    page: str
    hint: str
    codes: tuple[TopicCode, ...]
    reply: ServerReply | None = None

    @property
    def topic(self) -> str | None:
        """The topic that is told of."""
        return self.section.topic if self.section else None

    @property
    def steps(self) -> tuple[str, ...]:
        """What to do, in the order in which to try it."""
        return self.section.steps if self.section else ()

    @property
    def is_whole_topic(self) -> bool:
        """Say whether a topic was asked for; some codes have the name of their topic."""
        return self.problem is None or (not self.is_reply and self.problem.code == self.topic)

    @property
    def retry(self) -> Retry | None:
        """Whether to try again: of a reply, of a code, or of a topic whose codes agree."""
        if self.problem is None:
            kinds = {each.meaning.retry for each in self.codes}
            return kinds.pop() if len(kinds) == 1 else None
        if self.is_reply and self.problem.reply is not None:
            return Retry.LATER if self.problem.is_transient else Retry.NEVER
        return MEANINGS[self.problem.code].retry

    @property
    def is_transient(self) -> bool | None:
        """Whether trying again later is right; None where that depends on the reply."""
        if self.is_reply and self.problem is not None:
            return self.problem.is_transient
        return {Retry.LATER: True, Retry.NEVER: False}.get(self.retry) if self.retry else None

    @property
    def exit_status(self) -> ExitStatus | None:
        """The exit status of a run that ends in this; None of a topic."""
        if self.problem is None:
            return None
        return self.problem.exit_status if self.is_reply else MEANINGS[self.problem.code].exit_status


def explained(run: Invocation, text: str, *, stage: Stage | None, provider: str) -> Explanation:
    """Explain what was typed: the name of a topic or of a code, else a reply.

    Raises:
        FluenzrError: ``guide-unknown`` if it is none of them; ``preset-invalid``.
    """
    text, is_cut = text[:_LONGEST_REPLY], len(text) > _LONGEST_REPLY
    name = "-".join(re.split(r"[\s_]+", text[:_LONGEST_NAME].lower()))
    is_name = stage is None and (name in _CODES or name in TOPICS)
    if not is_name and (not text or (stage is None and _BARE_WORD.fullmatch(text))):
        raise _unknown(text, name)
    known, preset = _provider(run, provider)
    if not is_name:
        if preset is None and not known and _GOOGLE.search(text):
            preset = run.app.presets.presets.get("gmail")
        if is_cut:
            run.output.note(run.output.catalogue.label("reply_cut", limit=_LONGEST_REPLY))
        return _of_reply(run.output.catalogue, text, stage=stage, provider=known, preset=preset)
    code = _CODES.get(name)
    problem = Problem(code=code, stage=Stage.USAGE) if code else None
    return _explanation(run.output.catalogue, problem.topic if problem else name, preset, problem=problem)


def topic_codes(catalogue: Catalogue, topic: str) -> tuple[TopicCode, ...]:
    """Return the codes that belong to a topic."""
    codes = (code for code in ProblemCode if MEANINGS[code].topic == topic)
    return tuple(
        TopicCode(code, catalogue.sentence(Problem(code=code, stage=Stage.USAGE)).title) for code in codes
    )


def _near(name: str) -> tuple[str, ...]:
    """Return the names that may be meant: those that begin with it, hold it, or look like it."""
    names = dict.fromkeys((*TOPICS, *_CODES))
    holding = sorted((each for each in names if name and name in each), key=lambda each: each.index(name) > 0)
    return tuple(dict.fromkeys((*holding, *get_close_matches(name, names, n=_NEAREST))))[:_NEAREST]


def _provider(run: Invocation, name: str) -> tuple[str, Preset | None]:
    """Return the provider's or the software's name if it is known, and its preset if it has one."""
    if not name:
        return "", None
    from fluenzr_smtp.classify import SERVERS

    key = name.lower()
    preset = run.app.presets.presets.get(key)
    if preset is None and key not in SERVERS:
        run.output.note(run.output.catalogue.label("provider_unknown", value=name))
        return "", None
    return key, preset


def _of_reply(
    catalogue: Catalogue, text: str, *, stage: Stage | None, provider: str, preset: Preset | None
) -> Explanation:
    from fluenzr_smtp.classify import explain
    from fluenzr_smtp.oauth import proposing

    accepted = accepted_reply(text)
    if accepted is not None:
        return _acceptance(catalogue, accepted)
    problem = proposing(explain(text, stage=stage, provider=provider), preset.key if preset else None)
    if problem.code is ProblemCode.REPLY_UNKNOWN and not _is_of_a_server(problem.reply):
        raise _unknown(text, text[:_LONGEST_NAME].lower())
    return _explanation(catalogue, problem.topic, preset, problem=problem, is_reply=True)


def _is_of_a_server(reply: ServerReply | None) -> bool:
    """Say whether a text has anything by which a server's reply is known."""
    if reply is None:
        return False
    word = next(iter(reply.text.split(maxsplit=1)), "")
    return reply.code is not None or reply.enhanced is not None or word in _REFUSING_WORDS


def _unknown(text: str, name: str) -> FluenzrError:
    return failure(ProblemCode.GUIDE_UNKNOWN, Stage.USAGE, value=text[:_LONGEST_NAME], near=_near(name))


def _acceptance(catalogue: Catalogue, reply: ServerReply) -> Explanation:
    return Explanation(
        section=None,
        problem=None,
        is_reply=True,
        title=catalogue.label("reply_accepted"),
        cause="",
        fix="",
        page="",
        hint="",
        codes=(),
        reply=reply,
    )


def _explanation(
    catalogue: Catalogue,
    topic: str,
    preset: Preset | None,
    *,
    problem: Problem | None,
    is_reply: bool = False,
) -> Explanation:
    page = preset.page(topic) if preset else ""
    facts = {"page": page} if page else {}
    section = catalogue.section(topic, facts)
    title, cause, fix = section.title, section.cause, ""
    if problem is not None:
        problem = problem.with_facts(**facts)
        told = catalogue.sentence(problem)
        title, cause, fix = told.title, catalogue.cause(problem), told.fix
    return Explanation(
        section=section,
        problem=problem,
        is_reply=is_reply,
        title=title,
        cause=cause,
        fix=fix,
        page=page,
        hint=preset.hint if preset else "",
        codes=topic_codes(catalogue, topic),
        reply=problem.reply if problem else None,
    )
