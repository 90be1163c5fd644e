"""The grammar of SPF records."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.domain.spf import (
    Qualifier,
    SPFRecord,
    merged,
    misspelt_spf_texts,
    parse_spf,
    spf_texts,
    with_default,
    with_include,
)
from fluenzr_smtp.domain.tags import RecordFault


def read(text: str) -> SPFRecord:
    record = parse_spf(text)
    assert isinstance(record, SPFRecord), record
    return record


@pytest.mark.parametrize(
    "term",
    [
        "all",
        "-all",
        "~all",
        "?all",
        "ALL",
        "a",
        "a:mail.firma.example",
        "a/24",
        "a//64",
        "a/24//64",
        "a:mail.firma.example/24//64",
        "mx",
        "mx/30",
        "+mx:firma.example.",
        "ptr",
        "ptr:firma.example",
        "ip4:192.0.2.1",
        "ip4:192.0.2.0/24",
        "ip4:192.0.2.1/0",
        "ip6:2001:db8::1",
        "ip6:2001:db8::/32",
        "ip6:::ffff:192.0.2.1",
        "include:_spf.firma.example",
        "include:%{d}._spf.firma.example",
        "exists:%{i}._spf.%{d2}",
        "exists:%{l1r+-}.%{ir}.sbl.firma.example",
        "redirect=_spf.firma.example",
        "exp=explain._spf.%{d}",
        "x-anything=%{s}/ok",
        "a:xn--ao-siap.example",
    ],
)
def test_term_of_the_grammar_is_read(term):
    assert read(f"v=spf1 {term}").text == f"v=spf1 {term}"


@pytest.mark.parametrize(
    ("term", "reason"),
    [
        ("include", "not-a-domain"),
        ("include:", "not-a-domain"),
        ("include:localhost", "not-a-domain"),
        ("include:_spf.firma.123", "not-a-domain"),
        ("include=_spf.firma.example;", None),
        ("include:a..example ", None),
        ("include:%{x}.example", "not-a-domain"),
        ("include:%x.example", "not-a-domain"),
        ("include:ü.example", "not-a-domain"),
        ("exists:firma", "not-a-domain"),
        ("a:", "not-a-domain"),
        ("a/33", "not-a-network"),
        ("a//129", "not-a-network"),
        ("a/01", "not-a-domain"),
        ("mx/", "not-a-domain"),
        ("ptr/24", "syntax"),
        ("ip4", "not-a-network"),
        ("ip4:", "not-a-network"),
        ("ip4:192.0.2", "not-a-network"),
        ("ip4:192.0.2.300", "not-a-network"),
        ("ip4:192.0.2.0/33", "not-a-network"),
        ("ip4:192.0.2.0/255.255.255.0", "not-a-network"),
        ("ip4:2001:db8::1", "not-a-network"),
        ("ip6:192.0.2.1", "not-a-network"),
        ("ip6:fe80::1%eth0", "not-a-network"),
        ("ipv4:192.0.2.1", "unknown-mechanism"),
        ("all:firma.example", "syntax"),
        ("all/24", "syntax"),
        ("!all", "syntax"),
        ("-", "syntax"),
        ("mail.firma.example", "unknown-mechanism"),
        ("redirect=", "not-a-domain"),
        ("redirect=firma", "not-a-domain"),
        ("a=%{q}", "syntax"),
        ("\u200ball", "syntax"),
        ("include:x." + "a" * 60_000 + "-", "not-a-domain"),
        ("include:" + "%{s" * 20_000, "not-a-domain"),
        ("a/" + "1" * 60_000, "not-a-domain"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_term_against_the_grammar_is_told(term, reason):
    found = parse_spf(f"v=spf1 {term} -all")

    assert getattr(found, "reason", None) == reason


def test_fault_names_the_term():
    assert parse_spf("v=spf1 mx ipv4:192.0.2.1 -all") == RecordFault("unknown-mechanism", "ipv4:192.0.2.1")


@pytest.mark.parametrize("modifier", ["redirect=a.example", "exp=a.example"])
def test_modifier_that_may_stand_once_may_not_stand_twice(modifier):
    found = parse_spf(f"v=spf1 {modifier} {modifier}")

    assert found == RecordFault("duplicate-modifier", modifier)


def test_network_of_a_mechanism_is_read_with_its_host_bits():
    first, second = read("v=spf1 ip4:192.0.2.77/24 ip6:2001:db8::1 -all").effective

    assert first.network == ipaddress.ip_network("192.0.2.0/24")
    assert second.network == ipaddress.ip_network("2001:db8::1/128")


def test_prefixes_of_a_mechanism_are_read():
    (mechanism,) = read("v=spf1 a:mail.firma.example/24//64 -all").effective

    assert (mechanism.domain, mechanism.prefix4, mechanism.prefix6) == ("mail.firma.example", 24, 64)


def test_what_follows_all_does_not_count():
    record = read("v=spf1 mx -all include:late.example ~all")

    assert [each.name for each in record.effective] == ["mx"]
    assert record.default.qualifier is Qualifier.FAIL


TEXTS = (
    "v=spf1",
    "V=SPF1 -all",
    "v=spf1 mx",
    "v=spf10 mx",
    "v=spf1; mx",
    "spf1 mx -all",
    "spf2.0/pra -all",
    "a",
)


def test_records_are_known_by_their_version():
    assert spf_texts(TEXTS) == ("v=spf1", "V=SPF1 -all", "v=spf1 mx")


def test_records_that_are_meant_to_be_some_are_told():
    assert misspelt_spf_texts((*TEXTS, " v=spf1 mx", '"v=spf1 mx"')) == (
        "v=spf10 mx",
        "v=spf1; mx",
        "spf1 mx -all",
        " v=spf1 mx",
        '"v=spf1 mx"',
    )


@pytest.mark.parametrize(
    ("text", "proposed"),
    [
        ("v=spf1 mx -all", "v=spf1 include:mx.ovh.com mx -all"),
        ("v=spf1", "v=spf1 include:mx.ovh.com"),
        ("V=SPF1  a  ~all", "V=SPF1 include:mx.ovh.com a  ~all"),
    ],
)
def test_provider_is_added_in_front_and_the_rest_kept(text, proposed):
    assert with_include(read(text), "mx.ovh.com") == proposed
    assert isinstance(parse_spf(proposed), SPFRecord)


def test_default_is_put_in_place_of_the_old_one():
    assert with_default(read("v=spf1 +ALL mx ?all"), "~all") == "v=spf1 mx ~all"


@pytest.mark.parametrize(
    ("texts", "proposed"),
    [
        (("v=spf1 mx -all", "v=spf1 include:a.example mx ~all"), "v=spf1 mx include:a.example -all"),
        (("v=spf1 a", "v=spf1 mx"), "v=spf1 a mx ~all"),
    ],
)
def test_several_records_become_one(texts, proposed):
    assert merged(texts) == proposed


TERMS = st.lists(
    st.sampled_from(
        ["mx", "a/24", "ip4:192.0.2.0/24", "include:a.example", "-all", "?all", "redirect=b.example", "ptr"]
    )
    | st.text(max_size=12),
    max_size=6,
)


@given(terms=TERMS)
def test_any_record_is_read_or_has_a_fault_and_what_is_proposed_is_read_too(terms):
    found = parse_spf(" ".join(["v=spf1", *terms]))

    if isinstance(found, SPFRecord):
        assert isinstance(parse_spf(with_include(found, "x.example")), SPFRecord)
        assert isinstance(parse_spf(with_default(found, "~all")), SPFRecord)
    else:
        assert found.reason


@given(text=st.text(max_size=60))
def test_any_text_is_read_or_has_a_fault(text):
    found = parse_spf(text)

    assert isinstance(found, SPFRecord) is (
        spf_texts((text,)) == (text,) and not isinstance(found, RecordFault)
    )
