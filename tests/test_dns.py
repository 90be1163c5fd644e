"""The look-up of mail exchangers against a real name server on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.dns import mail_exchangers
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ExitStatus, ProblemCode, Stage

Answer = Callable[[dns.message.Message], dns.message.Message | bytes | None]

DOMAIN = "firma.example"
PATIENT = 10.0
"""Seconds that no look-up needs here: every server but the silent one answers at once."""


@contextmanager
def name_server(answer: Answer) -> Iterator[int]:
    """Serve over UDP on a free loopback port until the block ends; ``answer`` None or b"" stays silent."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
        server.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve_udp, args=(server, answer))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as stopper:
                stopper.sendto(b"", server.getsockname())
            thread.join()


def _serve_udp(server: socket.socket, answer: Answer) -> None:
    while True:
        wire, client = server.recvfrom(65535)
        if not wire:
            return
        reply = answer(dns.message.from_wire(wire))
        if reply is not None:
            server.sendto(reply if isinstance(reply, bytes) else reply.to_wire(), client)


def records(*texts: str, name: str = DOMAIN + ".", rdtype: str = "MX") -> Answer:
    def answer(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.answer.append(dns.rrset.from_text(name, 300, "IN", rdtype, *texts))
        return reply

    return answer


def refusal(rcode: dns.rcode.Rcode) -> Answer:
    def answer(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.set_rcode(rcode)
        return reply

    return answer


def look_up(answer: Answer, *, domain: str = DOMAIN, timeout: float = PATIENT) -> tuple[str, ...]:
    with name_server(answer) as port:
        return mail_exchangers(domain, timeout=timeout, nameservers=("127.0.0.1",), port=port)


def test_exchangers_come_by_preference_in_lower_case_without_the_last_dot():
    answer = records("20 MX2.Mail.OVH.net.", "5 mx1.mail.ovh.net.", "100 mx3.mail.ovh.net.")

    assert look_up(answer) == ("mx1.mail.ovh.net", "mx2.mail.ovh.net", "mx3.mail.ovh.net")


def test_exchangers_of_equal_preference_come_in_a_stable_order():
    answer = records("10 b.example.", "10 c.example.", "10 a.example.")

    assert look_up(answer) == ("a.example", "b.example", "c.example")


def test_exchanger_named_twice_comes_once():
    assert look_up(records("10 mx.example.", "20 MX.example.")) == ("mx.example",)


def test_exchangers_are_found_behind_an_alias():
    def answer(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.answer.append(dns.rrset.from_text(DOMAIN + ".", 300, "IN", "CNAME", "other.example."))
        reply.answer.append(dns.rrset.from_text("other.example.", 300, "IN", "MX", "10 mx.other.example."))
        return reply

    assert look_up(answer) == ("mx.other.example",)


def test_domain_without_mx_has_no_exchangers():
    assert look_up(refusal(dns.rcode.NOERROR)) == ()


def test_null_mx_means_no_exchangers():
    assert look_up(records("0 .")) == ()


def test_control_characters_in_a_name_come_escaped():
    assert look_up(records(r"10 evil\027[31m.example.")) == (r"evil\027[31m.example",)


@pytest.mark.parametrize(
    "domain", ["ação.example", "AÇÃO.example", "xn--ao-siap.example", "xn--ao-siap.example."]
)
def test_international_domain_is_asked_for_in_its_ascii_form(domain):
    asked = []

    def answer(query: dns.message.Message) -> dns.message.Message:
        asked.append(query.question[0].name.to_text())
        return dns.message.make_response(query)

    look_up(answer, domain=domain)

    assert asked == ["xn--ao-siap.example."]


def test_domain_is_asked_for_as_it_is_without_a_search_list():
    asked = []

    def answer(query: dns.message.Message) -> dns.message.Message:
        asked.append(query.question[0].name.to_text())
        return refusal(dns.rcode.NXDOMAIN)(query)

    with pytest.raises(FluenzrError):
        look_up(answer, domain="localname")

    assert asked == ["localname."]


def test_domain_that_does_not_exist_is_an_unknown_host():
    with pytest.raises(FluenzrError) as caught:
        look_up(refusal(dns.rcode.NXDOMAIN))

    problem = caught.value.problem
    assert (problem.code, problem.stage) == (ProblemCode.DNS_HOST_UNKNOWN, Stage.RESOLVE)
    assert problem.facts["host"] == DOMAIN
    assert problem.exit_status is ExitStatus.NO_HOST


@pytest.mark.parametrize(
    "domain",
    [
        "",
        ".",
        "a..example",
        "x" * 64 + ".example",
        "a." * 130,
        "\ud800.example",
        r"\999.example",
        "☃.example",
    ],
    ids=["empty", "root", "empty-label", "long-label", "long-name", "surrogate", "escape", "no-idna"],
)
def test_domain_that_cannot_exist_is_an_unknown_host_and_asked_of_nobody(domain):
    with pytest.raises(FluenzrError) as caught:
        mail_exchangers(domain, timeout=PATIENT, nameservers=(), port=1)

    assert caught.value.problem.code is ProblemCode.DNS_HOST_UNKNOWN


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refusal(dns.rcode.SERVFAIL), "server-failure"),
        (refusal(dns.rcode.REFUSED), "server-failure"),
        (refusal(dns.rcode.YXDOMAIN), "server-failure"),
    ],
    ids=["servfail", "refused", "yxdomain"],
)
def test_server_that_cannot_answer_is_a_passing_failure(answer, reason):
    with pytest.raises(FluenzrError) as caught:
        look_up(answer)

    problem = caught.value.problem
    assert (problem.code, problem.facts["reason"]) == (ProblemCode.DNS_UNAVAILABLE, reason)
    assert problem.exit_status is ExitStatus.TEMPORARY


def _foreign_id(query: dns.message.Message) -> dns.message.Message:
    reply = records("10 mx.evil.example.")(query)
    reply.id = query.id ^ 1
    return reply


@pytest.mark.parametrize(
    "answer",
    [lambda query: None, lambda query: b"\x00nonsense", _foreign_id],
    ids=["silent", "nonsense", "foreign-id"],
)
def test_look_up_without_a_usable_answer_ends_by_itself(answer):
    with pytest.raises(FluenzrError) as caught:
        look_up(answer, timeout=0.2)

    problem = caught.value.problem
    assert (problem.code, problem.facts["reason"]) == (ProblemCode.DNS_UNAVAILABLE, "no-answer")


def test_second_server_is_asked_where_the_first_one_fails():
    with name_server(records("10 mx.example.")) as port:
        found = mail_exchangers(
            DOMAIN, timeout=PATIENT, nameservers=("255.255.255.255", "127.0.0.1"), port=port
        )

    assert found == ("mx.example",)


def test_machine_without_name_servers_is_a_passing_failure():
    with pytest.raises(FluenzrError) as caught:
        mail_exchangers(DOMAIN, timeout=PATIENT, nameservers=())

    assert caught.value.problem.code is ProblemCode.DNS_UNAVAILABLE


def test_answer_too_long_for_udp_is_fetched_over_tcp():
    def truncated(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.TC
        return reply

    with name_server(truncated) as port, closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        listener.settimeout(PATIENT)
        thread = threading.Thread(target=_answer_once_over_tcp, args=(listener, records("10 mx.example.")))
        thread.start()
        found = mail_exchangers(DOMAIN, timeout=PATIENT, nameservers=("127.0.0.1",), port=port)
        thread.join()

    assert found == ("mx.example",)


def _answer_once_over_tcp(listener: socket.socket, answer: Answer) -> None:
    connection, _ = listener.accept()
    with closing(connection):
        query, _ = dns.query.receive_tcp(connection)
        dns.query.send_tcp(connection, answer(query))


@given(domain=st.text(max_size=80))
def test_any_text_for_a_domain_ends_in_a_named_failure(domain):
    with pytest.raises(FluenzrError) as caught:
        mail_exchangers(domain, timeout=PATIENT, nameservers=())

    assert caught.value.problem.code in (ProblemCode.DNS_HOST_UNKNOWN, ProblemCode.DNS_UNAVAILABLE)
