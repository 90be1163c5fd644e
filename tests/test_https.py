"""One page over HTTPS from real servers: every form of HTTP, and what is no page at all."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluenzr_smtp.https import Page, PageFault, Request, fetch
from fluenzr_smtp.problems import Stage
from tests.servers.certificates import FAR_FUTURE, FUTURE, LONG_AGO, PAST, Authority, self_signed
from tests.servers.scripted import Close, Dribble, Endless, ReadUntil, Script, ScriptedServer, Send, Silence
from tests.servers.webserver import http, web_server
from tests.sessions import BRIEF, PATIENT, REAL_CLOCK

HOST = "web.example"
LIMIT = 1000
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
TOO_LONG = PageFault("too-long")
NO_HTTP = PageFault("answer")
TIMEOUT = PageFault("unreachable", "reply-timeout")


@pytest.fixture(scope="module")
def context(authority: Authority) -> ssl.SSLContext:
    return authority.issue("page", names=(HOST,), common_name=HOST).context()


def fetched(
    port: int,
    authority: Authority,
    *,
    target: str = "/",
    addresses: tuple[str, ...] = ("127.0.0.1",),
    seconds: float = PATIENT,
) -> Page | PageFault:
    request = Request(
        host=HOST,
        target=target,
        accept="text/plain",
        limit_bytes=LIMIT,
        stage=Stage.CONFIGURATION,
        port=port,
        authority=authority.ca_file.read_text("ascii"),
        seconds=seconds,
    )
    return fetch(request, addresses, clock=REAL_CLOCK)


def answered(answer: bytes, context: ssl.SSLContext, authority: Authority) -> Page | PageFault:
    with web_server(context, answer) as server:
        return fetched(server.port, authority)


def played(
    script: Script, context: ssl.SSLContext | None, authority: Authority, *, seconds: float = PATIENT
) -> Page | PageFault:
    with ScriptedServer(script, tls_context=context) as server:
        return fetched(server.port, authority, seconds=seconds)


# --- pages ------------------------------------------------------------------------------------------------


def test_page_is_asked_for_once_with_what_was_wanted(context, authority):
    with web_server(context, http(b"hello")) as server:
        found = fetched(server.port, authority, target="/a/b?c=d%40e")

    assert found == Page(status=200, kind="text/plain", content=b"hello")
    (request,) = server.requests
    assert request.split(b"\r\n") == [
        b"GET /a/b?c=d%40e HTTP/1.1",
        b"Host: web.example:%d" % server.port,
        b"Accept: text/plain",
        b"Connection: close",
        b"",
        b"",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        http(b"hello"),
        http(b"hello") + b"HTTP/1.1 404 Left over\r\n\r\n",
        OK + b"\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        CHUNKED + b"1\r\nh\r\n4;x=y\r\nello\r\n0\r\nTrailer: z\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + http(b"hello"),
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + http(b"hello"),
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
    ids=["length", "left-over", "until-the-end", "old", "chunked", "continue", "hints", "chunked-and-length"],
)
def test_content_comes_in_every_form_of_http(answer, context, authority):
    found = answered(answer, context, authority)

    assert isinstance(found, Page)
    assert (found.status, found.content) == (200, b"hello")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_told_and_not_followed(status, context, authority):
    answer = http(b"moved", status=f"{status} Moved", more="Location: https://other.example/x?y\r\n")

    with web_server(context, answer) as server:
        found = fetched(server.port, authority)

    assert found == Page(
        status=status, kind="text/plain", location="https://other.example/x?y", content=b"moved"
    )
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("written", "location"),
    [(b"../x", "../x"), (b"javascript:0", "javascript:0"), (b"https://b\xfccher.example/", "https://bücher.example/")],
    ids=["relative", "no-web", "octets"],
)  # fmt: skip
def test_location_comes_as_it_was_written(written, location, context, authority):
    answer = b"HTTP/1.1 302 Found\r\nLocation: " + written + b"\r\nContent-Length: 0\r\n\r\n"

    assert answered(answer, context, authority) == Page(status=302, location=location)


@pytest.mark.parametrize(
    "status", ["204 No Content", "404 Not Found", "500 Broken", "999 Odd"], ids=lambda status: status[:3]
)
def test_any_status_is_a_page(status, context, authority):
    found = answered(http(b"", status=status), context, authority)

    assert found == Page(status=int(status[:3]), kind="text/plain")


@pytest.mark.parametrize(
    ("written", "kind"),
    [("Text/XML ; charset=utf-8", "text/xml"), (";charset=utf-8", ""), ("nonsense", "nonsense"), ("", "")],
)
def test_kind_is_the_media_type_alone(written, kind, context, authority):
    found = answered(http(b"", kind=written), context, authority)

    assert isinstance(found, Page)
    assert found.kind == kind


# --- size -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        lambda body: OK + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        lambda body: OK + b"\r\n" + body,
        lambda body: CHUNKED + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n",
        lambda body: CHUNKED + b"1\r\nx\r\n" * len(body) + b"0\r\n\r\n",
    ],
    ids=["length", "until-the-end", "one-chunk", "many-chunks"],
)
def test_content_up_to_the_limit_is_taken_and_one_byte_more_is_not(form, context, authority):
    whole = answered(form(b"x" * LIMIT), context, authority)
    longer = answered(form(b"x" * (LIMIT + 1)), context, authority)

    assert whole == Page(status=200, content=b"x" * LIMIT)
    assert longer == TOO_LONG


def test_announced_gigabyte_is_not_waited_for(context, authority):
    head = OK + b"Content-Length: 1073741824\r\n\r\n"

    assert played((ReadUntil(b"\r\n\r\n"), Send(head), Silence()), context, authority) == TOO_LONG


@pytest.mark.parametrize(
    ("head", "line", "fault"),
    [
        (OK + b"\r\n", b"x", TOO_LONG),
        (CHUNKED, b"1\r\nx\r\n", TOO_LONG),
        (CHUNKED + b"3fffffff\r\n", b"x", TOO_LONG),
        (CHUNKED + b"1;", b"x", NO_HTTP),
        (CHUNKED + b"0\r\n", b"x: y\r\n", NO_HTTP),
        (OK + b"Content-Length: 999999999999999999\r\n\r\n", b"x", TOO_LONG),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", PageFault("unreachable", "reply-too-long")),
        (OK, b"x: y\r\n", NO_HTTP),
        (OK + b"x: ", b"y", NO_HTTP),
        (b"HTTP/1.1 200 ", b"K", NO_HTTP),
        (b"", b"\r\n", NO_HTTP),
        (b"", b"\0", NO_HTTP),
    ],
    ids=[
        *("content", "chunks", "one-chunk", "extension", "trailers", "more-than-a-number", "continue"),
        *("headers", "one-header", "status", "empty-lines", "nul"),
    ],
)
def test_endless_answer_is_cut(head, line, fault, context, authority):
    script = (ReadUntil(b"\r\n\r\n"), Send(head), Endless(line))

    assert played(script, context, authority) == fault


# --- time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_once", "slowly"),
    [
        (b"", OK + b"x: y\r\n" * 99),
        (OK + b"\r\n", b"x" * LIMIT),
        (CHUNKED, b"1\r\nx\r\n" * LIMIT),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 99),
    ],
    ids=["head", "content", "chunks", "continue"],
)
def test_slow_drip_is_bounded_by_the_time_for_the_whole(at_once, slowly, context, authority):
    script = (ReadUntil(b"\r\n\r\n"), Send(at_once), Dribble(slowly, 0.05))

    assert played(script, context, authority, seconds=BRIEF) == TIMEOUT


def test_server_without_a_handshake_is_given_up(authority):
    assert played((Silence(),), None, authority, seconds=BRIEF) == TIMEOUT


# --- whom to trust ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "starts", "ends", "code"),
    [
        (("example",), PAST, FAR_FUTURE, "tls-certificate-wrong-host"),
        (("web.example.evil.example", "*.web.example"), PAST, FAR_FUTURE, "tls-certificate-wrong-host"),
        (("127.0.0.1", "localhost"), PAST, FAR_FUTURE, "tls-certificate-wrong-host"),
        ((HOST,), LONG_AGO, PAST, "tls-certificate-expired"),
        ((HOST,), FUTURE, FAR_FUTURE, "tls-certificate-not-yet-valid"),
    ],
    ids=["parent", "look-alike", "address", "expired", "not-yet-valid"],
)
def test_nothing_is_asked_under_a_certificate_that_fails(names, starts, ends, code, authority):
    bad = authority.issue("bad", names=names, starts=starts, ends=ends)
    with web_server(bad.context(), http(b"hello")) as server:
        found = fetched(server.port, authority)

    assert found == PageFault("unreachable", code)
    assert server.requests == []


def test_unknown_authority_is_refused(context, tmp_path: Path):
    assert answered(http(b"hello"), context, Authority.create(tmp_path)) == PageFault(
        "unreachable", "tls-certificate-unknown-issuer"
    )


def test_certificate_signed_by_itself_is_refused(authority, tmp_path: Path):
    found = answered(http(b"hello"), self_signed(tmp_path).context(), authority)

    assert found == PageFault("unreachable", "tls-certificate-self-signed")


@pytest.mark.parametrize(
    "script",
    [
        (Send(b"220 mail.example ESMTP\r\n"), Silence()),
        (Send(b"SSH-2.0-OpenSSH_9.6\r\n"), Silence()),
        (ReadUntil(b"\x01"), Send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Close()),
        (ReadUntil(b"\x01"), Send(http(b"hello")), Close()),
    ],
    ids=["smtp", "ssh", "http-400", "http-200"],
)
def test_server_that_speaks_in_clear_is_told_as_such(script, authority):
    assert played(script, None, authority) == PageFault("unreachable", "tls-implicit-on-starttls-port")


# --- no HTTP ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 000 Odd\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"<html>no head</html>",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        OK + b"Content-Length: 0x5\r\n\r\nhello",
        OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nhello",
        OK + b"Transfer-Encoding: gzip\r\n\r\nhello",
        OK + b"Location: a\0b\r\n\r\n",
        OK + b" folded\r\n\r\n",
        OK + b"Content-Length: 6\r\n\r\nhello",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"5\r\nhello",
        CHUNKED + b"5\r\nhello world\r\n0\r\n\r\n",
    ],
    ids=[
        *("version", "status", "upgrade", "html", "two-lengths", "hexadecimal", "thousands-of-digits"),
        *("coding", "nul", "folded", "cut", "chunk-size", "chunk-cut", "chunk-end"),
    ],
)
def test_what_is_no_http_is_no_answer(answer, context, authority):
    assert answered(answer, context, authority) == NO_HTTP


@pytest.mark.parametrize("target", ["", "/a b", "/a\r\nX: y", "/\0"], ids=["empty", "blank", "header", "nul"])
def test_target_that_no_request_can_hold_is_not_sent(target, context, authority):
    with web_server(context, http(b"hello")) as server:
        found = fetched(server.port, authority, target=target)

    assert found == NO_HTTP
    assert server.requests == [b""]


@settings(max_examples=60, deadline=None)
@given(
    head=st.sampled_from([b"", OK, OK + b"\r\n", CHUNKED, CHUNKED + b"5\r\nhello\r\n"]),
    rest=st.binary(max_size=200),
)
def test_any_answer_is_a_page_or_a_fault(context, authority, head, rest):
    found = answered(head + rest, context, authority)

    assert isinstance(found, Page) or found in {NO_HTTP, TOO_LONG}


# --- where ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusing", "is_found"), [(0, True), (3, True), (4, False)], ids=["first", "fourth", "fifth"]
)
def test_four_addresses_are_tried_in_turn(refusing, is_found, context, authority):
    addresses = (*(f"127.0.0.{at}" for at in range(2, 2 + refusing)), "127.0.0.1")

    with web_server(context, http(b"hello")) as server:
        found = fetched(server.port, authority, addresses=addresses)

    assert isinstance(found, Page) is is_found
    assert is_found or found == PageFault("unreachable", "connect-refused")


def test_name_without_addresses_is_unreachable(authority):
    assert fetched(1, authority, addresses=()) == PageFault("unreachable", "connect-unreachable")
