"""The JUnit report: well-formed whatever a server says, and its counts are right."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.cli.junit import Case, Suite, cases_of, junit_report
from fluenzr_smtp.messages import Catalogue
from fluenzr_smtp.model import Check, Endpoint, Protocol, Remedy, Security
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
    is_advisory=st.booleans(),
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
    known = [case for suite in reported for case in suite.cases if case.problem is not None]
    assert told == [case.problem.code for case in known if not case.is_advisory]
    assert len(list(root.iter("system-out"))) == sum(case.is_advisory for case in known)


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


SERVER = Endpoint(host="h.test", port=587, security=Security.STARTTLS)
OTHER = Remedy(
    protocol=Protocol.SMTP, endpoint=Endpoint(host="h.test", port=465, security=Security.IMPLICIT_TLS)
)
REFUSED = Problem(code=ProblemCode.CONNECT_REFUSED, stage=Stage.CONNECT, facts={"host": "h.test"})


def check(stage: Stage, **more) -> Check:
    return Check(
        **({"protocol": Protocol.SMTP, "elapsed": timedelta(seconds=0.5), "endpoint": SERVER} | more),
        stage=stage,
    )


def test_each_check_is_a_case_by_a_name_of_its_own():
    cases = cases_of((
        check(Stage.CONNECT),
        check(Stage.CONNECT),
        check(Stage.CONNECT, remedy=OTHER),
        check(Stage.SPF, protocol=Protocol.DNS, endpoint=None, domain="d.test"),
    ))  # fmt: skip

    assert [case.name for case in cases] == [
        "smtp connect", "smtp connect (2)", "smtp h.test:465 connect", "dns spf",
    ]  # fmt: skip
    assert [case.seconds for case in cases] == [0.5] * 4


@pytest.mark.parametrize(
    ("more", "failures"),
    [({}, 1), ({"is_advisory": True}, 0), ({"remedy": OTHER}, 0)],
    ids=["failure", "note", "another way that was tried"],
)
def test_only_what_keeps_mail_from_going_is_a_failure(more, failures):
    suite = Suite(name="shop", cases=cases_of((check(Stage.CONNECT, problem=REFUSED, **more),)))

    root = ElementTree.fromstring(junit_report([suite], Catalogue.load("en")))

    assert root.get("failures") == str(failures)
    assert len(list(root.iter("failure"))) == failures
    assert [note.text.splitlines()[0][:6] for note in root.iter("system-out")] == ["note: "] * (1 - failures)


def test_text_that_xml_has_no_place_for_is_shown_as_escapes_and_cut():
    said = ServerReply(550, None, "\x00\x1b\ufffe\U0001ffff]]>\ud800\u202e" + "x" * 1_000_000)
    refused = Problem(code=ProblemCode.REPLY_UNKNOWN, stage=Stage.SENDER, reply=said)

    report = junit_report(
        [Suite(name="\x0b", cases=cases_of((check(Stage.SENDER, problem=refused),)))], Catalogue.load("en")
    )

    (failure,) = ElementTree.fromstring(report).iter("failure")
    assert failure.text.startswith(r"550 \x00\x1b\ufffe\u1ffff]]>\ud800\u202exxx")
    assert len(report) < 6000
