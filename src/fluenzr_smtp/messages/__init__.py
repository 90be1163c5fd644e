"""Sentences for people, in their language: what is wrong and what to do, for every problem code.

A language is a folder beside this module. ``problems.toml`` holds the labels, words, reasons and the
problems, ``guide.toml`` the guide, which is read only when somebody looks into it; what a language lacks is
taken from English. Only the CLI asks for sentences; everything below speaks in codes and facts. Nothing here
makes text safe to print.

A sentence may hold ``{host}``, filled from the problem's facts, else from the table ``[words]``;
``[[ on port {port}]]``, dropped when one of its facts is missing; and ``[[{host}|the server]]``, where the
first alternative whose facts are all known is taken, else the last. A ``{reason}`` is looked up in
``[reasons]``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import Facts, FactValue, Problem, ProblemCode, Stage, no_facts

DEFAULT_LANGUAGE = "en"

PROBLEMS_FILE = "problems.toml"
GUIDE_FILE = "guide.toml"

_HERE = Path(__file__).parent
_OPTIONAL = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_SHOWN_OF_A_LIST = 8
_SHOWN_OF_A_FACT = 300  # characters; a server's certificate may carry a thousand names


@dataclass(frozen=True, slots=True)
class Told:
    """A problem in words: what is wrong, without a full stop, and what to do about it."""

    title: str
    fix: str


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the guide. ``title`` has no full stop; ``steps`` are in the order in which to try them."""

    topic: str
    title: str
    cause: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The sentences of one language."""

    language: str
    problems: Mapping[str, Mapping[str, str]]
    reasons: Mapping[str, str]
    words: Mapping[str, str]
    labels: Mapping[str, str]

    @classmethod
    def load(cls, language: str = DEFAULT_LANGUAGE) -> Catalogue:
        """Read a language; an unknown one, or what it lacks, is English."""
        return _load(language if language in available() else DEFAULT_LANGUAGE)

    def sentence(self, problem: Problem) -> Told:
        """Say what is wrong and what to do, with the facts that are known."""
        row = self.problems[problem.code.value]
        return Told(*(self._sentence(row[part], problem.facts) for part in ("title", "fix")))

    def cause(self, problem: Problem) -> str:
        """Say where the problem comes from: in the words of its code, else in those of its topic."""
        row = self.problems[problem.code.value]
        if "cause" in row:
            return self._sentence(row["cause"], problem.facts)
        return self.section(problem.topic, problem.facts).cause

    def section(self, topic: str, facts: Facts = no_facts()) -> Section:  # noqa: B008 - it stays empty
        """Return what the guide says of a topic, with the facts that are known.

        Raises:
            KeyError: There is no such topic.
        """
        row = _guide(self.language)["topic"][topic]
        title, cause, *steps = (
            self._sentence(each, facts) for each in (row["title"], row["cause"], *row["fix"])
        )
        return Section(topic, title, cause, tuple(steps))

    def group(self, name: str) -> str:
        """Return the heading of a group of topics.

        Raises:
            KeyError: There is no such group.
        """
        heading: str = _guide(self.language)["groups"][name]
        return heading

    def label(self, name: str, /, **facts: FactValue) -> str:
        """Return a word of the screen or of a report, its placeholders filled.

        Raises:
            KeyError: There is no such label.
        """
        return self._filled(self.labels[name], facts)[0]

    def _sentence(self, template: str, facts: Facts) -> str:
        filled, starts_with_fact = self._filled(template, facts)
        return filled if starts_with_fact else filled[:1].upper() + filled[1:]

    def _filled(self, template: str, facts: Facts) -> tuple[str, bool]:
        """Fill a template, and say whether it begins with a fact, whose first letter stays as it is."""
        known = {name: text for name in facts if (text := self._told(name, facts[name]))}

        def optional(found: re.Match[str]) -> str:
            alternatives = found[1].split("|")
            last = alternatives[-1] if len(alternatives) > 1 else ""
            return next((each for each in alternatives if known.keys() >= placeholders(each)), last)

        chosen = _OPTIONAL.sub(optional, template)
        filled = _PLACEHOLDER.sub(lambda found: known.get(found[1], self.words.get(found[1], "…")), chosen)
        first = _PLACEHOLDER.match(chosen)
        return filled, first is not None and first[1] in known

    def _told(self, name: str, value: FactValue) -> str:
        if value is None or isinstance(value, bool):
            return ""
        if isinstance(value, tuple):
            more = " …" if len(value) > _SHOWN_OF_A_LIST else ""
            return _cut(", ".join(value[:_SHOWN_OF_A_LIST]) + more)
        text = str(value)
        return _cut(self.reasons.get(text, text) if name == "reason" else text)


@cache
def available() -> tuple[str, ...]:
    """Return the languages that have a folder, in order."""
    return tuple(sorted(each.parent.name for each in _HERE.glob(f"*/{PROBLEMS_FILE}")))


def choose_language(wanted: str | None, environ: Mapping[str, str], chosen: str | None = None) -> str:
    """Return the first that is available: asked for, ``FLUENZR_LANG``, chosen for good, the locale's."""
    # The first of the locale's variables that is set decides alone (POSIX.1-2017 §8.2).
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    for tag in (wanted, environ.get("FLUENZR_LANG"), chosen, locale):
        language = _language(tag or "")
        if language in available():
            return language
    return DEFAULT_LANGUAGE


def require_language(tag: str, *, setting: str = "--lang") -> str:
    """Return the tag if its language is there.

    Raises:
        FluenzrError: ``setting-invalid`` with the languages that there are.
    """
    if _language(tag) not in available():
        code, languages = ProblemCode.SETTING_INVALID, available()
        raise failure(code, Stage.USAGE, setting=setting, value=tag, choices=languages)
    return tag


def placeholders(template: str) -> frozenset[str]:
    """Return the facts that a template names."""
    return frozenset(_PLACEHOLDER.findall(template))


def table(language: str, file: str) -> dict[str, Any]:
    """Return a file of a language as it is, without what English adds; empty where there is none."""
    import tomllib  # only a run that has something to say pays for it

    path = _HERE / language / file
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


@cache
def _load(language: str) -> Catalogue:
    parts = _with_english(language, PROBLEMS_FILE)
    return Catalogue(
        language=language,
        problems=parts["problem"],
        reasons=parts["reasons"],
        words=parts["words"],
        labels=parts["labels"],
    )


@cache
def _guide(language: str) -> Mapping[str, Mapping[str, Any]]:
    return _with_english(language, GUIDE_FILE)


def _with_english(language: str, file: str) -> Mapping[str, Mapping[str, Any]]:
    english = table(DEFAULT_LANGUAGE, file)
    own = {} if language == DEFAULT_LANGUAGE else table(language, file)
    parts = {part: MappingProxyType({**rows, **own.get(part, {})}) for part, rows in english.items()}
    return MappingProxyType(parts)


def _language(tag: str) -> str:
    return re.split(r"[-_.@]", tag.lower())[0]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_OF_A_FACT else text[: _SHOWN_OF_A_FACT - 1] + "…"
