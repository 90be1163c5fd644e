"""The port of this machine that takes the answer of a browser, and whatever else is sent to it."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from dataclasses import replace

import pytest

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import AuthorizationServer, Secret
from fluenzr_smtp.oauth import Authorization, Redirect, answer_of
from fluenzr_smtp.problems import ProblemCode as Code

STATE = "s7aLongStateThatNobodyGuesses"
CODE = "canary-code-8812"
SERVER = AuthorizationServer(
    name="tests", issuer="https://login.example/realm", token_endpoint="https://login.example/token"
)
ASKED = Authorization(
    url="https://login.example/auth",
    redirect_uri="http://127.0.0.1:1",
    state=STATE,
    verifier=Secret("verifier"),
)


@pytest.fixture
def redirect():
    with Redirect() as running:
        running.expect(ASKED, SERVER)
        yield running


def port_of(redirect: Redirect) -> int:
    return int(redirect.uri.rpartition(":")[2])


def asked(redirect: Redirect, target: str, *, method: str = "GET", host: str | None = None):
    connection = http.client.HTTPConnection("127.0.0.1", port_of(redirect), timeout=5)
    try:
        headers = {} if host is None else {"Host": host}
        connection.request(method, target, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()
    finally:
        connection.close()


def fault(redirect: Redirect, seconds: float = 0.3):
    with pytest.raises(FluenzrError) as caught:
        redirect.wait(seconds)
    return caught.value.problem


class TestAnswers:
    def test_code_is_handed_over_and_the_page_names_nothing(self, redirect):
        answer, page = asked(redirect, f"/?code={CODE}&state={STATE}")

        assert redirect.wait(1) == Secret(CODE)
        assert answer.status == 200
        assert CODE not in page
        assert STATE not in page
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "http" not in page.replace("<!doctype html>", "")  # nothing is loaded from anywhere

    def test_listens_on_loopback_alone(self, redirect):
        assert redirect.uri.startswith("http://127.0.0.1:")
        with socket.socket() as other:  # the same port of another address is still free
            other.bind(("127.0.0.2", port_of(redirect)))

    @pytest.mark.parametrize(
        "target",
        [
            "/?code=x&state=wrong",
            "/?code=x",
            f"/?code=x&state={STATE}&state={STATE}",
            f"/?code=a&code=b&state={STATE}",
            f"/?state={STATE}",
            f"/?code=&state={STATE}",
            f"/?code=%0d%0aevil&state={STATE}",
            f"/favicon.ico?code=x&state={STATE}",
            f"//evil/?code=x&state={STATE}",
            "/",
            "/?" + "a=b&" * 100,
            f"/?code=x&state={STATE}%C3%A9%ED%A0%80",
        ],
    )
    def test_what_is_no_answer_is_refused_and_the_right_one_still_counts(self, redirect, target):
        answer, page = asked(redirect, target)

        assert answer.status in {400, 404}
        assert "evil" not in page
        asked(redirect, f"/?code={CODE}&state={STATE}")
        assert redirect.wait(1) == Secret(CODE)

    @pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "OPTIONS"])
    def test_other_methods_do_nothing(self, redirect, method):
        answer, _ = asked(redirect, f"/?code=x&state={STATE}", method=method)

        assert answer.status == 501
        assert fault(redirect).facts["reason"] == "timeout"

    @pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1", "evil.example:80"])
    def test_another_name_for_this_machine_is_none(self, redirect, host):
        answer, _ = asked(redirect, f"/?code=x&state={STATE}", host=host)

        assert answer.status == 404
        assert fault(redirect).facts["reason"] == "timeout"

    def test_nothing_counts_before_it_is_known_what_was_asked(self):
        with Redirect() as early:
            assert asked(early, f"/?code=x&state={STATE}")[0].status == 400

    def test_silent_and_rude_connections_hold_up_nobody(self, redirect):
        rude = [socket.create_connection(("127.0.0.1", port_of(redirect))) for _ in range(20)]
        rude[0].sendall(b"\x16\x03\x01\x00\xff" * 100)
        rude[1].sendall(b"GET /?" + b"x" * 200_000)
        try:
            asked(redirect, f"/?code={CODE}&state={STATE}")
            assert redirect.wait(1) == Secret(CODE)
        finally:
            for each in rude:
                each.close()

    def test_those_that_drip_give_way(self, redirect):
        rude = [socket.create_connection(("127.0.0.1", port_of(redirect))) for _ in range(60)]
        for each in rude:
            each.sendall(b"G")
        time.sleep(0.5)  # they are all being served
        try:
            answer, _ = asked(redirect, f"/?code={CODE}&state={STATE}")
            assert answer.status == 200
            assert redirect.wait(1) == Secret(CODE)
        finally:
            for each in rude:
                each.close()

    def test_what_is_no_request_gets_our_page(self, redirect):
        with socket.create_connection(("127.0.0.1", port_of(redirect))) as odd:
            odd.sendall(b"\0\xff <b>evil\r\n\r\n")
            said = odd.recv(65536)
        assert b"evil" not in said
        assert fault(redirect).facts["reason"] == "timeout"

    def test_browser_that_is_gone_before_the_page_has_answered_all_the_same(self, redirect):
        with socket.create_connection(("127.0.0.1", port_of(redirect))) as brief:
            host = redirect.uri.removeprefix("http://")
            brief.sendall(f"GET /?code={CODE}&state={STATE} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert redirect.wait(1) == Secret(CODE)

    def test_many_at_once_give_one_code(self, redirect):
        crowd = [
            threading.Thread(target=asked, args=(redirect, f"/?code={CODE}&state={STATE}")) for _ in range(10)
        ]
        for each in crowd:
            each.start()
        assert redirect.wait(2) == Secret(CODE)
        for each in crowd:
            each.join()


class TestFaults:
    def test_nobody_comes(self, redirect):
        problem = fault(redirect)

        assert (problem.code, problem.facts["reason"]) == (Code.OAUTH_SIGN_IN_FAILED, "timeout")

    def test_only_answers_to_something_else_came(self, redirect):
        asked(redirect, "/?code=x&state=wrong")

        assert fault(redirect).facts["reason"] == "state"

    def test_person_refuses(self, redirect):
        answer, _ = asked(redirect, f"/?error=access_denied&state={STATE}")

        assert answer.status == 200
        assert fault(redirect, 1).facts["reason"] == "denied"

    def test_words_of_a_refusal_are_told_in_one_clean_line(self, redirect):
        asked(
            redirect,
            f"/?error=consent_required&error_description=%1b[31mno%0aconsent&state={STATE}",
        )
        problem = fault(redirect, 1)

        assert problem.code is Code.OAUTH_CONSENT_REQUIRED
        assert str(problem.facts["status"]).isprintable()


class TestIssuer:
    def test_the_right_one_may_name_itself(self):
        said = f"?code={CODE}&state={STATE}&iss=https%3A%2F%2Flogin.example%2Frealm"

        assert answer_of(said, ASKED, SERVER) == Secret(CODE)

    @pytest.mark.parametrize("said", ["https://evil.example/realm", "", "https://login.example", "x"])
    def test_another_server_may_not_answer(self, said):
        with pytest.raises(FluenzrError) as caught:
            answer_of(f"?code={CODE}&state={STATE}&iss={said}", ASKED, SERVER)
        assert caught.value.problem.facts["reason"] == "issuer-differs"

    def test_one_that_always_names_itself_must(self):
        with pytest.raises(FluenzrError) as caught:
            answer_of(f"?code={CODE}&state={STATE}", ASKED, replace(SERVER, names_itself=True))
        assert caught.value.problem.facts["reason"] == "issuer-unnamed"

    def test_tenant_stands_for_any_one(self):
        server = replace(SERVER, issuer="https://login.example/{tenant}/v2.0")
        right = f"?code={CODE}&state={STATE}&iss=https://login.example/9188-aa/v2.0"

        assert answer_of(right, ASKED, server) == Secret(CODE)
        with pytest.raises(FluenzrError):
            answer_of(right.replace("9188-aa", "a/b"), ASKED, server)

    def test_whole_address_may_be_given(self):
        pasted = f"  http://127.0.0.1:4711/?code={CODE}&state={STATE}\n"

        assert answer_of(pasted, ASKED, SERVER) == Secret(CODE)
        assert answer_of("https://login.example/other", ASKED, SERVER) is None
