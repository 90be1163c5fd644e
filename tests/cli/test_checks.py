"""Checks as people and scripts see them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fluenzr_smtp.cli.checks import check_records, described, told
from fluenzr_smtp.model import Check, Endpoint, Fingerprint, Protocol, Security
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage

ENDPOINT = Endpoint(host="h.test", port=587, security=Security.STARTTLS)


def check(stage: Stage, problem: Problem | None = None, **facts) -> Check:
    return Check(
        protocol=Protocol.SMTP,
        stage=stage,
        endpoint=ENDPOINT,
        elapsed=timedelta(milliseconds=12.34),
        facts=facts,
        problem=problem,
    )


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        (ENDPOINT, "h.test:587  STARTTLS"),
        (Endpoint(host="::1", port=465, security=Security.IMPLICIT_TLS), "[::1]:465  SSL/TLS"),
        (Endpoint(host="localhost", port=25, security=Security.NONE), "localhost:25  not encrypted"),
        (
            Endpoint(
                host="h", port=1, security=Security.STARTTLS, pin=Fingerprint("a" * 64), authority="PEM"
            ),
            "h:1  STARTTLS, pinned certificate",
        ),
        (
            Endpoint(host="h", port=1, security=Security.STARTTLS, authority="PEM"),
            "h:1  STARTTLS, own authority",
        ),
    ],
    ids=["starttls", "ssl", "none", "pin", "authority"],
)
def test_an_endpoint_is_described_with_its_encryption_and_its_trust(endpoint, text):
    assert described(endpoint) == text


@pytest.mark.parametrize(
    ("stage", "facts", "text"),
    [
        (Stage.RESOLVE, {"addresses": ("192.0.2.1", "::1")}, "192.0.2.1, ::1"),
        (Stage.CONNECT, {"address": "192.0.2.1"}, "192.0.2.1"),
        (
            Stage.TLS,
            {"version": "TLSv1.3", "not_after": "2026-12-31T00:00:00+00:00"},
            "TLSv1.3, certificate good until 2026-12-31",
        ),
        (Stage.GREETING, {"banner": "* OK [CAPABILITY IMAP4rev1] Dovecot ready."}, "Dovecot ready."),
        (Stage.CAPABILITIES, {"mechanisms": ("PLAIN", "LOGIN")}, "login by PLAIN, LOGIN"),
        (Stage.CAPABILITIES, {"mechanisms": ()}, "login by nothing"),
        (Stage.AUTH, {"username": "me", "mechanism": "PLAIN"}, "me by PLAIN"),
        (Stage.MAILBOX, {"folder": "INBOX", "messages": 3}, "INBOX, messages: 3"),
        (Stage.ARRIVAL, {"folder": "Junk", "spf": "pass", "dmarc": "fail"}, "in Junk  spf=pass dmarc=fail"),
        (Stage.SENDER, {}, ""),
    ],
)
def test_a_stage_that_holds_is_told_in_a_few_words(stage, facts, text):
    assert told(check(stage, **facts)) == text


def test_what_a_server_says_is_told_on_one_safe_line():
    reply = ServerReply(535, "5.7.8", "No\r\n\x1b[2J" + "x" * 500)
    problem = Problem(code=ProblemCode.AUTH_REJECTED, stage=Stage.AUTH, reply=reply)

    failed = told(check(Stage.AUTH, problem))
    held = told(check(Stage.GREETING, banner="hello\x1b]0;title\x07" + "y" * 500))

    assert failed.startswith("auth-rejected  535 5.7.8 No / \\x1b[2Jxxx")
    assert held.startswith("hello\\x1b]0;title\\x07yyy")
    for text in (failed, held):
        assert len(text) <= 110
        assert text.isprintable()


def test_a_record_has_what_a_script_wants():
    problem = Problem(code=ProblemCode.AUTH_REJECTED, stage=Stage.AUTH)

    (record,) = check_records([check(Stage.AUTH, problem, username="me")])

    assert record == {
        "protocol": "smtp", "stage": "auth", "host": "h.test", "port": 587, "ok": False, "elapsed_ms": 12.3,
        "facts": {"username": "me"}, "problem": problem,
    }  # fmt: skip
