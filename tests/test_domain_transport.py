"""Records about transport: MTA-STS, TLS-RPT, DANE."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.dns import Association
from fluenzr_smtp.domain.tags import RecordFault
from fluenzr_smtp.domain.transport import (
    STSPolicy,
    parse_policy,
    parse_sts,
    parse_tls_rpt,
    suggested_sts,
    tlsa_fault,
    version_texts,
)

POLICY = (
    b"version: STSv1\r\nmode: enforce\r\nmx: MX.firma.example\r\nmx: *.mail.example\r\nmax_age: 604800\r\n"
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("v=STSv1; id=20260101T000000;", "20260101T000000"),
        ("v=STSv1; id=1; x=y", "1"),
        ("v=STSv1;", RecordFault("id-missing")),
        ("v=STSv1; id=", RecordFault("id-missing")),
        ("v=STSv1; id=2026-01-01", RecordFault("id", "2026-01-01")),
        ("v=STSv1; id=" + "x" * 33, RecordFault("id", "x" * 33)),
        ("v=STSv2; id=1", RecordFault("version", "v=STSv2; id=1")),
        ("v=STSv1; id", RecordFault("syntax", "id")),
    ],
)
def test_sts_record_has_an_identifier(text, found):
    assert parse_sts(text) == found


def test_policy_is_read_with_all_its_hosts():
    assert parse_policy(POLICY) == STSPolicy(
        mode="enforce", patterns=("mx.firma.example", "*.mail.example"), max_age_seconds=604800
    )


@pytest.mark.parametrize(
    ("host", "is_admitted"),
    [
        ("mx.firma.example", True),
        ("a.mail.example", True),
        ("a.b.mail.example", False),
        ("mail.example", False),
        ("mx.firma.example.evil.example", False),
        ("", False),
    ],
)
def test_star_of_a_policy_stands_for_one_label(host, is_admitted):
    assert parse_policy(POLICY).admits(host) is is_admitted


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"version: STSv1\r\n", b"", "version"),
        (b"STSv1", b"STSv2", "version"),
        (b"enforce", b"strict", "mode"),
        (b"max_age: 604800", b"max_age: soon", "max-age"),
        (b"max_age: 604800", b"max_age: 31557601", "max-age"),
        (b"max_age: 604800\r\n", b"", "max-age"),
        (b"*.mail.example", b"mail.*.example", "mx"),
        (b"*.mail.example", b"", "mx"),
        (b"mode: enforce", b"<html>", "policy-syntax"),
        (b"mode: enforce", b"mode: \xff", "not-text"),
        (b"mode: enforce", b"mode: enforce\n" + b"x: y\n" * 1000, "policy-syntax"),
        (b"mode: enforce", b"mode:" + b" " * 60_000 + b"\x00", "policy-syntax"),
        (b"*.mail.example", b"a" * 60_000 + b"-", "mx"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_policy_against_the_grammar_is_told(old, new, reason):
    assert getattr(parse_policy(POLICY.replace(old, new)), "reason", None) == reason


def test_policy_that_takes_itself_back_needs_no_hosts():
    assert parse_policy(b"version: STSv1\nmode: none\nmax_age: 0\n").mode == "none"


def test_field_that_comes_twice_counts_once():
    assert parse_policy(POLICY + b"mode: none\n").mode == "enforce"


def test_what_is_proposed_is_good_and_only_watches():
    record, lines = suggested_sts(("mx.firma.example",), now=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC))

    policy = parse_policy("\n".join(lines).encode())
    assert parse_sts(record) == "20300102030405"
    assert (policy.mode, policy.patterns) == ("testing", ("mx.firma.example",))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("v=TLSRPTv1; rua=mailto:a@b.example", ("mailto:a@b.example",)),
        (
            "v=TLSRPTv1;rua=mailto:a@b.example,https://c.example/d;",
            ("mailto:a@b.example", "https://c.example/d"),
        ),
        ("v=TLSRPTv1", RecordFault("rua-missing")),
        ("v=TLSRPTv1; rua=", RecordFault("rua-missing")),
        ("v=TLSRPTv1; rua=,", RecordFault("tag-value", "rua=")),
        ("v=TLSRPTv1; rua=ftp://c.example", RecordFault("tag-value", "rua=ftp://c.example")),
        ("v=TLSRPTv1; rua=mailto:b.example", RecordFault("tag-value", "rua=mailto:b.example")),
        ("v=TLSRPTv1 rua=mailto:a@b.example", RecordFault("version", "v=TLSRPTv1 rua=mailto:a@b.example")),
    ],
)
def test_tls_rpt_record_says_where_reports_go(text, found):
    assert parse_tls_rpt(text) == found


def test_records_are_known_by_their_version():
    texts = ("v=STSv1; id=1", "v=STSv10; id=1", "V=STSv1; id=1")

    assert version_texts(texts, "STSv1") == ("v=STSv1; id=1",)


@pytest.mark.parametrize(
    ("usage", "selector", "matching", "size", "reason"),
    [
        (3, 1, 1, 32, None),
        (2, 0, 2, 64, None),
        (3, 1, 0, 91, None),
        (1, 1, 1, 32, "tlsa-usage"),
        (0, 0, 1, 32, "tlsa-usage"),
        (3, 2, 1, 32, "tlsa-selector"),
        (3, 1, 3, 32, "tlsa-matching"),
        (3, 1, 1, 64, "tlsa-length"),
        (3, 1, 2, 32, "tlsa-length"),
        (3, 1, 0, 0, "tlsa-length"),
    ],
)
def test_tlsa_record_that_senders_pass_over_is_told(usage, selector, matching, size, reason):
    record = Association(usage=usage, selector=selector, matching=matching, data=b"x" * size)

    assert getattr(tlsa_fault(record), "reason", None) == reason


@given(content=st.binary(max_size=80) | st.binary(max_size=20).map(lambda odd: POLICY + odd))
def test_any_content_is_a_policy_or_has_a_fault(content):
    found = parse_policy(content)

    assert found.reason if isinstance(found, RecordFault) else found.mode


@given(text=st.text(max_size=40))
def test_any_text_is_a_record_or_has_a_fault(text):
    assert isinstance(parse_sts(text), RecordFault)
    assert isinstance(parse_tls_rpt(text), RecordFault)
