"""A problem in full: its title, the server's words, the cause, what to do, and the provider's own page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.checks.look import Look
from fluenzr_smtp.cli.checks.marks import Mark
from fluenzr_smtp.cli.output import Output, printable, reply_line
from fluenzr_smtp.cli.wrapping import wrapped
from fluenzr_smtp.model import Check
from fluenzr_smtp.problems import Problem

if TYPE_CHECKING:
    from fluenzr_smtp.messages import Catalogue

_BOLD = "1"
_SENTENCE = 1500  # characters
_MARKS = {"Mc", "Me", "Mn"}
_LATIN_MARKS = range(0x0300, 0x0370)
_PAGE = re.compile(r"https://[!-~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A problem in words that are safe to print. ``page`` is an ``https`` address, or empty."""

    code: str
    title: str
    reply: str
    cause: str
    fix: str
    steps: tuple[str, ...]
    page: str


def explained(
    problem: Problem,
    catalogue: Catalogue,
    *,
    page: str = "",
    safe: Callable[[str], str] = lambda text: printable(text, limit=_SENTENCE),
) -> Explained:
    """Return all that the guide knows of a problem; ``safe`` makes its sentences safe to be shown."""
    words = catalogue.sentence(problem)
    known = page or str(problem.facts.get("page") or "")
    return Explained(
        code=problem.code.value,
        title=safe(words.title),
        reply="" if problem.reply is None else safe(reply_line(problem.reply)),
        cause=safe(catalogue.cause(problem)),
        fix=safe(words.fix),
        steps=tuple(map(safe, catalogue.section(problem.topic, problem.facts).steps)),
        page=known if _PAGE.fullmatch(known) else "",
    )


def panel(output: Output, problem: Problem, *, page: str = "", is_advisory: bool = False) -> None:
    """Show a problem in full on stdout: in a frame at a terminal that can draw it, else as labelled lines.

    ``page`` is the provider's own page, unless the problem knows one. Nothing is shown with ``--json``.
    """
    if output.json:
        return
    look = Look.of(output)
    mark = Mark.NOTE if is_advisory else Mark.FAILED
    lines = panel_lines(problem, mark=mark, look=look, catalogue=output.catalogue, page=page)
    for line in lines:
        output.line(line)


def panels(output: Output, checks: Iterable[Check]) -> None:
    """Show what the checks ended in, failures first; what several of them have in common is shown once."""
    found = [check for check in checks if not check.ok and check.remedy is None]
    shown: set[tuple[str, str]] = set()
    for check in sorted(found, key=lambda each: each.is_advisory):
        problem = check.problem
        if problem is None or output.json:
            continue
        words = (output.sentence(problem).title, reply_line(problem.reply) if problem.reply else "")
        if words not in shown:
            output.line()
            panel(output, problem, is_advisory=check.is_advisory)
        shown.add(words)


def panel_lines(
    problem: Problem, *, mark: Mark, look: Look, catalogue: Catalogue, page: str = ""
) -> tuple[str, ...]:
    """Return a problem in full as lines for a terminal, or for a file; a note is kept short."""
    words = explained(problem, catalogue, page=page)
    rows = _rows(words, catalogue, is_brief=mark is Mark.NOTE)
    more = printable(catalogue.label("more", command=f"fluenzr guide {problem.topic}"))
    texts = (words.title, catalogue.label(mark), more, *(text for row in rows for text in row))
    if not look.is_terminal or any(_has_marks(look.shown(text)) for text in texts):
        labelled = (_labelled(label, text, look, style=_BOLD, indent="  ") for label, text in rows)
        first = _labelled(catalogue.label(mark), f"{words.title} [{words.code}]", look, style=mark.style)
        return (*first, *(line for lines in labelled for line in lines), f"  {look.shown(more)}")
    from fluenzr_smtp.cli.checks.frame import framed  # what a frame is drawn with costs 60 ms

    return framed(words, rows, more, mark=mark, look=look, word=catalogue.label(mark))


def _has_marks(text: str) -> bool:
    """Say whether terminals may disagree on the width of text: a frame around it would be crooked."""
    return not text.isascii() and any(
        ord(each) not in _LATIN_MARKS and unicodedata.category(each) in _MARKS for each in text
    )


def _labelled(label: str, text: str, look: Look, *, style: str, indent: str = "") -> tuple[str, ...]:
    """Return text behind its label, which is painted; broken into lines at a terminal only."""
    name = look.shown(f"{label}:")
    painted = f"{indent}{look.painted(name, style)}"
    if not look.is_terminal:
        return (f"{painted} {text}",)
    lines = wrapped(look.shown(text), width=look.width, first=f"{indent}{name} ", rest=f"{indent}  ")
    return (painted + lines[0].removeprefix(f"{indent}{name}"), *lines[1:])


def _rows(words: Explained, catalogue: Catalogue, *, is_brief: bool) -> tuple[tuple[str, str], ...]:
    known = (
        (title_label("server", catalogue), words.reply),
        (title_label("cause", catalogue), "" if is_brief else words.cause),
        (title_label("fix", catalogue), words.fix),
        (title_label("page", catalogue), words.page),
    )
    return tuple((label, text) for label, text in known if text)


def title_label(name: str, catalogue: Catalogue) -> str:
    """Return a label as it begins a line of its own."""
    label = catalogue.label(name)
    return label[:1].upper() + label[1:]
