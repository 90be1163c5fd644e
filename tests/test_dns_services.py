"""SRV records, asked of a real name server on loopback."""

from __future__ import annotations

import pytest

from fluenzr_smtp.dns import Resolver, Service, Services
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ProblemCode
from tests.servers.nameserver import SILENCE, name_server

NAME = "_submissions._tcp.firma.example"


def services(*records: str, name: str = NAME, is_authenticated: bool = False) -> Services:
    zone = {(NAME, "SRV"): list(records)} if records else {}
    with name_server(zone, is_authenticated=is_authenticated) as server:
        return Resolver(nameservers=("127.0.0.1",), port=server.port, timeout=10.0).services(name)


def test_services_come_by_priority_and_then_by_weight():
    found = services("20 0 465 c.example.", "10 1 465 b.example.", "10 5 587 A.Example.")

    assert found.found == (Service("a.example", 587), Service("b.example", 465), Service("c.example", 465))


def test_name_without_records_has_no_services():
    assert services() == Services()


def test_target_of_a_dot_says_that_the_service_is_not_offered():
    found = services("0 0 0 .")

    assert (found.found, found.is_refused) == ((), True)


def test_target_without_a_port_is_none():
    assert services("0 0 0 a.example.") == Services(is_refused=False)


def test_service_named_twice_comes_once():
    assert services("0 1 465 a.example.", "5 1 465 A.example.").found == (Service("a.example", 465),)


@pytest.mark.parametrize("is_authenticated", [True, False])
def test_resolver_of_this_machine_is_believed_to_have_validated(is_authenticated):
    assert (
        services("0 1 465 a.example.", is_authenticated=is_authenticated).is_authenticated is is_authenticated
    )


def test_resolver_elsewhere_is_not_believed_to_have_validated():
    assert not Resolver(nameservers=("192.0.2.1",), port=53, timeout=1.0)._is_local()
    assert not Resolver(nameservers=("127.0.0.1", "192.0.2.1"), port=53, timeout=1.0)._is_local()
    assert Resolver(nameservers=("127.0.0.1", "::1"), port=53, timeout=1.0)._is_local()


def test_silent_name_server_is_not_waited_for():
    with name_server({(NAME, "SRV"): SILENCE}) as server, pytest.raises(FluenzrError) as caught:
        Resolver(nameservers=("127.0.0.1",), port=server.port, timeout=0.4).services(NAME)

    assert caught.value.problem.code is ProblemCode.DNS_UNAVAILABLE
