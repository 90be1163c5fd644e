"""Fetching an MTA-STS policy from real HTTPS servers, good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluenzr_smtp.domain.policy import LONGEST_POLICY_BYTES, PolicyServer, fetch_policy
from fluenzr_smtp.domain.tags import RecordFault
from tests.servers.certificates import FAR_FUTURE, LONG_AGO, PAST, Authority, ServerCertificate
from tests.servers.webserver import WebServer, http, web_server
from tests.sessions import BRIEF, PATIENT, REAL_CLOCK

HOST = "mta-sts.firma.example"
BODY = b"version: STSv1\nmode: none\nmax_age: 1\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> ServerCertificate:
    return authority.issue("policy", names=(HOST,), common_name=HOST)


def fetched(server: WebServer, ca_file: Path, *, seconds: float = PATIENT) -> bytes | RecordFault:
    trusted = PolicyServer(port=server.port, authority=ca_file.read_text("ascii"), seconds=seconds)
    return fetch_policy(HOST, ("127.0.0.1",), server=trusted, clock=REAL_CLOCK)


def test_policy_is_asked_for_by_name_and_path(authority, certificate):
    with web_server(certificate.context(), http(BODY)) as server:
        content = fetched(server, authority.ca_file)

    assert content == BODY
    assert server.requests[0].startswith(
        b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.firma.example:%d\r\n" % server.port
    )


@pytest.mark.parametrize(
    "answer",
    [
        http(BODY, kind="Text/Plain; charset=utf-8"),
        HEAD + b"\r\n" + BODY,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n7\r\nversion\r\n1e;x=y\r\n" + BODY[7:] + b"\r\n0\r\n\r\n",
        http(BODY) + b"left over",
    ],
    ids=["charset", "until-the-end", "chunked", "more-than-its-length"],
)
def test_policy_comes_in_every_form_of_http(authority, certificate, answer):
    with web_server(certificate.context(), answer) as server:
        content = fetched(server, authority.ca_file)

    assert content == BODY


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (
            http(b"", status="301 Moved", more="Location: https://elsewhere.example/\r\n"),
            RecordFault("policy-status", "301"),
        ),
        (http(BODY, status="404 Not Found"), RecordFault("policy-status", "404")),
        (http(BODY, kind="text/html"), RecordFault("policy-type", "text/html")),
        (b"HTTP/1.1 200 OK\r\n\r\n" + BODY, RecordFault("policy-type")),
        (http(b"x" * (LONGEST_POLICY_BYTES + 1)), RecordFault("policy-too-long")),
        (HEAD + b"\r\n" + b"x\n" * 40_000, RecordFault("policy-too-long")),
        (HEAD + b"\r\n" + (b"x" * 999 + b"\n") * 70, RecordFault("policy-too-long")),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffff\r\n", RecordFault("policy-answer")),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", RecordFault("policy-answer")),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nshort", RecordFault("policy-answer")),
        (HEAD + b"Content-Length: 99\r\n\r\n" + BODY, RecordFault("policy-answer")),
        (HEAD + b"Content-Length: -1\r\n\r\n" + BODY, RecordFault("policy-answer")),
        (HEAD + b"no header\r\n\r\n", RecordFault("policy-answer")),
        (HEAD + b"X: y\r\n" * 20_000 + b"\r\n" + BODY, RecordFault("policy-answer")),
        (b"220 mail.firma.example ESMTP\r\n", RecordFault("policy-answer")),
        (b"", RecordFault("policy-answer")),
        (b"\x1b[31m" * 30_000, RecordFault("policy-answer")),
    ],
    ids=[
        *(
            "redirect",
            "not-found",
            "html",
            "no-type",
            "too-long",
            "lines",
            "too-long-unannounced",
            "chunk-size",
        ),
        *(
            "chunk-odd",
            "chunk-cut",
            "cut",
            "length-odd",
            "header-odd",
            "headers",
            "mail-server",
            "nothing",
            "line",
        ),
    ],
)
def test_answer_that_is_no_policy_is_told(authority, certificate, answer, fault):
    with web_server(certificate.context(), answer) as server:
        found = fetched(server, authority.ca_file)

    assert found == fault


@pytest.mark.parametrize(
    ("names", "ends", "code"),
    [
        ((HOST,), PAST, "tls-certificate-expired"),
        (("firma.example",), FAR_FUTURE, "tls-certificate-wrong-host"),
    ],
    ids=["expired", "other-host"],
)
def test_certificate_must_hold_for_the_name(authority, names, ends, code):
    bad = authority.issue("bad", names=names, starts=LONG_AGO, ends=ends)
    with web_server(bad.context(), http(BODY)) as server:
        found = fetched(server, authority.ca_file)

    assert found == RecordFault("policy-unreachable", code)
    assert server.requests == []


def test_certificate_of_an_unknown_authority_is_refused(certificate, tmp_path):
    other = Authority.create(tmp_path, name="Another authority")
    with web_server(certificate.context(), http(BODY)) as server:
        found = fetched(server, other.ca_file)

    assert found == RecordFault("policy-unreachable", "tls-certificate-unknown-issuer")


@pytest.mark.parametrize("line", [b"x" * 4000, b"x\n" * 2000], ids=["one-line", "lines"])
def test_endless_answer_is_given_up(authority, certificate, line):
    with web_server(certificate.context(), HEAD + b"\r\n" + line, is_endless=True) as server:
        found = fetched(server, authority.ca_file)

    assert found.reason in {"policy-too-long", "policy-unreachable"}


def test_silent_server_is_given_up_in_time(authority, certificate):
    with web_server(certificate.context(), b"", is_silent=True) as server:
        found = fetched(server, authority.ca_file, seconds=BRIEF)

    assert found == RecordFault("policy-unreachable", "reply-timeout")


def test_closed_port_is_told(authority, certificate):
    with web_server(certificate.context(), b"") as server:
        pass

    assert fetched(server, authority.ca_file) == RecordFault("policy-unreachable", "connect-refused")
