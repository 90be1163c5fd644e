"""One connection: a deadline for each step, bounds on what is read, and no further word after a fault."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock, Endpoint, Security
from fluenzr_smtp.problems import Problem, ProblemCode, Stage
from fluenzr_smtp.wire import MAX_LINE_BYTES, MAX_STEP_BYTES, Address, Wire, service_of
from tests.servers.scripted import (
    Close,
    Dribble,
    Endless,
    ReadLine,
    Reset,
    ScriptedServer,
    Send,
    Silence,
    Step,
)
from tests.sessions import BRIEF, PATIENT, REAL_CLOCK, SteppingClock, endpoint_of


def at(port: int) -> Address:
    return Address(socket.AF_INET, ("127.0.0.1", port))


@contextlib.contextmanager
def wire_to(server: ScriptedServer, *, timeout: float = PATIENT, clock: Clock = REAL_CLOCK) -> Iterator[Wire]:
    wire = Wire(endpoint_of(server), clock=clock, timeout=timeout)
    wire.connect((at(server.port),))
    wire.begin(Stage.GREETING)
    try:
        yield wire
    finally:
        wire.close()


def problem_with(
    *steps: Step,
    read: Callable[[Wire], object],
    timeout: float = PATIENT,
    clock: Clock = REAL_CLOCK,
) -> Problem:
    """Return the problem in which reading from a server ends."""
    with (
        ScriptedServer(steps) as server,
        wire_to(server, timeout=timeout, clock=clock) as wire,
        pytest.raises(FluenzrError) as caught,
    ):
        read(wire)
    return caught.value.problem


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is bound and on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue of connections is full, so that further ones are not answered."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def unopened(*, host: str = "127.0.0.1", port: int = 1, timeout: float = PATIENT) -> Wire:
    endpoint = Endpoint(host=host, port=port, security=Security.STARTTLS)
    wire = Wire(endpoint, clock=REAL_CLOCK, timeout=timeout)
    wire.begin(Stage.CONNECT)
    return wire


class TestResolve:
    def test_loopback_has_an_address(self):
        addresses = unopened(host="localhost", port=587).resolve()

        assert ("127.0.0.1", 587) in [address.place for address in addresses]

    @pytest.mark.parametrize(
        "host",
        [
            pytest.param("a" * 64 + ".test", id="label-too-long"),
            pytest.param("mail..test", id="empty-label"),
            pytest.param("mail\0.test", id="nul"),
        ],
    )
    def test_name_that_cannot_exist_is_unknown(self, host):
        with pytest.raises(FluenzrError) as caught:
            unopened(host=host).resolve()

        assert caught.value.problem.code is ProblemCode.DNS_HOST_UNKNOWN
        assert caught.value.problem.exit_status == 68


class TestConnect:
    def test_closed_port_is_refused_and_worth_another_try(self, closed_port):
        with pytest.raises(FluenzrError) as caught:
            unopened(port=closed_port).connect((at(closed_port),))

        problem = caught.value.problem
        assert (problem.code, problem.exit_status) == (ProblemCode.CONNECT_REFUSED, 75)
        assert (problem.facts["host"], problem.facts["port"]) == ("127.0.0.1", closed_port)

    def test_unanswered_connection_times_out(self, full_port):
        with pytest.raises(FluenzrError) as caught:
            unopened(timeout=BRIEF).connect((at(full_port),))

        assert caught.value.problem.code is ProblemCode.CONNECT_TIMEOUT
        assert caught.value.problem.exit_status == 75

    def test_next_address_is_tried_after_a_refusal(self, closed_port):
        with ScriptedServer((Silence(),)) as server:
            wire = unopened()

            chosen = wire.connect((at(closed_port), at(server.port)))
            wire.close()

        assert chosen == at(server.port)

    def test_refusal_is_told_rather_than_the_silence_of_another_address(self, closed_port, full_port):
        addresses = (at(closed_port), at(full_port))

        with pytest.raises(FluenzrError) as caught:
            unopened(timeout=BRIEF).connect(addresses)

        assert caught.value.problem.code is ProblemCode.CONNECT_REFUSED

    def test_no_address_is_unreachable(self):
        with pytest.raises(FluenzrError) as caught:
            unopened().connect(())

        assert caught.value.problem.code is ProblemCode.CONNECT_UNREACHABLE


class TestReading:
    def test_lines_are_told_apart_however_they_arrive(self):
        steps = (Dribble(b"one\r\ntwo\nth", 0.001), Send(b"ree\r\n"))

        with ScriptedServer(steps) as server, wire_to(server) as wire:
            lines = [wire.read_line() for _ in range(4)]

        assert lines == [b"one\r\n", b"two\n", b"three\r\n", b""]

    def test_rest_before_the_end_of_the_stream_is_given_back_without_line_end(self):
        with ScriptedServer((Send(b"250 2.0"), Close())) as server, wire_to(server) as wire:
            assert wire.read_line() == b"250 2.0"

    def test_longest_line_is_read(self):
        line = b"x" * (MAX_LINE_BYTES - 1) + b"\n"

        with ScriptedServer((Send(line),)) as server, wire_to(server) as wire:
            assert wire.read_line() == line

    @pytest.mark.parametrize(
        "sent",
        [
            pytest.param(b"x" * MAX_LINE_BYTES + b"\n", id="one-byte-too-long"),
            pytest.param(b"x" * MAX_LINE_BYTES, id="without-end"),
        ],
    )
    def test_longer_line_is_refused(self, sent):
        problem = problem_with(Send(sent), Silence(), read=Wire.read_line)

        assert problem.code is ProblemCode.REPLY_TOO_LONG

    def test_step_takes_a_mebibyte_and_no_more(self):
        taken: list[int] = []

        problem = problem_with(
            Endless(b"x" * 1023 + b"\n"),
            read=lambda wire: taken.extend(len(wire.read_line()) for _ in itertools.count()),
        )

        assert problem.code is ProblemCode.REPLY_TOO_LONG
        assert MAX_STEP_BYTES - 32 * 1024 <= sum(taken) <= MAX_STEP_BYTES

    def test_next_step_has_a_budget_of_its_own(self):
        line = b"x" * 60_000 + b"\n"
        with ScriptedServer((Endless(line, limit=5 << 20),)) as server, wire_to(server) as wire:
            for _ in range(30):
                wire.begin(Stage.MESSAGE)

                assert wire.read_line() == line

    def test_hundred_megabytes_without_line_end_cost_no_memory(self):
        with ScriptedServer((Endless(b"\xff" * 65_536, limit=100 << 20),)) as server, wire_to(server) as wire:
            tracemalloc.start()
            with pytest.raises(FluenzrError):
                wire.read_line()
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            connection = server.finished_connection()

        assert peak < 2 << 20
        assert isinstance(connection.ended_by, ConnectionError)

    def test_announced_size_beyond_the_budget_is_refused_unread(self):
        problem = problem_with(
            Send(b"x" * 100), Silence(), read=lambda wire: wire.read_exact(2_000_000_000), timeout=60
        )

        assert problem.code is ProblemCode.REPLY_TOO_LONG

    def test_size_is_read_exactly_and_less_at_the_end(self):
        with ScriptedServer((Send(b"abcdef"), Close())) as server, wire_to(server) as wire:
            assert (wire.read_exact(4), wire.read_exact(4)) == (b"abcd", b"ef")

    def test_reset_is_a_lost_connection(self):
        with ScriptedServer((Send(b"25"), ReadLine(), Reset())) as server, wire_to(server) as wire:
            wire.write(b"go\r\n")
            with pytest.raises(FluenzrError) as caught:
                wire.read_line()

        assert caught.value.problem.code is ProblemCode.CONNECTION_LOST
        assert caught.value.problem.exit_status == 75


class TestDeadline:
    def test_silence_ends_at_the_time_out(self):
        before = time.monotonic()

        problem = problem_with(Silence(), read=Wire.read_line, timeout=BRIEF)

        assert problem.code is ProblemCode.REPLY_TIMEOUT
        assert BRIEF <= time.monotonic() - before < BRIEF + 2

    def test_server_that_never_pauses_long_ends_at_the_time_out_too(self):
        problem = problem_with(Dribble(b"x" * 10_000, 0.01), read=Wire.read_line, timeout=BRIEF)

        assert problem.code is ProblemCode.REPLY_TIMEOUT

    def test_each_byte_counts_against_the_same_deadline(self):
        slow = SteppingClock(per_look=1.0).clock

        problem = problem_with(Dribble(b"x" * 1000, 0.001), read=Wire.read_line, timeout=30, clock=slow)

        assert problem.code is ProblemCode.REPLY_TIMEOUT
        assert problem.facts["seconds"] == 30

    def test_peer_that_does_not_read_cannot_hold_a_write(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            wire = unopened(timeout=BRIEF)
            wire.connect((at(listener.getsockname()[1]),))
            with pytest.raises(FluenzrError) as caught:
                wire.write(b"x" * (64 << 20))

        assert caught.value.problem.code is ProblemCode.REPLY_TIMEOUT


class TestAfterAFault:
    @pytest.mark.parametrize(
        "sent", [pytest.param(b"x" * MAX_LINE_BYTES, id="too-long"), pytest.param(b"", id="time-out")]
    )
    def test_connection_is_closed_and_cannot_be_used(self, sent):
        with ScriptedServer((Send(sent), Silence())) as server, wire_to(server, timeout=BRIEF) as wire:
            with pytest.raises(FluenzrError):
                wire.read_line()

            with pytest.raises(FluenzrError) as caught:
                wire.write(b"QUIT\r\n")
            heard = server.finished_connection().received

        assert caught.value.problem.code is ProblemCode.CONNECTION_LOST
        assert heard == b""

    def test_unread_bytes_are_noticed_without_waiting(self):
        with ScriptedServer((Send(b"220 hi\r\n250 early\r\n"), Silence())) as server, wire_to(server) as wire:
            wire.read_line()

            assert wire.has_arrived()

    def test_silence_is_noticed_without_waiting(self):
        with ScriptedServer((Silence(),)) as server, wire_to(server) as wire:
            assert not wire.has_arrived()


class TestServices:
    @pytest.mark.parametrize(
        ("greeting", "service"),
        [
            pytest.param(b"220 mail.shop.test ESMTP Postfix\r\n", "SMTP", id="smtp"),
            pytest.param(b"554 5.7.1 no\r\n", "SMTP", id="smtp-refusing"),
            pytest.param(b"220 ftp.shop.test ESMTP ready\r\n", "SMTP", id="smtp-on-a-host-named-ftp"),
            pytest.param(b"220 ftp.shop.test ready\r\n", "SMTP", id="host-named-ftp"),
            pytest.param(b"* OK [CAPABILITY IMAP4rev1] ready\r\n", "IMAP", id="imap"),
            pytest.param(b"* BYE no\r\n", "IMAP", id="imap-refusing"),
            pytest.param(b"+OK ready\r\n", "POP3", id="pop3"),
            pytest.param(b"-ERR busy\r\n", "POP3", id="pop3-refusing"),
            pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", "SSH", id="ssh"),
            pytest.param(b"HTTP/1.1 400 Bad Request\r\n", "HTTP", id="http"),
            pytest.param(b"<!DOCTYPE HTML>\n", "HTTP", id="http-0.9"),
            pytest.param(b"220 (vsFTPd 3.0.3)\r\n", "FTP", id="vsftpd"),
            pytest.param(b"220 ProFTPD Server (Debian) [::ffff:192.0.2.1]\r\n", "FTP", id="proftpd"),
            pytest.param(b"220-FileZilla Server 1.7\r\n", "FTP", id="filezilla"),
            pytest.param(b"220 Microsoft FTP Service\r\n", "FTP", id="iis"),
            pytest.param(b"220---------- Welcome to Pure-FTPd [TLS] ----------\r\n", "FTP", id="pure-ftpd"),
            pytest.param(b"200 news.shop.test InterNetNews ready\r\n", "NNTP", id="nntp"),
            pytest.param(b"hello\r\n", "", id="unknown"),
            pytest.param(b"", "", id="nothing"),
            pytest.param(b"\xff\x00\xfe", "", id="binary"),
        ],
    )
    def test_service_is_known_by_its_first_words(self, greeting, service):
        assert service_of(greeting) == service
