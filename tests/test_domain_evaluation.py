"""What an SPF record amounts to with all that it includes."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.dns import Resolver
from fluenzr_smtp.domain.evaluation import Evaluation, covers, evaluate
from fluenzr_smtp.domain.lookups import Lookups
from fluenzr_smtp.domain.spf import Qualifier, SPFRecord, parse_spf
from fluenzr_smtp.domain.tags import RecordFault
from tests.servers.nameserver import Zone, name_server
from tests.sessions import REAL_CLOCK

DOMAIN = "firma.example"


def evaluated(text: str, zone: Zone | None = None) -> Evaluation:
    record = parse_spf(text)
    assert isinstance(record, SPFRecord)
    with name_server(zone or {}) as server:
        resolver = Resolver(nameservers=(server.host,), port=server.port)
        return evaluate(record, DOMAIN, Lookups(resolver, clock=REAL_CLOCK))


def spf(**records: str) -> Zone:
    return {(f"{name}.example", "TXT"): text for name, text in records.items()}


def networks(*texts: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


def test_lookups_are_counted_through_every_include_and_redirect():
    zone = {
        **spf(a="v=spf1 include:b.example mx -all", b="v=spf1 exists:%{i}.c.example ptr -all"),
        **spf(d="v=spf1 a -all"),
        ("d.example", "A"): "192.0.2.9",
        ("a.example", "MX"): "10 mx.a.example.",
        ("mx.a.example", "A"): "192.0.2.8",
    }

    found = evaluated("v=spf1 ip4:192.0.2.1 include:a.example a:d.example redirect=d.example", zone)

    assert found.lookups == 8
    assert found.costs == ("include:a.example 5", "a:d.example 1", "redirect=d.example 2")
    assert found.fault is None


def test_networks_are_those_of_everybody_who_is_admitted():
    zone = {
        **spf(a="v=spf1 ip4:198.51.100.0/24 ?ip4:203.0.113.0/24 -all"),
        **spf(b="v=spf1 ip4:203.0.113.9 -all"),
        (DOMAIN, "A"): "192.0.2.7",
        (DOMAIN, "AAAA"): "2001:db8::7",
    }

    found = evaluated("v=spf1 a/30//64 include:a.example ~include:b.example -all", zone)

    assert found.networks == networks("192.0.2.4/30", "2001:db8::/64", "198.51.100.0/24")
    assert found.included == {"a.example"}


def test_name_in_other_letters_is_the_same():
    found = evaluated("v=spf1 include:A.Example. -all", spf(a="v=spf1 -all"))

    assert found.included == {"a.example"}


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("v=spf1 mx:a.example -all", Qualifier.FAIL),
        ("v=spf1 redirect=a.example", Qualifier.SOFTFAIL),
        ("v=spf1 redirect=a.example ?all", Qualifier.NEUTRAL),
        ("v=spf1 ip4:192.0.2.1", None),
    ],
    ids=["own", "of-the-redirect", "own-before-redirect", "none"],
)
def test_default_is_what_befalls_everybody_else(text, default):
    assert evaluated(text, spf(a="v=spf1 ~all")).default is default


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("v=spf1 +all", {}),
        ("v=spf1 all", {}),
        ("v=spf1 ip4:0.0.0.0/0 -all", {}),
        ("v=spf1 ip6:::/0 -all", {}),
        ("v=spf1 include:a.example -all", spf(a="v=spf1 +all")),
        ("v=spf1 redirect=a.example", spf(a="v=spf1 +all")),
    ],
    ids=["all", "bare-all", "ip4", "ip6", "included", "redirected"],
)
def test_record_that_admits_everybody_is_told(text, zone):
    assert evaluated(text, zone).admits_everybody


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("v=spf1 -ip4:0.0.0.0/0 -all", {}),
        ("v=spf1 ?include:a.example -all", spf(a="v=spf1 +all")),
        ("v=spf1 include:a.example -all", spf(a="v=spf1 ?all")),
    ],
)
def test_record_that_does_not_is_not(text, zone):
    assert not evaluated(text, zone).admits_everybody


@pytest.mark.parametrize(
    ("text", "zone", "fault"),
    [
        ("v=spf1 include:firma.example -all", {}, RecordFault("loop", DOMAIN)),
        (
            "v=spf1 include:a.example -all",
            spf(a="v=spf1 include:b.example", b="v=spf1 redirect=a.example"),
            RecordFault("loop", "a.example"),
        ),
        ("v=spf1 redirect=firma.example", {}, RecordFault("loop", DOMAIN)),
        ("v=spf1 include:gone.example -all", {}, RecordFault("include-without-record", "gone.example")),
        ("v=spf1 redirect=gone.example", {}, RecordFault("redirect-without-record", "gone.example")),
        (
            "v=spf1 include:a.example -all",
            {("a.example", "TXT"): ("v=spf1 -all", "v=spf1 +all")},
            RecordFault("several-records", "a.example"),
        ),
        (
            "v=spf1 include:a.example -all",
            spf(a="v=spf1 ipv4:192.0.2.1"),
            RecordFault("unknown-mechanism", "a.example: ipv4:192.0.2.1"),
        ),
        (
            "v=spf1 mx -all",
            {(DOMAIN, "MX"): tuple(f"10 mx{number}.example." for number in range(11))},
            RecordFault("too-many-exchangers", "mx"),
        ),
    ],
    ids=["itself", "circle", "redirect", "no-include", "no-redirect", "two", "broken-include", "many-mx"],
)
def test_what_makes_receivers_give_up_is_told(text, zone, fault):
    assert evaluated(text, zone).fault == fault


def test_same_include_twice_is_no_loop():
    zone = spf(a="v=spf1 include:c.example -all", b="v=spf1 include:c.example -all", c="v=spf1 -all")

    found = evaluated("v=spf1 include:a.example include:b.example -all", zone)

    assert (found.fault, found.lookups) == (None, 4)


def test_endless_chain_of_includes_is_given_up():
    zone = spf(**{f"n{number}": f"v=spf1 include:n{number + 1}.example -all" for number in range(200)})

    found = evaluated("v=spf1 include:n0.example -all", zone)

    assert found.lookups == 31


def test_names_without_address_are_void():
    found = evaluated("v=spf1 a mx a:b.example mx:c.example -all", {("c.example", "MX"): "10 d.example."})

    assert found.void_lookups == 4


def test_what_depends_on_the_message_is_named():
    text = "v=spf1 exists:%{i}.a.example include:%{d}.b.example ptr a:%{d2} -all"

    assert evaluated(text).unevaluated == (
        "exists:%{i}.a.example",
        "include:%{d}.b.example",
        "ptr",
        "a:%{d2}",
    )


@pytest.mark.parametrize(
    ("have", "wanted", "is_covered"),
    [
        (("192.0.2.0/24",), ("192.0.2.7/32",), True),
        (("192.0.2.0/25", "192.0.2.128/25"), ("192.0.2.0/24",), True),
        (("192.0.2.0/24",), ("192.0.2.0/23",), False),
        (("192.0.2.0/24",), ("192.0.2.0/24", "2001:db8::/32"), False),
        (("2001:db8::/32", "192.0.2.0/24"), ("2001:db8:1::/48", "192.0.2.1/32"), True),
        (("192.0.2.0/24",), (), False),
    ],
)
def test_networks_cover_others_where_all_are_within(have, wanted, is_covered):
    assert covers(networks(*have), networks(*wanted)) is is_covered


@given(st.lists(st.ip_addresses(v=4).map(ipaddress.ip_network), min_size=1, max_size=8))
def test_networks_cover_themselves(found):
    assert covers(tuple(found), tuple(found))
