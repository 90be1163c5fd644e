"""The look-ups of one examination."""

from __future__ import annotations

import pytest

from fluenzr_smtp.dns import Associations, Exchangers, Resolver
from fluenzr_smtp.domain.lookups import Lookups
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ProblemCode
from tests.servers.nameserver import SILENCE, NameServer, name_server
from tests.sessions import REAL_CLOCK, SteppingClock

DOMAIN = "firma.example"
ZONE = {(DOMAIN, "TXT"): "v=spf1 -all", (DOMAIN, "MX"): "10 mx.firma.example.", (DOMAIN, "A"): "192.0.2.1"}


def patient(server: NameServer, *, timeout: float = 5.0) -> Resolver:
    return Resolver(nameservers=(server.host,), port=server.port, timeout=timeout)


def test_each_question_is_asked_once():
    with name_server(ZONE) as server:
        lookups = Lookups(patient(server), clock=REAL_CLOCK)
        found = [lookups.texts(name) for name in (DOMAIN, "Firma.Example.", DOMAIN)]

    assert found == [("v=spf1 -all",)] * 3
    assert server.asked == [(DOMAIN, "TXT")]


def test_failure_is_remembered_too():
    with name_server({(DOMAIN, "TXT"): SILENCE}) as server:
        lookups = Lookups(patient(server, timeout=0.1), clock=REAL_CLOCK)
        for _ in range(2):
            with pytest.raises(FluenzrError, match="dns-unavailable"):
                lookups.texts(DOMAIN)

    assert len(server.asked) <= 2  # the repetition is the resolver's own


def test_time_of_a_stage_bounds_all_its_questions():
    steps = SteppingClock(per_look=2.0)  # twice to begin with, then once for each question
    with name_server(ZONE) as server:
        lookups = Lookups(patient(server, timeout=1.8), clock=steps.clock)
        lookups.texts(DOMAIN)
        lookups.exchangers(DOMAIN)
        with pytest.raises(FluenzrError) as caught:
            lookups.addresses(DOMAIN)

    problem = caught.value.problem
    assert (problem.code, problem.facts["reason"]) == (ProblemCode.DNS_UNAVAILABLE, "timeout")


def test_next_stage_has_time_of_its_own():
    steps = SteppingClock()
    with name_server(ZONE) as server:
        lookups = Lookups(patient(server), clock=steps.clock)
        steps.seconds += 15.0
        with pytest.raises(FluenzrError, match="dns-unavailable"):
            lookups.texts(DOMAIN)
        lookups.begin()
        found = lookups.addresses(DOMAIN)

    assert found == ("192.0.2.1",)


def test_whole_examination_takes_four_times_as_long_as_one_question_may():
    steps = SteppingClock()
    with name_server(ZONE) as server:
        lookups = Lookups(patient(server), clock=steps.clock)
        steps.seconds += 19.0
        lookups.begin()
        left = lookups.patience(DOMAIN)
        steps.seconds += 1.0
        lookups.begin()
        with pytest.raises(FluenzrError, match="dns-unavailable"):
            lookups.texts(DOMAIN)

    assert left == 1.0
    assert server.asked == []


def test_it_is_known_whether_anybody_has_answered():
    with name_server({(DOMAIN, "TXT"): SILENCE}) as server:
        lookups = Lookups(patient(server, timeout=0.1), clock=REAL_CLOCK)
        with pytest.raises(FluenzrError, match="dns-unavailable"):
            lookups.texts(DOMAIN)
        before = lookups.is_answered
        lookups.alias("gone." + DOMAIN)

    assert (before, lookups.is_answered) == (False, True)


def test_number_of_questions_of_a_stage_is_bounded():
    with name_server({}) as server:
        lookups = Lookups(patient(server), clock=SteppingClock().clock)
        for number in range(150):
            lookups.texts(f"n{number}.example")
        with pytest.raises(FluenzrError, match="dns-unavailable"):
            lookups.texts("one-more.example")

    assert len(server.asked) == 150


def test_name_that_cannot_be_spelled_has_no_records():
    lookups = Lookups(Resolver(nameservers=(), port=1), clock=REAL_CLOCK)

    assert lookups.texts("a..example") == ()
    assert lookups.addresses("x" * 64 + ".example") == ()
    assert lookups.alias("") == ""
    assert lookups.tlsa("_25._tcp.a..example") == Associations()


def test_domain_that_does_not_exist_is_told():
    with name_server({}) as server, pytest.raises(FluenzrError, match="dns-host-unknown"):
        Lookups(patient(server), clock=REAL_CLOCK).exchangers(DOMAIN)


def test_exchangers_are_those_of_the_resolver():
    with name_server(ZONE) as server:
        found = Lookups(patient(server), clock=REAL_CLOCK).exchangers(DOMAIN)

    assert found == Exchangers(hosts=("mx.firma.example",), preferred=("mx.firma.example",))
