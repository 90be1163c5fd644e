"""Logging in by an access token: what is said, and a real Postfix and Dovecot that ask whether it holds."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from fluenzr_smtp import bearer
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.imap import IMAPSession
from fluenzr_smtp.model import AccessToken, Secret, Security, TokenCommand
from fluenzr_smtp.problems import ProblemCode
from fluenzr_smtp.session import Session
from fluenzr_smtp.smtp import SMTPSession
from tests.servers.certificates import Authority
from tests.servers.mailhost import MailHost
from tests.servers.scripted import Connection, ScriptedServer, submission_script
from tests.sessions import PATIENT, REAL_CLOCK, endpoint_at, endpoint_of

OLD, NEW = "old-canary-token-5e1f", "new-canary-token-77ab"
ADDRESS = "shop@shop.test"


@pytest.fixture(params=["smtp", "imap"])
def session(request, tokenhost: MailHost, authority: Authority) -> Iterator[Session]:
    if request.param == "smtp":
        kind, port = SMTPSession, tokenhost.smtps_port
    else:
        kind, port = IMAPSession, tokenhost.imaps_port
    endpoint = endpoint_at("localhost", port, Security.IMPLICIT_TLS, authority=authority)
    opened = kind(endpoint, clock=REAL_CLOCK, timeout=PATIENT)
    opened.open()
    yield opened
    opened.close()


def printing(*tokens: str) -> tuple[TokenCommand, list[str]]:
    """Return a command that prints these tokens in turn, and the list of its runs."""
    runs: list[str] = []

    def run(command: str) -> Secret:
        runs.append(command)
        return Secret(tokens[min(len(runs), len(tokens)) - 1])

    return TokenCommand("oama access", run), runs


class TestWords:
    def test_first_response_of_the_standard_names_user_host_and_port(self):
        found = bearer.first_response(
            "OAUTHBEARER", "a,b=c@x.example", "t0k", host="smtp.x.example", port=465
        )

        assert found == (
            b"n,a=a=2Cb=3Dc@x.example,\x01host=smtp.x.example\x01port=465\x01auth=Bearer t0k\x01\x01"
        )

    def test_first_response_of_xoauth2_names_the_user(self):
        found = bearer.first_response("XOAUTH2", "a@x.example", "t0k", host="h", port=1)

        assert found == b"user=a@x.example\x01auth=Bearer t0k\x01\x01"

    @pytest.mark.parametrize(
        ("said", "status"),
        [
            (b'{"status":"invalid_token","scope":"mail"}', "invalid_token"),
            (b'{"status":"401","schemes":"bearer"}', "401"),
            (b'{"status":400}', "400"),
            (b'{"status":"\x1b[31mred"}', ""),
            (b'["status"]', ""),
            (b"<html>", ""),
            (b"[" * 5000, ""),
        ],
    )
    def test_refusal_is_read_where_it_is_one(self, said, status):
        assert bearer.refusal(base64.b64encode(said)) == status

    @pytest.mark.parametrize("said", ["", "no base64 at all", "é", "{}"])
    def test_what_is_no_refusal_says_nothing(self, said):
        assert bearer.refusal(said) == ""


class TestRealServers:
    def test_token_that_holds_lets_its_owner_in(self, session, provider):
        provider.tokens[NEW] = ADDRESS

        known = session.authenticate(ADDRESS, AccessToken(NEW))

        assert known["mechanism"] == "OAUTHBEARER"

    def test_token_of_somebody_else_is_refused(self, session, provider):
        provider.tokens[NEW] = "second@shop.test"

        with pytest.raises(FluenzrError) as caught:
            session.authenticate(ADDRESS, AccessToken(NEW))
        assert caught.value.problem.code is ProblemCode.OAUTH_TOKEN_REJECTED

    def test_refused_token_is_asked_for_once_more(self, session, provider):
        provider.tokens.clear()
        provider.tokens[NEW] = ADDRESS
        command, runs = printing(OLD, NEW)

        session.authenticate(ADDRESS, command)

        assert len(runs) == 2
        assert provider.asked[-2:] == [OLD, NEW]

    def test_second_refusal_is_the_last(self, session, provider):
        provider.tokens.clear()
        command, runs = printing(OLD, NEW, "a third one")

        with pytest.raises(FluenzrError) as caught:
            session.authenticate(ADDRESS, command)

        problem = caught.value.problem
        assert problem.code is ProblemCode.OAUTH_TOKEN_REJECTED
        assert problem.facts["status"] in {"invalid_token", "401"}
        assert len(runs) == 2
        assert OLD not in repr(problem)
        assert NEW not in repr(problem)

    def test_same_token_again_is_not_tried_again(self, session, provider):
        provider.tokens.clear()
        before = len(provider.asked)
        command, runs = printing(OLD)

        with pytest.raises(FluenzrError):
            session.authenticate(ADDRESS, command)

        assert len(runs) == 2
        assert len(provider.asked) == before + 1

    def test_token_of_four_kilobytes_lets_in(self, session, provider):
        long = "t" * 4096
        provider.tokens[long] = ADDRESS

        assert session.authenticate(ADDRESS, AccessToken(long))["username"] == ADDRESS


class TestMechanisms:
    def said(self, mechanisms: str, authority: Authority, **overrides) -> tuple[bytes, ProblemCode | None]:
        context = authority.valid().context()
        script = submission_script(mechanisms=mechanisms, overrides=overrides)
        with ScriptedServer(script, tls_context=context) as server:
            session = SMTPSession(
                endpoint_of(server, Security.IMPLICIT_TLS, authority=authority),
                clock=REAL_CLOCK,
                timeout=PATIENT,
            )
            try:
                session.open()
                session.authenticate(ADDRESS, AccessToken(NEW))
                code = None
            except FluenzrError as error:
                code = error.problem.code
            finally:
                session.close()
            connection: Connection = server.connections[0]
            return connection.received, code

    @pytest.mark.parametrize(
        ("offered", "used"),
        [
            ("PLAIN XOAUTH2", b"XOAUTH2"),
            ("XOAUTH2 OAUTHBEARER", b"OAUTHBEARER"),
            ("LOGIN OAUTHBEARER", b"OAUTHBEARER"),
        ],
    )
    def test_it_is_chosen_of_what_the_server_offers(self, authority, offered, used):
        received, _ = self.said(offered, authority)

        assert b"AUTH " + used + b" " in received

    def test_token_is_no_password(self, authority):
        received, code = self.said("PLAIN LOGIN", authority)

        assert code is ProblemCode.AUTH_MECHANISM_UNSUPPORTED
        assert b"AUTH" not in received
