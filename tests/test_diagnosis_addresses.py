"""Each address of a server is connected to: which answer, which do not; all within the time of one step."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fluenzr_smtp.diagnosis import diagnose, examine
from fluenzr_smtp.model import Check, Endpoint, Security, Target
from fluenzr_smtp.problems import ProblemCode, Stage
from tests.servers.mailhost import free_ports
from tests.servers.scripted import ScriptedServer, submission_script
from tests.sessions import BRIEF, PATIENT, REAL_CLOCK, endpoint_at

CODE = ProblemCode
HOST = "many.shop.test"

Names = Callable[..., None]


@pytest.fixture
def names(monkeypatch) -> Names:
    """Let the system's resolver know one more host."""
    real = socket.getaddrinfo

    def resolves_to(*addresses: str) -> None:
        def asked(host: str, port: int, **how: Any) -> list[Any]:
            if host != HOST:
                return real(host, port, **how)
            return [_answer(address, port) for address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", asked)

    return resolves_to


def _answer(address: str, port: int) -> tuple[Any, ...]:
    if ":" in address:
        return socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port on every address of this machine whose queue is full: further connections are not answered."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("0.0.0.0", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


def connects(port: int, security: Security = Security.NONE, *, timeout: float = PATIENT) -> list[Check]:
    """Return the checks of the connections to the host with many addresses."""
    target = Target(name=HOST, smtp=endpoint_at(HOST, port, security))
    checks = examine(target, None, clock=REAL_CLOCK, timeout=timeout)
    return [check for check in checks if check.stage is Stage.CONNECT]


def told(check: Check) -> tuple[Any, ...]:
    code = check.problem.code if check.problem else None
    return check.facts["address"], check.facts["used"], code, check.is_advisory


class TestAddresses:
    def test_both_families_are_told_apart(self, names):
        names("127.0.0.1", "::1", "127.0.0.2")
        target = Target(name=HOST, smtp=endpoint_at(HOST, 1, Security.NONE))

        resolved, *_ = examine(target, None, clock=REAL_CLOCK, timeout=PATIENT)

        assert resolved.facts == {
            "addresses": ("127.0.0.1", "::1", "127.0.0.2"),
            "ipv4": ("127.0.0.1", "127.0.0.2"),
            "ipv6": ("::1",),
        }

    def test_dead_address_beside_one_that_works_is_worth_knowing_only(self, names):
        names("127.0.0.2", "127.0.0.1")

        with ScriptedServer(submission_script()) as server:
            checks = connects(server.port)

        assert {told(check) for check in checks} == {
            ("127.0.0.1", True, None, False),
            ("127.0.0.2", False, CODE.CONNECT_REFUSED, True),
        }
        assert len(server.connections) == 1

    def test_one_of_several_that_work_is_gone_on_with(self, names):
        names("127.0.0.1", "127.0.0.1", "127.0.0.9")
        (port,) = free_ports(1)

        with socket.create_server(("127.0.0.1", port)), socket.create_server(("127.0.0.9", port)):
            checks = connects(port, timeout=BRIEF)

        assert sorted(check.facts["address"] for check in checks) == ["127.0.0.1", "127.0.0.9"]
        assert [check.facts["used"] for check in checks].count(True) == 1
        assert all(check.ok for check in checks)

    def test_session_goes_on_after_a_dead_address(self, names):
        names("127.0.0.2", "127.0.0.1")

        with ScriptedServer(submission_script()) as server:
            target = Target(name=HOST, smtp=endpoint_at(HOST, server.port, Security.NONE))
            checks = list(examine(target, None, clock=REAL_CLOCK, timeout=PATIENT))

        assert checks[-1].stage is Stage.SIZE
        assert not any(check.is_failure for check in checks)

    def test_all_dead_is_one_failure_and_the_most_telling_one(self, names, full_port):
        names("127.0.0.1", "::1", "127.0.0.2")

        checks = connects(full_port, timeout=BRIEF)

        (failure,) = [check for check in checks if check.is_failure]
        assert len(checks) == 3
        assert checks[-1] is failure
        assert failure.problem is not None
        assert failure.problem.code in {CODE.CONNECT_TIMEOUT, CODE.CONNECT_REFUSED}

    @pytest.mark.parametrize("count", [1, 50])
    def test_dead_addresses_cost_the_time_of_one_step_together(self, names, full_port, count):
        names(*(f"127.0.1.{number}" for number in range(1, count + 1)))

        checks = connects(full_port, timeout=BRIEF)

        assert len(checks) == count
        assert {check.problem.code for check in checks if check.problem} == {CODE.CONNECT_TIMEOUT}
        assert [check.is_failure for check in checks].count(True) == 1
        assert max(check.elapsed.total_seconds() for check in checks) < BRIEF + 1

    def test_no_more_than_64_addresses_are_looked_at(self, names):
        names(*(f"127.0.2.{number}" for number in range(1, 200)))

        checks = connects(free_ports(1)[0])

        assert len(checks) == 64

    def test_address_beyond_this_machine_is_not_connected_to_without_encryption(self, names):
        names("127.0.0.1", "192.0.2.1")

        (check,) = connects(25)

        assert check.problem is not None
        assert check.problem.code is CODE.ENCRYPTION_REQUIRED
        assert check.is_failure


class TestBridge:
    @pytest.mark.parametrize("port", [1025, 1143])
    def test_refused_port_of_bridge_means_that_it_does_not_run(self, port):
        _skip_if_taken(port)
        endpoint = Endpoint(host="127.0.0.1", port=port, security=Security.STARTTLS)
        protocol = "smtp" if port == 1025 else "imap"

        checks = list(
            diagnose(
                Target(name="bridge", **{protocol: endpoint}),
                None,
                clock=REAL_CLOCK,
                timeout=PATIENT,
                known={},
                try_usernames=False,
            )
        )

        assert checks[-1].problem is not None
        assert (checks[-1].stage, checks[-1].problem.code) == (Stage.CONNECT, CODE.BRIDGE_NOT_RUNNING)


def _skip_if_taken(port: int) -> None:
    with socket.socket() as client:
        if client.connect_ex(("127.0.0.1", port)) == 0:
            pytest.skip(f"something listens on port {port}")
