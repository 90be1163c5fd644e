"""A JUnit report of checks, in the form that CI services read (the testmoapp/junitxml description)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

from fluenzr_smtp.cli.output import printable, reply_line
from fluenzr_smtp.messages import Catalogue
from fluenzr_smtp.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One check."""

    name: str
    seconds: float
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """The checks of one account."""

    name: str
    cases: tuple[Case, ...]

    @property
    def failures(self) -> int:
        """How many checks did not hold."""
        return sum(case.problem is not None for case in self.cases)


def junit_report(suites: Iterable[Suite], catalogue: Catalogue) -> bytes:
    """Return the report as XML in UTF-8; foreign text is made safe first: XML 1.0 has no controls."""
    known = tuple(suites)
    root = ElementTree.Element("testsuites", name="fluenzr")
    root.set("tests", str(sum(len(suite.cases) for suite in known)))
    root.set("failures", str(sum(suite.failures for suite in known)))
    for suite in known:
        _add_suite(root, suite, catalogue)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _text(foreign: str) -> str:
    """Make text safe to print, and leave out the two characters that XML 1.0 §2.2 has no place for."""
    return printable(foreign).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def _add_suite(root: ElementTree.Element, suite: Suite, catalogue: Catalogue) -> None:
    name = _text(suite.name)
    total = sum(case.seconds for case in suite.cases)
    element = ElementTree.SubElement(root, "testsuite", name=name, tests=str(len(suite.cases)))
    element.set("failures", str(suite.failures))
    element.set("errors", "0")
    element.set("time", f"{total:.3f}")
    for case in suite.cases:
        shown = ElementTree.SubElement(element, "testcase", classname=name, name=case.name)
        shown.set("time", f"{case.seconds:.3f}")
        if case.problem is not None:
            _add_failure(shown, case.problem, catalogue)


def _add_failure(case: ElementTree.Element, problem: Problem, catalogue: Catalogue) -> None:
    told = catalogue.sentence(problem)
    failure = ElementTree.SubElement(case, "failure", type=problem.code.value, message=_text(told.title))
    reply = f"{_text(reply_line(problem.reply))}\n" if problem.reply else ""
    failure.text = f"{reply}{_text(told.fix)}"
