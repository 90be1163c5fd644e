"""A JUnit report of checks, in the form that CI services read (the testmoapp/junitxml description)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from fluenzr_smtp.cli.checks.marks import milliseconds
from fluenzr_smtp.cli.checks.words import document_text
from fluenzr_smtp.cli.output import reply_line

if TYPE_CHECKING:
    from fluenzr_smtp.messages import Catalogue
    from fluenzr_smtp.model import Check
    from fluenzr_smtp.problems import Problem

_SENTENCE = 1500  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One check. An advisory problem is no failure."""

    name: str
    seconds: float
    problem: Problem | None
    is_advisory: bool = False

    @property
    def is_failure(self) -> bool:
        """Say whether the check did not hold."""
        return self.problem is not None and not self.is_advisory


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """The checks of one account, or of one diagnosis."""

    name: str
    cases: tuple[Case, ...]

    @property
    def failures(self) -> int:
        """How many checks did not hold."""
        return sum(case.is_failure for case in self.cases)


def cases_of(checks: Iterable[Check]) -> tuple[Case, ...]:
    """Return a case for each check, each by a name of its own: CI services follow a case by its name.

    Another way that was tried is advice: that it does not work either is no failure of its own.
    """
    seen: Counter[str] = Counter()
    return tuple(_case(check, seen) for check in checks)


def _case(check: Check, seen: Counter[str]) -> Case:
    name = f"{check.protocol} {check.stage}"
    if check.remedy is not None:
        name = f"{check.protocol} {check.remedy.endpoint} {check.stage}"
    seen[name] += 1
    return Case(
        name=name if seen[name] == 1 else f"{name} ({seen[name]})",
        seconds=milliseconds(check) / 1000,
        problem=check.problem,
        is_advisory=check.is_advisory or check.remedy is not None,
    )


def junit_report(suites: Iterable[Suite], catalogue: Catalogue) -> bytes:
    """Return the report as XML in UTF-8; foreign text is made safe first: XML 1.0 has no controls.

    A note is the output of a case that passed, not a skipped case: the check was made, and some services
    turn a build yellow, or fail it, for a case that was not run.
    """
    known = tuple(suites)
    root = ElementTree.Element("testsuites", name="fluenzr")
    root.set("tests", str(sum(len(suite.cases) for suite in known)))
    root.set("failures", str(sum(suite.failures for suite in known)))
    for suite in known:
        _add_suite(root, suite, catalogue)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _add_suite(root: ElementTree.Element, suite: Suite, catalogue: Catalogue) -> None:
    name = document_text(suite.name)
    total = sum(case.seconds for case in suite.cases)
    element = ElementTree.SubElement(root, "testsuite", name=name, tests=str(len(suite.cases)))
    element.set("failures", str(suite.failures))
    element.set("errors", "0")
    element.set("time", f"{total:.3f}")
    for case in suite.cases:
        shown = ElementTree.SubElement(element, "testcase", classname=name, name=document_text(case.name))
        shown.set("time", f"{case.seconds:.3f}")
        _add_outcome(shown, case, catalogue)


def _add_outcome(element: ElementTree.Element, case: Case, catalogue: Catalogue) -> None:
    if case.problem is None:
        return
    words = catalogue.sentence(case.problem)
    title, fix = (document_text(text, limit=_SENTENCE) for text in (words.title, words.fix))
    reply = f"{document_text(reply_line(case.problem.reply))}\n" if case.problem.reply else ""
    if case.is_failure:
        failure = ElementTree.SubElement(element, "failure", type=case.problem.code.value, message=title)
        failure.text = f"{reply}{fix}"
    else:
        note = f"{catalogue.label('note')}: {title} [{case.problem.code.value}]\n{reply}{fix}"
        ElementTree.SubElement(element, "system-out").text = note
