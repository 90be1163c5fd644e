"""The JUnit report: well-formed whatever a server says, and its counts are right."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.cli.junit import Case, Suite, junit_report
from fluenzr_smtp.messages import Catalogue
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage

problems = st.builds(
    Problem,
    code=st.sampled_from(ProblemCode),
    stage=st.sampled_from(Stage),
    reply=st.none() | st.builds(ServerReply, st.none() | st.integers(200, 599), st.none(), st.text()),
    facts=st.dictionaries(st.sampled_from(["host", "reason", "username"]), st.text()),
)
cases = st.builds(
    Case,
    name=st.sampled_from(["smtp tls", "imap auth", "smtp message"]),
    seconds=st.floats(0, 1000),
    problem=st.none() | problems,
)
suites = st.builds(Suite, name=st.text(), cases=st.lists(cases, max_size=4).map(tuple))


@given(st.lists(suites, max_size=3))
def test_any_report_is_well_formed_and_counts_what_is_in_it(reported):
    root = ElementTree.fromstring(junit_report(reported, Catalogue.load()))

    assert len(root) == len(reported)
    for element in (root, *root):
        assert element.get("tests") == str(len(list(element.iter("testcase"))))
        assert element.get("failures") == str(len(list(element.iter("failure"))))
    told = [failure.get("type") for failure in root.iter("failure")]
    assert told == [case.problem.code for suite in reported for case in suite.cases if case.problem]


def test_a_report_has_the_form_that_ci_services_read():
    refused = Problem(
        code=ProblemCode.AUTH_REJECTED,
        stage=Stage.AUTH,
        reply=ServerReply(535, "5.7.8", "<no> & no"),
        facts={"host": "h.test", "account": "shop"},
    )
    cases = (
        Case(name="smtp tls", seconds=0.25, problem=None),
        Case(name="smtp auth", seconds=0.5, problem=refused),
    )

    text = junit_report([Suite(name="shop", cases=cases)], Catalogue.load("en")).decode()

    assert text.startswith("<?xml version='1.0' encoding='utf-8'?>\n<testsuites name=\"fluenzr\"")
    assert '<testsuite name="shop" tests="2" failures="1" errors="0" time="0.750">' in text
    assert '<testcase classname="shop" name="smtp tls" time="0.250" />' in text
    assert '<failure type="auth-rejected" message="' in text
    assert ">535 5.7.8 &lt;no&gt; &amp; no\n" in text
