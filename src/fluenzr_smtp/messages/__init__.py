"""Sentences for people, in their language: what is wrong and what to do, for every problem code.

One TOML file per language beside this module; a row that a language lacks is taken from English. Only the
CLI asks for sentences; everything below speaks in codes and facts. Nothing here makes text safe to print.

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

from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import FactValue, Problem, ProblemCode, Stage

DEFAULT_LANGUAGE = "en"

#: What a sentence may name; a catalogue with another placeholder is refused.
PLACEHOLDERS = frozenset({
    "accepted", "account", "address", "backend", "choices", "command", "detail", "extra", "field", "folder",
    "generation", "header", "host", "issuer", "key", "kinds", "known", "limit_bytes", "limit", "line",
    "mechanisms", "names",
    "near", "not_after", "not_before", "options", "others", "page", "path", "pinned", "port", "preset",
    "reason", "recipient", "report", "retry_after", "schemes", "seconds", "seen", "service", "setting",
    "size_bytes", "slot", "slots", "source", "status", "total", "type", "username", "value",
    "variable", "version",
})  # fmt: skip

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
        """Read a language; an unknown one, or what it lacks, is English.

        Raises:
            ValueError: A file of the package holds an unknown code or placeholder.
        """
        return _load(language if language in available() else DEFAULT_LANGUAGE)

    def sentence(self, problem: Problem) -> Told:
        """Say what is wrong and what to do, with the facts that are known."""
        row = self.problems[problem.code.value]
        return Told(*(self._filled(row[part], problem.facts) for part in ("title", "fix")))

    def _filled(self, template: str, facts: Mapping[str, FactValue]) -> str:
        known = {name: text for name in facts if (text := self._told(name, facts[name]))}

        def optional(found: re.Match[str]) -> str:
            alternatives = found[1].split("|")
            last = alternatives[-1] if len(alternatives) > 1 else ""
            return next((each for each in alternatives if known.keys() >= set(_names(each))), last)

        chosen = _OPTIONAL.sub(optional, template)
        filled = _PLACEHOLDER.sub(lambda found: known.get(found[1], self.words.get(found[1], "…")), chosen)
        first = _PLACEHOLDER.match(chosen)
        starts_with_fact = first is not None and first[1] in known
        return filled if starts_with_fact else filled[:1].upper() + filled[1:]

    def _told(self, name: str, value: FactValue) -> str:
        if value is None or isinstance(value, bool):
            return ""
        if isinstance(value, tuple):
            more = " …" if len(value) > _SHOWN_OF_A_LIST else ""
            return _cut(", ".join(value[:_SHOWN_OF_A_LIST]) + more)
        text = str(value)
        return _cut(self.reasons.get(text, text) if name == "reason" else text)


def available() -> tuple[str, ...]:
    """Return the languages that have a file, in order."""
    return tuple(sorted(each.stem for each in _HERE.glob("*.toml")))


def choose_language(wanted: str | None, environ: Mapping[str, str]) -> str:
    """Return the first language that is available: asked for, ``FLUENZR_LANG``, the locale's."""
    # The first of the locale's variables that is set decides alone (POSIX.1-2017 §8.2).
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    for tag in (wanted, environ.get("FLUENZR_LANG"), locale):
        language = _language(tag or "")
        if language in available():
            return language
    return DEFAULT_LANGUAGE


def require_language(tag: str) -> str:
    """Return the tag if there is a file for its language.

    Raises:
        FluenzrError: ``setting-invalid`` with the languages that there are.
    """
    if _language(tag) not in available():
        code, languages = ProblemCode.SETTING_INVALID, available()
        raise failure(code, Stage.USAGE, setting="--lang", value=tag, choices=languages)
    return tag


def _language(tag: str) -> str:
    return re.split(r"[-_.@]", tag.lower())[0]


def check(table: Mapping[str, Mapping[str, object]]) -> None:
    """Refuse a catalogue with a code or a placeholder that does not exist.

    Raises:
        ValueError: Naming the row; a fault in the package, not of the user.
    """
    codes = {code.value for code in ProblemCode}
    for code, row in table.get("problem", {}).items():
        if code not in codes:
            raise ValueError(f"no such problem code: {code}")
        if not isinstance(row, dict) or row.keys() != {"title", "fix"}:
            raise ValueError(f"{code}: a row has a title and a fix")
        unknown = set(_names(row["title"] + row["fix"])) - PLACEHOLDERS
        if unknown:
            raise ValueError(f"{code}: unknown placeholders {sorted(unknown)}")


@cache
def _load(language: str) -> Catalogue:
    import tomllib  # only a run with a problem pays for it

    table = tomllib.loads((_HERE / f"{language}.toml").read_text(encoding="utf-8"))
    check(table)
    english = None if language == DEFAULT_LANGUAGE else _load(DEFAULT_LANGUAGE)

    def merged(part: str, fallback: Mapping[str, object] | None) -> Mapping[str, object]:
        return MappingProxyType({**(fallback or {}), **table.get(part, {})})

    return Catalogue(
        language=language,
        problems=merged("problem", english and english.problems),  # type: ignore[arg-type]
        reasons=merged("reasons", english and english.reasons),  # type: ignore[arg-type]
        words=merged("words", english and english.words),  # type: ignore[arg-type]
        labels=merged("labels", english and english.labels),  # type: ignore[arg-type]
    )


def _names(template: str) -> list[str]:
    return _PLACEHOLDER.findall(template)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_OF_A_FACT else text[: _SHOWN_OF_A_FACT - 1] + "…"
