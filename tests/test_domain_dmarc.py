"""DMARC records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.domain.dmarc import (
    DMARCRecord,
    dmarc_texts,
    misspelt_dmarc_texts,
    parse_dmarc,
    policy_names,
    suggested,
)
from fluenzr_smtp.domain.tags import RecordFault


def test_record_is_read_with_its_defaults():
    text = "v=DMARC1; p=reject"

    assert parse_dmarc(text) == DMARCRecord(text=text, policy="reject", subdomain_policy="reject")


def test_record_is_read_with_all_that_it_says():
    reports = "mailto:a@b.example!10m,https://c.example/d"
    text = f"v=DMARC1; p=Reject; sp=none; pct=50; rua={reports}; adkim=s; aspf=S; t=y"

    assert parse_dmarc(text) == DMARCRecord(
        text=text,
        policy="reject",
        subdomain_policy="none",
        percent=50,
        reports=("mailto:a@b.example!10m", "https://c.example/d"),
        dkim_alignment="s",
        spf_alignment="s",
        is_testing=True,
    )


@pytest.mark.parametrize(
    ("tags", "fault"),
    [
        ("p=none; v=DMARC1", RecordFault("version", "p=none; v=DMARC1")),
        ('"v=DMARC1; p=none"', RecordFault("version", '"v=DMARC1; p=none"')),
        ("v=DMARC2; p=none", RecordFault("version", "v=DMARC2; p=none")),
        ("v=DMARC1", RecordFault("policy-missing")),
        ("v=DMARC1; rua=mailto:a@b.example", RecordFault("policy-missing")),
        ("v=DMARC1; p=monitor", RecordFault("tag-value", "p=monitor")),
        ("v=DMARC1; p=none; sp=", RecordFault("tag-value", "sp=")),
        ("v=DMARC1; p=none; pct=101", RecordFault("tag-value", "pct=101")),
        ("v=DMARC1; p=none; pct=-1", RecordFault("tag-value", "pct=-1")),
        ("v=DMARC1; p=none; adkim=x", RecordFault("tag-value", "adkim=x")),
        ("v=DMARC1; p=none; rua=a@b.example", RecordFault("tag-value", "rua=a@b.example")),
        ("v=DMARC1; p=none; rua=mailto:b.example", RecordFault("tag-value", "rua=mailto:b.example")),
        ("v=DMARC1; p=none; ruf=mailto:a@b.example,", RecordFault("tag-value", "ruf=mailto:a@b.example,")),
        ("v=DMARC1; p=none; fo=2", RecordFault("tag-value", "fo=2")),
        ("v=DMARC1; p=none; ri=day", RecordFault("tag-value", "ri=day")),
        ("v=DMARC1; p=none; p=reject", RecordFault("duplicate-tag", "p")),
        ("v=DMARC1; p none", RecordFault("syntax", "p none")),
        (
            "v=DMARC1; p=none; rua=mailto:a@" + "." * 60_000 + "@",
            RecordFault("tag-value", "rua=mailto:a@" + "." * 60_000 + "@"),
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_record_against_the_grammar_is_told(tags, fault):
    assert parse_dmarc(tags) == fault


def test_tag_of_another_name_is_passed_over():
    assert isinstance(parse_dmarc("v=DMARC1; p=none; fo=1:d; x=whatever"), DMARCRecord)


def test_records_are_known_by_their_version():
    texts = ("v=DMARC1; p=none", "v=dmarc1; p=none", "google-site-verification=x")

    assert dmarc_texts(texts) == ("v=DMARC1; p=none",)
    assert misspelt_dmarc_texts(texts) == ("v=dmarc1; p=none",)


@pytest.mark.parametrize(
    ("text", "is_meant"),
    [
        ("v=DMARC; p=none", True),
        ("v=DMARC2; p=none", True),
        ("V=dmarc 1; p=none", True),
        ('"v=DMARC1; p=none"', True),
        (" v = DMARC1; p=none", True),
        ("v=DMARC1 p=none", True),
        ("v:DMARC1; p=none", True),
        ("DMARC1; p=none", True),
        ("v=DMARC1; p=none", False),
        ("v=spf1 -all", False),
        ("see our dmarc page", False),
    ],
)
def test_record_that_is_meant_to_be_one_is_known_by_its_beginning(text, is_meant):
    assert bool(misspelt_dmarc_texts((text,))) is is_meant


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        ("firma.example", ("firma.example",)),
        ("mail.firma.example", ("mail.firma.example", "firma.example")),
        ("example", ("example",)),
        (
            "a.b.c.d.e.f.g.h.firma.example",
            (
                "a.b.c.d.e.f.g.h.firma.example",
                "d.e.f.g.h.firma.example",
                "e.f.g.h.firma.example",
                "f.g.h.firma.example",
                "g.h.firma.example",
                "h.firma.example",
                "firma.example",
            ),
        ),
    ],
    ids=["two-labels", "three-labels", "one-label", "ten-labels"],
)
def test_policy_is_sought_at_the_domain_and_above(domain, names):
    assert policy_names(domain) == names


@given(labels=st.lists(st.just("a"), min_size=1, max_size=60))
def test_few_names_are_asked_however_long_the_domain(labels):
    names = policy_names(".".join(labels))

    assert 1 <= len(names) <= 8


def test_what_is_proposed_is_a_good_record():
    first = parse_dmarc(suggested("firma.example", policy="none"))
    later = parse_dmarc(suggested("firma.example", policy="quarantine", reports=("mailto:a@b.example",)))

    assert (first.policy, first.reports) == ("none", ("mailto:postmaster@firma.example",))
    assert (later.policy, later.reports) == ("quarantine", ("mailto:a@b.example",))


VALUES = st.sampled_from(["none", "reject", "50", "r", "mailto:a@b.example", "y"]) | st.text(max_size=8)


@given(tags=st.lists(st.tuples(st.sampled_from(["p", "sp", "pct", "rua", "adkim", "t", "x"]), VALUES)))
def test_any_record_is_read_or_has_a_fault(tags):
    found = parse_dmarc("; ".join(["v=DMARC1", *(f"{name}={value}" for name, value in tags)]))

    assert found.reason if isinstance(found, RecordFault) else 0 <= found.percent <= 100
