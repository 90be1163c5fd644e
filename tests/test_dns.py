"""Look-ups against a real name server on loopback."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TypeVar

import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.dns import (
    Association,
    Associations,
    Exchangers,
    Resolver,
    ascii_domain,
    parse_resolver,
)
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ExitStatus, ProblemCode, Stage
from tests.servers.nameserver import SILENCE, Answer, Truncated, Zone, name_server

DOMAIN = "firma.example"
Found = TypeVar("Found")
PATIENT = 10.0
"""Seconds that no look-up needs here: every server but the silent one answers at once."""


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


def mail_exchangers(
    domain: str, *, timeout: float, nameservers: tuple[str, ...], port: int = 53
) -> tuple[str, ...]:
    return Resolver(nameservers=nameservers, port=port, timeout=timeout).exchangers(domain).hosts


def look_up(answer: Answer, *, domain: str = DOMAIN, timeout: float = PATIENT) -> tuple[str, ...]:
    with name_server(answer) as server:
        return mail_exchangers(domain, timeout=timeout, nameservers=("127.0.0.1",), port=server.port)


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
    with name_server(records("10 mx.example.")) as server:
        found = mail_exchangers(
            DOMAIN, timeout=PATIENT, nameservers=("255.255.255.255", "127.0.0.1"), port=server.port
        )

    assert found == ("mx.example",)


def test_machine_without_name_servers_is_a_passing_failure():
    with pytest.raises(FluenzrError) as caught:
        mail_exchangers(DOMAIN, timeout=PATIENT, nameservers=())

    assert caught.value.problem.code is ProblemCode.DNS_UNAVAILABLE


def test_answer_too_long_for_udp_is_fetched_over_tcp():
    assert asked({(DOMAIN, "MX"): Truncated(("10 mx.example.",))}, Resolver.exchangers).hosts == (
        "mx.example",
    )


@given(domain=st.text(max_size=80))
def test_any_text_for_a_domain_ends_in_a_named_failure(domain):
    with pytest.raises(FluenzrError) as caught:
        mail_exchangers(domain, timeout=PATIENT, nameservers=())

    assert caught.value.problem.code in (ProblemCode.DNS_HOST_UNKNOWN, ProblemCode.DNS_UNAVAILABLE)


# --- the other records ------------------------------------------------------------------------------------


def asked(
    zone: Zone | Answer,
    look: Callable[[Resolver, str], Found],
    name: str = DOMAIN,
    *,
    is_authenticated: bool = False,
    timeout: float = PATIENT,
) -> Found:
    with name_server(zone, is_authenticated=is_authenticated) as server:
        return look(Resolver(nameservers=(server.host,), port=server.port, timeout=timeout), name)


def test_texts_come_sorted_with_their_strings_joined():
    long = "v=spf1 " + "ip4:192.0.2.1 " * 60 + "-all"

    assert asked({(DOMAIN, "TXT"): (long, "other")}, Resolver.texts) == ("other", long)


def test_text_that_is_not_utf8_comes_escaped():
    assert asked({(DOMAIN, "TXT"): "caf\udce9"}, Resolver.texts) == (r"caf\xe9",)


def test_addresses_are_of_both_families():
    zone = {(DOMAIN, "A"): ("192.0.2.1", "192.0.2.2"), (DOMAIN, "AAAA"): "2001:db8::1"}

    assert asked(zone, Resolver.addresses) == ("192.0.2.1", "192.0.2.2", "2001:db8::1")


def test_alias_is_told_by_its_target():
    assert asked({(DOMAIN, "CNAME"): "GM1.gandimail.net"}, Resolver.alias) == "gm1.gandimail.net"


def test_texts_are_found_behind_an_alias():
    zone = {(DOMAIN, "CNAME"): "other.example", ("other.example", "TXT"): "v=DKIM1; p="}

    assert asked(zone, Resolver.texts) == ("v=DKIM1; p=",)


@pytest.mark.parametrize("is_authenticated", [True, False], ids=["verified", "not-verified"])
def test_association_says_whether_the_resolver_has_verified_it(is_authenticated):
    zone = {(DOMAIN, "TLSA"): "3 1 1 " + "ab" * 32}

    found = asked(zone, Resolver.tlsa, is_authenticated=is_authenticated)

    record = Association(usage=3, selector=1, matching=1, data=b"\xab" * 32)
    assert found == Associations(records=(record,), is_authenticated=is_authenticated)


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ("0 .", Exchangers(is_null=True)),
        (("10 mx.example.", "0 ."), Exchangers(hosts=("mx.example",), preferred=("mx.example",))),
    ],
    ids=["null", "null-beside-another"],
)
def test_null_mx_is_told_from_none(records, found):
    assert asked({(DOMAIN, "MX"): records}, Resolver.exchangers) == found


NOTHING = [
    (Resolver.texts, ()),
    (Resolver.addresses, ()),
    (Resolver.alias, ""),
    (Resolver.tlsa, Associations()),
]
NOTHING_IDS = ["texts", "addresses", "alias", "tlsa"]


@pytest.mark.parametrize(("look", "nothing"), NOTHING, ids=NOTHING_IDS)
@pytest.mark.parametrize("zone", [{}, {("below." + DOMAIN, "A"): "192.0.2.1"}], ids=["no-name", "no-data"])
def test_no_such_record_is_an_empty_answer(look, nothing, zone):
    assert asked(zone, look) == nothing


@pytest.mark.parametrize(("look", "nothing"), NOTHING, ids=NOTHING_IDS)
def test_record_of_another_type_in_the_answer_is_passed_over(look, nothing):
    assert asked(records("10 mx.example.", rdtype="MX"), look) == nothing


@pytest.mark.parametrize(("look", "_nothing"), NOTHING, ids=NOTHING_IDS)
def test_name_that_cannot_exist_is_asked_of_nobody(look, _nothing):
    with pytest.raises(FluenzrError) as caught:
        look(Resolver(nameservers=(), port=1), "a..example")

    assert caught.value.problem.code is ProblemCode.DNS_HOST_UNKNOWN


def _loop(query: dns.message.Message) -> dns.message.Message:
    reply = dns.message.make_response(query)
    reply.answer.append(dns.rrset.from_text(DOMAIN + ".", 300, "IN", "CNAME", "b.example."))
    reply.answer.append(dns.rrset.from_text("b.example.", 300, "IN", "CNAME", DOMAIN + "."))
    return reply


def _endless_chain(query: dns.message.Message) -> dns.message.Message:
    reply = dns.message.make_response(query)
    names = [DOMAIN + ".", *(f"n{number}.example." for number in range(30))]
    for owner, target in itertools.pairwise(names):
        reply.answer.append(dns.rrset.from_text(owner, 300, "IN", "CNAME", target))
    return reply


def _other_question(query: dns.message.Message) -> dns.message.Message:
    other = dns.message.make_query("evil.example.", "TXT", id=query.id)
    return records("evil", name="evil.example.", rdtype="TXT")(other)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_loop, "server-failure"),
        (_endless_chain, "server-failure"),
        (lambda query: b"\x00" * 3, "no-answer"),
        (_other_question, "no-answer"),
        (_foreign_id, "no-answer"),
        ({(DOMAIN, "TXT"): SILENCE}, "no-answer"),
    ],
    ids=["alias-loop", "alias-chain", "garbage", "other-question", "foreign-id", "silence"],
)
def test_hostile_answer_ends_in_a_named_failure(answer, reason):
    with pytest.raises(FluenzrError) as caught:
        asked(answer, Resolver.texts, timeout=0.2)

    problem = caught.value.problem
    assert (problem.code, problem.facts["reason"]) == (ProblemCode.DNS_UNAVAILABLE, reason)


def test_text_of_64_kilobytes_is_read_whole():
    long = "x" * 64_000

    assert asked({(DOMAIN, "TXT"): long}, Resolver.texts) == (long,)


def test_of_thousands_of_records_a_hundred_are_read():
    zone = {(DOMAIN, "TXT"): tuple(str(number) for number in range(3000))}

    assert len(asked(zone, Resolver.texts)) == 100


# --- what is given ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("9.9.9.9", ("9.9.9.9", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("[::1]:5353", ("::1", 5353)),
        ("[2620:fe::fe]", ("2620:fe::fe", 53)),
        ("2620:fe::fe", ("2620:fe::fe", 53)),
        (" 9.9.9.9 ", ("9.9.9.9", 53)),
    ],
)
def test_resolver_is_an_address_and_perhaps_a_port(text, found):
    assert parse_resolver(text) == found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not-an-ip-address"),
        ("dns.example", "not-an-ip-address"),
        ("dns.example:53", "not-an-ip-address"),
        ("999.1.1.1", "not-an-ip-address"),
        ("[::1:53", "not-an-ip-address"),
        ("9.9.9.9:0", "not-a-port"),
        ("9.9.9.9:65536", "not-a-port"),
        ("9.9.9.9:", "not-a-port"),
        ("9.9.9.9:²", "not-a-port"),
        ("9.9.9.9:" + "9" * 5000, "not-a-port"),
    ],
)
def test_what_is_no_resolver_is_refused_with_the_reason(text, reason):
    with pytest.raises(FluenzrError) as caught:
        parse_resolver(text)

    problem = caught.value.problem
    assert (problem.code, problem.exit_status) == (ProblemCode.SETTING_INVALID, ExitStatus.USAGE)
    assert (problem.facts["setting"], problem.facts["reason"]) == ("--resolver", reason)


def attempted(text: str) -> int | ProblemCode:
    """Return the port that was read, or the code of the refusal."""
    try:
        return parse_resolver(text)[1]
    except FluenzrError as error:
        return error.problem.code


@given(text=st.text(max_size=40))
def test_any_text_for_a_resolver_is_one_or_refused(text):
    found = attempted(text)

    assert found is ProblemCode.SETTING_INVALID or 1 <= found <= 65535


def test_domain_becomes_lower_case_a_labels():
    assert ascii_domain("AÇÃO.Example.") == "xn--ao-siap.example"
