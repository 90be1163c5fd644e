"""A certificate that holds but ends soon is told before it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

import pytest

from fluenzr_smtp.diagnosis import examine
from fluenzr_smtp.diagnosis.certificates import warned
from fluenzr_smtp.model import Check, Clock, Endpoint, Protocol, Security, Target
from fluenzr_smtp.problems import ProblemCode, Stage
from tests.servers.certificates import Authority
from tests.servers.scripted import ScriptedServer, submission_script
from tests.sessions import REAL_CLOCK

ENDPOINT = Endpoint(host="mail.test", port=465, security=Security.IMPLICIT_TLS)


def tls_check(days_left: int) -> Check:
    facts = {"days_left": days_left, "not_after": "2030-01-20T00:00:00+00:00"}
    return Check(
        protocol=Protocol.SMTP,
        stage=Stage.TLS,
        endpoint=ENDPOINT,
        elapsed=timedelta(),
        facts=MappingProxyType(facts),
    )


@pytest.mark.parametrize(("days", "is_told"), [(21, False), (20, True), (0, True), (400, False)])
def test_end_within_three_weeks_is_worth_knowing_and_no_failure(days: int, is_told: bool):
    check = warned(tls_check(days))

    assert (check.problem is not None, check.is_advisory) == (is_told, is_told)
    assert not check.is_failure
    assert check.facts["days_left"] == days


def test_note_says_of_whom_and_when():
    problem = warned(tls_check(3)).problem

    assert problem is not None
    assert problem.code is ProblemCode.TLS_CERTIFICATE_EXPIRES_SOON
    assert dict(problem.facts) == {
        "host": "mail.test",
        "port": 465,
        "days_left": 3,
        "not_after": "2030-01-20",
    }


def test_note_names_the_issuer_that_ends_before_the_server():
    check = tls_check(3)
    facts = MappingProxyType({**check.facts, "certificate": "CN=Intermediate"})

    problem = warned(replace(check, facts=facts)).problem

    assert problem is not None
    assert problem.facts["certificate"] == "CN=Intermediate"


def test_walk_goes_on_past_the_note(authority: Authority):
    """The clock of the diagnosis is what the days are counted by; OpenSSL has its own."""
    ends = datetime.fromisoformat("2098-12-20T00:00:00+00:00")
    clock = Clock(now=lambda: ends, monotonic=REAL_CLOCK.monotonic, sleep=REAL_CLOCK.sleep)
    with ScriptedServer(submission_script(), tls_context=authority.issue("localhost").context()) as server:
        endpoint = Endpoint(
            host="localhost",
            port=server.port,
            security=Security.IMPLICIT_TLS,
            authority=authority.ca_file.read_text(),
        )
        checks = list(examine(Target(name="x", smtp=endpoint), None, clock=clock, timeout=5.0))

    (tls,) = (check for check in checks if check.stage is Stage.TLS)
    assert tls.problem is not None
    assert tls.problem.code is ProblemCode.TLS_CERTIFICATE_EXPIRES_SOON
    assert checks[-1].stage is Stage.SIZE
