"""The line for monitoring: its status, its text that stays one line, its performance data."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.cli.nagios import nagios_line, unknown_line
from fluenzr_smtp.model import Check, Endpoint, Protocol, Remedy, Security, Target
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage

SMTP = Endpoint(host="mail.example.org", port=587, security=Security.STARTTLS)
IMAP = Endpoint(host="imap.example.org", port=993, security=Security.IMPLICIT_TLS)
TARGET = Target(name="shop", smtp=SMTP)
BOTH = Target(name="shop", smtp=SMTP, imap=IMAP)
DOMAIN = Target(name="example.org")

# Performance data of the guidelines: label=value[unit];[warn];[crit];[min];[max], separated by blanks.
RANGE = r"(?:[0-9.]*:?[0-9.]*)"
ITEM = re.compile(rf"[a-z0-9_]+=-?[0-9.]+(?:s|)(?:;{RANGE}){{0,4}}")


def check(stage: Stage, *, problem: Problem | None = None, **more) -> Check:
    values = {"protocol": Protocol.SMTP, "endpoint": SMTP, "elapsed": timedelta(milliseconds=123)}
    facts = more.pop("facts", {})
    return Check(**(values | more), stage=stage, problem=problem, facts=facts)


def tls(days: int, **more) -> Check:
    return check(Stage.TLS, facts={"days_left": days}, **more)


def problem(code: ProblemCode, stage: Stage, reply: ServerReply | None = None, **facts) -> Problem:
    return Problem(code=code, stage=stage, reply=reply, facts={"host": "mail.example.org", **facts})


REFUSED = check(
    Stage.AUTH,
    problem=problem(
        ProblemCode.AUTH_REJECTED, Stage.AUTH, ServerReply(535, "5.7.8", "No | way\r\n<b>now</b>")
    ),
)
UNREACHABLE = check(
    Stage.CONNECT, problem=problem(ProblemCode.CONNECT_UNREACHABLE, Stage.CONNECT), is_advisory=True
)
NOTE = check(
    Stage.DKIM,
    problem=problem(ProblemCode.DOMAIN_DKIM_NONE, Stage.DKIM),
    is_advisory=True,
    protocol=Protocol.DNS,
    endpoint=None,
    domain="example.org",
)
UNANSWERED = replace(
    NOTE, stage=Stage.MX, problem=problem(ProblemCode.DNS_UNAVAILABLE, Stage.MX), is_advisory=False
)
NO_DMARC = replace(
    NOTE, stage=Stage.DMARC, problem=problem(ProblemCode.DOMAIN_DMARC_NONE, Stage.DMARC), is_advisory=False
)
REMEDY = Remedy(protocol=Protocol.SMTP, endpoint=IMAP)


def line(*checks: Check, target: Target = TARGET, warn: int = 21, critical: int = 7) -> tuple[str, int]:
    return nagios_line(checks, target=target, warn_days=warn, critical_days=critical)


def test_a_line_has_the_form_that_monitoring_reads():
    assert line(check(Stage.CONNECT), tls(80)) == (
        "SMTP OK - mail.example.org:587 STARTTLS, certificate 80 days"
        " | time=0.246s;;;0 smtp_connect=0.123s;;;0 smtp_tls=0.123s;;;0 days=80;21:;7:",
        0,
    )


@pytest.mark.parametrize(
    ("checks", "state", "status"),
    [
        ((tls(21),), "OK", 0),
        ((tls(20),), "WARNING", 1),
        ((tls(7),), "WARNING", 1),
        ((tls(6),), "CRITICAL", 2),
        ((tls(-3),), "CRITICAL", 2),
        ((check(Stage.CONNECT),), "OK", 0),
        ((tls(80), UNREACHABLE), "WARNING", 1),
        ((tls(80), NOTE), "OK", 0),
        ((tls(80), REFUSED), "CRITICAL", 2),
        ((UNREACHABLE, REFUSED), "CRITICAL", 2),
        ((tls(80), tls(3, protocol=Protocol.IMAP, endpoint=IMAP)), "CRITICAL", 2),
        ((tls(80), tls(3, remedy=REMEDY)), "OK", 0),
        ((check(Stage.CONNECT), check(Stage.CONNECT, problem=REFUSED.problem, remedy=REMEDY)), "OK", 0),
        ((UNANSWERED,), "UNKNOWN", 3),
        ((NOTE, UNANSWERED, tls(20)), "UNKNOWN", 3),
        ((UNANSWERED, tls(3)), "CRITICAL", 2),
        ((UNANSWERED, NO_DMARC), "CRITICAL", 2),
        ((), "UNKNOWN", 3),
        ((check(Stage.CONNECT, remedy=REMEDY),), "UNKNOWN", 3),
    ],
    ids=[
        "at the warning", "below the warning", "at the alarm", "below the alarm", "over", "no certificate",
        "one address", "a note on the domain", "login refused", "note and failure", "the other server's",
        "another way's certificate", "another way fails", "nobody answers",
        "nobody answers, a warning", "nobody answers, an alarm", "nobody answers, a failure",
        "no checks", "no check of what is set",
    ],
)  # fmt: skip
def test_the_status_says_how_bad_it_is(checks, state, status):
    text, found = line(*checks)

    assert (text.split()[1], found) == (state, status)


def test_a_refused_certificate_counts_with_its_days():
    expired = problem(ProblemCode.TLS_CERTIFICATE_EXPIRED, Stage.TLS, days_left=-2)

    text, status = line(tls(80), check(Stage.TLS, problem=expired))

    assert status == 2
    assert text.endswith(" days=-2;21:;7:")


def test_what_nobody_answered_is_told():
    text, _ = line(UNANSWERED, target=DOMAIN)

    assert text.startswith("DNS UNKNOWN - example.org dns-unavailable: ")


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (20, "SMTP WARNING - certificate ends in 20 days (warning below 21), mail.example.org:587 STARTTLS"),
        (2, "SMTP CRITICAL - certificate ends in 2 days (critical below 7), mail.example.org:587 STARTTLS"),
        (1, "SMTP CRITICAL - certificate ends in 1 day (critical below 7), mail.example.org:587 STARTTLS"),
        (
            -3,
            "SMTP CRITICAL - certificate ended 3 days ago (critical below 7), mail.example.org:587 STARTTLS",
        ),
    ],
    ids=["warning", "alarm", "one day", "over"],
)
def test_an_alarm_for_the_certificate_says_why(days, told):
    assert line(tls(days))[0].partition(" | ")[0] == told


@pytest.mark.parametrize(
    ("target", "service"),
    [(TARGET, "SMTP"), (Target(name="x", imap=IMAP), "IMAP"), (BOTH, "MAIL"), (DOMAIN, "DNS")],
    ids=["smtp", "imap", "both", "domain"],
)
def test_the_service_is_named_by_what_is_watched(target, service):
    assert line(NOTE, target=target)[0].startswith(f"{service} OK - example.org | ")


def test_what_fails_is_told_first_with_the_servers_words_on_one_line():
    text, _ = line(UNREACHABLE, REFUSED, check(Stage.TLS, protocol=Protocol.IMAP, endpoint=IMAP), target=BOTH)

    words, data = text.split(" | ")
    assert words.startswith("MAIL CRITICAL - mail.example.org:587 auth-rejected: ")
    assert "(535 5.7.8 No / way / [b]now[/b])" in words
    assert words.index("auth-rejected") < words.index("connect-unreachable")
    assert words.endswith("imap.example.org:993 SSL/TLS")
    assert "imap_tls=0.123s;;;0" in data


def test_stages_that_were_made_twice_have_one_label():
    text, _ = line(check(Stage.CONNECT), UNREACHABLE, check(Stage.TLS_RPT, protocol=Protocol.DNS))

    labels = [item.partition("=")[0] for item in text.partition(" | ")[2].split()]
    assert labels == ["time", "smtp_connect", "dns_tls_rpt"]


texts = st.text() | st.text("|<>\n\r'\"=;\x1b\u202e\x00 ", max_size=200) | st.just("x" * 20_000)


@given(said=texts, host=texts, days=st.none() | st.integers(-10_000, 10_000))
def test_whatever_a_server_says_the_line_keeps_its_form(said, host, days):
    facts = {} if days is None else {"days_left": days}
    failed = problem(ProblemCode.REPLY_UNKNOWN, Stage.TLS, ServerReply(None, None, said), host=host, **facts)

    text, status = line(check(Stage.TLS, problem=failed))

    words, separator, data = text.partition(" | ")
    assert (status, separator) == (2, " | ")
    assert len(text) < 4096
    assert not {"Cc", "Cf", "Cs", "Zl", "Zp"} & set(map(unicodedata.category, words))
    assert not set("|<>") & set(words)
    assert all(ITEM.fullmatch(item) for item in data.split(" "))


def test_what_keeps_a_check_from_being_made_is_unknown():
    locked = Problem(code=ProblemCode.VAULT_LOCKED, stage=Stage.VAULT, facts={"path": "a|b\n<c>"})

    text, status = unknown_line(locked)

    assert status == 3
    assert text.startswith("MAIL UNKNOWN - vault-locked: ")
    assert text.isprintable()
    assert not set("|<>") & set(text)
