"""What is made of an authorization server's answers: tokens, refusals, and what is no answer at all."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from socket import socket
from urllib.parse import quote_plus

import pytest

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.messages import Catalogue
from fluenzr_smtp.model import (
    AccessToken,
    AuthorizationServer,
    Grant,
    GrantType,
    OAuthClient,
    Secret,
    Tokens,
)
from fluenzr_smtp.oauth import PROVIDERS, Dealings, discover, proposing, provider_of, server_of
from fluenzr_smtp.oauth.client import Authorization, SlowDown, denied
from fluenzr_smtp.problems import ExitStatus, Problem, Stage
from fluenzr_smtp.problems import ProblemCode as Code
from tests.servers.authserver import AuthServer, answered, auth_server, http
from tests.servers.certificates import Authority
from tests.servers.webserver import web_server
from tests.sessions import REAL_CLOCK

CANARY = "1//canary-refresh-4c1a77d2"
ACCESS = "canary-access-9be3"
CLIENT_SECRET = "canary/client+77aa8821"
CLIENT = OAuthClient(id="client", secret=Secret(CLIENT_SECRET))
TOKEN = "/token"


# How a server may repeat what it was sent.
WRITTEN = {
    "form": quote_plus,
    "json": lambda secret: secret.replace("/", "\\/"),
    "base64": lambda secret: base64.b64encode(f"client:{secret}".encode()).decode(),
    "beginning": lambda secret: secret[:20],
    "hex": lambda secret: secret.encode().hex(),
}


@pytest.fixture
def server() -> Iterator[AuthServer]:
    with auth_server() as running:
        yield running


def known(server: AuthServer, **more: object) -> AuthorizationServer:
    found = AuthorizationServer(
        name="tests",
        issuer=server.issuer,
        token_endpoint=f"{server.issuer}{TOKEN}",
        authorization_endpoint=f"{server.issuer}/auth",
        device_authorization_endpoint=f"{server.issuer}/device",
        revocation_endpoint=f"{server.issuer}/revoke",
        takes_secret_in_body=True,
    )
    return replace(found, **more)


def dealings(server: AuthServer, *, client: OAuthClient = CLIENT, seconds: float = 5.0) -> Dealings:
    return Dealings(known(server), client, clock=REAL_CLOCK, seconds=seconds)


def grant(server: AuthServer) -> Grant:
    now = REAL_CLOCK.now()
    tokens = Tokens(access=AccessToken(ACCESS), refresh=Secret(CANARY), obtained=now, expires=now)
    return Grant(
        server=known(server),
        client=CLIENT,
        scopes=("mail",),
        type=GrantType.AUTHORIZATION_CODE,
        tokens=tokens,
    )


def tokens_of(server: AuthServer) -> Tokens:
    tokens = grant(server).tokens
    assert tokens is not None
    return tokens


def refresh_fault(server: AuthServer, *, seconds: float = 5.0) -> Problem:
    with pytest.raises(FluenzrError) as caught:
        dealings(server, seconds=seconds).refreshed(grant(server))
    told = repr(caught.value.problem)
    assert not [each for each in (CANARY, ACCESS, CLIENT_SECRET) if each in told]
    return caught.value.problem


class TestCode:
    ASKED = Authorization(url="", redirect_uri="http://127.0.0.1:1", state="s", verifier=Secret("v" * 43))

    def test_code_that_is_not_taken_is_no_sign_in_that_has_ended(self, server):
        server.answers[TOKEN] = answered("400 Bad Request", error="invalid_grant", error_description="used")

        with pytest.raises(FluenzrError) as caught:
            dealings(server).exchange(self.ASKED, Secret("code"), ("mail",))
        assert caught.value.problem.code is Code.OAUTH_SIGN_IN_FAILED
        assert caught.value.problem.facts["status"] == "invalid_grant: used"

    def test_refused_client_is_named_here_too(self, server):
        server.answers[TOKEN] = answered("400 Bad Request", error="invalid_client")

        with pytest.raises(FluenzrError, match="oauth-client-rejected"):
            dealings(server).exchange(self.ASKED, Secret("code"), ("mail",))


class TestTokens:
    @pytest.mark.parametrize("more", [{}, {"refresh_token": None}, {"refresh_token": ""}])
    def test_refresh_token_that_is_kept_stays(self, server, more):
        server.answers[TOKEN] = answered(access_token="new", token_type="Bearer", expires_in=3600, **more)

        tokens = dealings(server).refreshed(grant(server))

        assert (tokens.access, tokens.refresh) == (AccessToken("new"), Secret(CANARY))
        assert tokens.expires is not None
        assert 3590 < (tokens.expires - REAL_CLOCK.now()).total_seconds() <= 3600
        assert server.fields(TOKEN) == [
            {
                "grant_type": "refresh_token",
                "refresh_token": CANARY,
                "client_id": "client",
                "client_secret": CLIENT_SECRET,
            }
        ]

    def test_rotated_refresh_token_takes_its_place(self, server):
        server.answers[TOKEN] = answered(access_token="new", token_type="bearer", refresh_token="rotated")

        tokens = dealings(server).refreshed(grant(server))

        assert tokens.refresh == Secret("rotated")
        assert tokens.expires is None

    @pytest.mark.parametrize(
        ("said", "seconds"),
        [
            ("3600", 3600),
            ("3600.0", 3600),
            (3600.5, 3600),
            (0, 0),
            (-5, 0),
            (10**12, 10 * 365 * 86400),
            (True, None),
        ],
    )
    def test_life_is_read_with_bounds(self, server, said, seconds):
        server.answers[TOKEN] = answered(access_token="new", expires_in=said)

        tokens = dealings(server).refreshed(grant(server))

        if seconds is None:
            assert tokens.expires is None
        else:
            assert tokens.expires is not None
            assert (tokens.expires - tokens.obtained).total_seconds() == seconds

    @pytest.mark.parametrize(
        "fields",
        [
            '"expires_in": "soon"',
            '"expires_in": ""',
            '"expires_in": [1]',
            '"expires_in": {"a": 1}',
            '"expires_in": NaN',
            '"expires_in": ' + "9" * 5000,
            '"expires_in": -1e400',
            '"expires_at": "noon"',
            '"token_type": null',
            '"scope": 5',
            '"ext": [1e400, {"a": NaN}]',
        ],
        ids=lambda fields: fields[:24],
    )
    def test_new_tokens_are_not_lost_to_what_can_be_done_without(self, server, fields):
        server.answers[TOKEN] = http('{"access_token": "new", "refresh_token": "rotated", ' + fields + "}")

        tokens = dealings(server).refreshed(grant(server))

        assert (tokens.access, tokens.refresh) == (AccessToken("new"), Secret("rotated"))

    @pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "500 Oh"])
    def test_tokens_of_a_failure_are_none(self, server, status):
        server.answers[TOKEN] = answered(status, access_token="new", refresh_token="rotated")

        assert refresh_fault(server).code is Code.OAUTH_PROVIDER_FAILED

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"access_token": None},
            {"access_token": ""},
            {"access_token": "two words"},
            {"access_token": "line\r\nbreak"},
            {"access_token": ["list"]},
            {"access_token": "x" * 20_000},
            {"access_token": "new", "refresh_token": {"a": 1}},
            {"access_token": "new", "refresh_token": "nul\0"},
            {"access_token": "new", "token_type": "mac"},
        ],
        ids=repr,
    )
    def test_what_cannot_be_tokens_is_no_answer(self, server, fields):
        server.answers[TOKEN] = answered(**fields)

        problem = refresh_fault(server)

        assert (problem.code, problem.facts["reason"]) == (Code.OAUTH_PROVIDER_FAILED, "answer")

    def test_a_public_client_shows_no_secret(self, server):
        server.answers[TOKEN] = answered(access_token="new")

        dealings(server, client=OAuthClient(id="public")).refreshed(grant(server))

        assert server.fields(TOKEN)[0].keys() == {"grant_type", "refresh_token", "client_id"}

    def test_nothing_to_renew_by_is_an_end(self, server):
        tokens = grant(server).tokens
        assert tokens is not None
        without = replace(grant(server), tokens=replace(tokens, refresh=None))

        with pytest.raises(FluenzrError) as caught:
            dealings(server).refreshed(without)
        assert caught.value.problem.code is Code.OAUTH_TOKEN_EXPIRED
        assert server.asked == []

    def test_permission_that_was_left_out_is_told(self, server):
        server.answers[TOKEN] = answered(access_token="new", scope="openid https://x.example/Other")
        asked = dealings(server).authorization(("mail",), "http://127.0.0.1:1", login_hint="a", extra={})

        with pytest.raises(FluenzrError) as caught:
            dealings(server).exchange(asked, Secret("code"), ("openid", "mail", "offline_access"))
        assert caught.value.problem.code is Code.OAUTH_CONSENT_REQUIRED
        assert caught.value.problem.facts["status"] == "mail"


class TestRefusals:
    @pytest.mark.parametrize(
        ("error", "description", "code"),
        [
            ("invalid_grant", "", Code.OAUTH_TOKEN_EXPIRED),
            ("invalid_grant", "Token has been expired or revoked.", Code.OAUTH_TOKEN_EXPIRED),
            ("invalid_grant", "AADSTS700082: The refresh token has expired", Code.OAUTH_TOKEN_EXPIRED),
            ("invalid_grant", "AADSTS50173: The provided grant has expired", Code.OAUTH_TOKEN_EXPIRED),
            ("invalid_grant", "AADSTS65001: The user or administrator has not consented",
             Code.OAUTH_CONSENT_REQUIRED),
            ("consent_required", "", Code.OAUTH_CONSENT_REQUIRED),
            ("interaction_required", "AADSTS50076: you must use multi-factor", Code.OAUTH_TOKEN_EXPIRED),
            ("invalid_grant", "AADSTS90094: An administrator of X has set a policy",
             Code.OAUTH_ADMIN_APPROVAL_REQUIRED),
            ("access_denied", "The resource owner needs admin approval", Code.OAUTH_ADMIN_APPROVAL_REQUIRED),
            ("admin_policy_enforced", "", Code.OAUTH_ADMIN_APPROVAL_REQUIRED),
            ("invalid_client", "The OAuth client was not found.", Code.OAUTH_CLIENT_REJECTED),
            ("invalid_client", "AADSTS7000222: The provided client secret keys are expired",
             Code.OAUTH_CLIENT_REJECTED),
            ("unauthorized_client", "AADSTS700016: Application not found", Code.OAUTH_CLIENT_REJECTED),
            ("deleted_client", "", Code.OAUTH_CLIENT_REJECTED),
            ("invalid_scope", "", Code.OAUTH_CLIENT_REJECTED),
            ("temporarily_unavailable", "", Code.OAUTH_PROVIDER_FAILED),
            ("something_new", "", Code.OAUTH_SIGN_IN_FAILED),
        ],
    )  # fmt: skip
    def test_each_is_named(self, server, error, description, code):
        server.answers[TOKEN] = answered("400 Bad Request", error=error, error_description=description)

        problem = refresh_fault(server)

        assert problem.code is code
        assert error in str(problem.facts["status"])
        later = problem.exit_status is ExitStatus.TEMPORARY
        assert later == (code is Code.OAUTH_PROVIDER_FAILED)

    @pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
    def test_what_was_sent_is_not_repeated_however_it_is_written(self, server, written):
        said = f"unexpected request: {written(CANARY)} with {written(CLIENT_SECRET)}"
        server.answers[TOKEN] = answered("400 Bad Request", error="invalid_grant", error_description=said)

        status = str(refresh_fault(server).facts["status"])

        assert "unexpected request" in status
        for secret in (CANARY, CLIENT_SECRET):
            assert not [each for each in (written(secret), written(secret)[:16]) if each in status]

    def test_secret_in_a_long_error_is_struck_out_before_it_is_cut(self, server):
        server.answers[TOKEN] = answered("400 Bad Request", error="x" * 290 + CANARY)

        assert CANARY[:8] not in str(refresh_fault(server).facts["status"])

    @pytest.mark.parametrize(
        "unseen", "\x1b\x9b\u00ad\u034f\u061c\u180e\u200b\u202e\u2066\ufeff\ufff9\U000e0041"
    )
    def test_nothing_unseen_is_told(self, server, unseen):
        server.answers[TOKEN] = answered(
            "400 Bad Request", error=f"inv{unseen}alid", error_description=unseen
        )

        assert unseen not in str(refresh_fault(server).facts["status"])

    def test_what_it_says_is_shortened_cleaned_and_holds_no_secret(self, server):
        said = f"\x1b[31m{CANARY} and {CLIENT_SECRET}\r\n\u202e" + "x" * 1000
        server.answers[TOKEN] = answered("400 Bad Request", error="invalid_grant", error_description=said)

        status = str(refresh_fault(server).facts["status"])

        assert len(status) <= 301
        assert status.isprintable()

    @pytest.mark.parametrize("error", [None, 5, {"a": "b"}, ["x"], ""])
    def test_error_that_is_no_word_is_survived(self, server, error):
        server.answers[TOKEN] = answered("400 Bad Request", error=error)

        assert refresh_fault(server).code in {Code.OAUTH_SIGN_IN_FAILED, Code.OAUTH_PROVIDER_FAILED}

    def test_refusal_by_the_person_is_told_as_one(self):
        problem = denied("login.example", "access_denied", "").problem

        assert (problem.code, problem.facts["reason"]) == (Code.OAUTH_SIGN_IN_FAILED, "denied")


def drip(connection: socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: x\r\n")
        time.sleep(0.1)


def flood(connection: socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{")
    while True:
        connection.sendall(b" " * 65536)


class TestNoAnswer:
    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (http("<!doctype html><title>Welcome to the hotel</title>"), "answer"),
            (http("<html>", status="502 Bad Gateway"), "server-error"),
            (http("{}", status="429 Too Many Requests"), "too-many-requests"),
            (http("slow down", status="429 Too Many Requests"), "too-many-requests"),
            (http("", status="302 Found", more="Location: http://evil.example/\r\n"), "redirect"),
            (http(""), "answer"),
            (http("[]"), "answer"),
            (http("null"), "answer"),
            (http("[" * 100_000), "answer"),
            (http('{"access_token":"a"'), "answer"),
            (http(b"\xff\xfe\x00"), "answer"),
            (http(gzip.compress(b" " * 10_000_000), more="Content-Encoding: gzip\r\n"), "answer"),
            (http(json.dumps({"access_token": "a", "more": "x" * 10_000_000})), "too-long"),
            (flood, "too-long"),
            (drip, "timeout"),
            (lambda connection: time.sleep(10), "timeout"),
            (lambda connection: connection.close(), "answer"),
            (b"220 mail.example ESMTP\r\n", "answer"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "answer"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_is_told_for_what_it_is(self, server, answer, reason):
        server.answers[TOKEN] = answer

        problem = refresh_fault(server, seconds=1.0)

        assert (problem.code, problem.facts["reason"]) == (Code.OAUTH_PROVIDER_FAILED, reason)
        assert problem.exit_status is ExitStatus.TEMPORARY
        assert len(server.asked) == 1  # never asked twice, and nobody else

    def test_nobody_there(self, server):
        absent = Dealings(
            replace(known(server), token_endpoint="http://127.0.0.1:1/token"), CLIENT, clock=REAL_CLOCK
        )

        with pytest.raises(FluenzrError) as caught:
            absent.refreshed(grant(server))
        assert caught.value.problem.facts["reason"] == "unreachable"

    def test_certificate_that_nobody_vouches_for(self, server, authority: Authority):
        context = authority.issue("login", names=("localhost",), common_name="localhost").context()
        with web_server(context, answered(access_token="new")) as web:
            endpoint = f"https://localhost:{web.port}/token"

            with pytest.raises(FluenzrError) as caught:
                Dealings(replace(known(server), token_endpoint=endpoint), CLIENT, clock=REAL_CLOCK).refreshed(
                    grant(server)
                )
            assert caught.value.problem.facts["reason"] == "certificate"
            assert web.requests == []
            ours = replace(
                known(server), token_endpoint=endpoint, authority=authority.ca_file.read_text("ascii")
            )
            assert Dealings(ours, CLIENT, clock=REAL_CLOCK).refreshed(grant(server)).access.reveal() == "new"


DEVICE: dict[str, object] = {
    "device_code": "canary-device",
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://login.example/device",
    "expires_in": 600,
}


class TestDevice:
    def test_code_is_read(self, server):
        server.answers["/device"] = answered(**DEVICE)

        device = dealings(server).device_code(("mail",))

        assert (device.user_code, device.interval, device.expires_in) == ("ABCD-EFGH", 5, 600)
        assert "canary-device" not in repr(device)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"user_code": "\x1b[31mABCD"},
            {"user_code": "x" * 500},
            {"user_code": None},
            {"verification_uri": "http://login.example/device"},
            {"verification_uri": "javascript:alert(1)"},
            {"verification_uri": "https://login.example/\x1b[31m"},
            {"verification_uri": "https://lögin.example/"},
            {"verification_uri_complete": "http://evil.example/"},
            {"expires_in": "later"},
            {"expires_in": float("nan")},
            {"device_code": 7},
        ],
        ids=repr,
    )
    def test_what_a_person_should_not_see_is_no_answer(self, server, wrong):
        server.answers["/device"] = answered(**(DEVICE | wrong))

        with pytest.raises(FluenzrError) as caught:
            dealings(server).device_code(("mail",))
        assert caught.value.problem.facts["reason"] == "answer"

    @pytest.mark.parametrize(("said", "kept"), [(0, 5), (0.001, 1), (10**9, 60), (-4, 1)])
    def test_pauses_have_bounds(self, server, said, kept):
        server.answers["/device"] = answered(**DEVICE, interval=said)

        assert dealings(server).device_code(("mail",)).interval == kept

    def test_patience_is_asked_for(self, server):
        server.answers["/device"] = answered(**DEVICE)
        device = dealings(server).device_code(("mail",))
        server.answers[TOKEN] = answered("400 Bad Request", error="authorization_pending")
        assert dealings(server).poll(device, ("mail",)) is None
        server.answers[TOKEN] = answered("400 Bad Request", error="slow_down")
        with pytest.raises(SlowDown):
            dealings(server).poll(device, ("mail",))
        server.answers[TOKEN] = answered("400 Bad Request", error="access_denied")
        with pytest.raises(FluenzrError) as caught:
            dealings(server).poll(device, ("mail",))
        assert caught.value.problem.code is Code.OAUTH_SIGN_IN_FAILED


class TestRevocation:
    def test_refresh_token_is_given_back(self, server):
        server.answers["/revoke"] = http("")
        tokens = tokens_of(server)

        assert dealings(server).revoke(tokens)
        (fields,) = server.fields("/revoke")
        assert (fields["token"], fields["token_type_hint"]) == (CANARY, "refresh_token")

    def test_where_there_is_no_way_it_is_said(self, server):
        tokens = tokens_of(server)

        without = Dealings(replace(known(server), revocation_endpoint=""), CLIENT, clock=REAL_CLOCK)
        assert not without.revoke(tokens)

    @pytest.mark.parametrize("error", ["invalid_token", "invalid_grant"])
    def test_what_is_no_token_any_more_counts_as_given_back(self, server, error):
        server.answers["/revoke"] = answered("400 Bad Request", error=error)

        assert dealings(server).revoke(tokens_of(server))

    def test_kind_of_token_that_cannot_be_given_back_is_said(self, server):
        server.answers["/revoke"] = answered("400 Bad Request", error="unsupported_token_type")

        assert not dealings(server).revoke(tokens_of(server))

    def test_refused_client_is_named(self, server):
        server.answers["/revoke"] = answered("401 Unauthorized", error="invalid_client")

        with pytest.raises(FluenzrError, match="oauth-client-rejected"):
            dealings(server).revoke(tokens_of(server))

    def test_failure_is_told(self, server):
        server.answers["/revoke"] = http("no", status="503 Service Unavailable")
        tokens = tokens_of(server)

        with pytest.raises(FluenzrError) as caught:
            dealings(server).revoke(tokens)
        assert caught.value.problem.facts["reason"] == "server-error"


OPENID = "/.well-known/openid-configuration"


def metadata(server: AuthServer, **more: object) -> bytes:
    fields = {
        "issuer": server.issuer,
        "token_endpoint": f"{server.issuer}/token",
        "authorization_endpoint": f"{server.issuer}/auth",
    }
    return answered(**(fields | more))


class TestDiscovery:
    def test_endpoints_and_usual_scopes(self, server):
        server.answers[OPENID] = metadata(server, scopes_supported=["openid", "offline_access", "phone"])

        found, scopes = discover(server.issuer, clock=REAL_CLOCK)

        assert found.token_endpoint == f"{server.issuer}/token"
        assert scopes == ("openid", "offline_access")
        assert not found.takes_secret_in_body

    def test_whole_address_may_be_pasted(self, server):
        server.answers[OPENID] = metadata(server)

        found, _ = discover(f" {server.issuer}{OPENID}", clock=REAL_CLOCK)

        assert found.issuer == server.issuer

    def test_the_other_place_is_asked_where_the_first_has_nothing(self, server):
        server.answers["/.well-known/oauth-authorization-server/shop"] = metadata(
            server, issuer=f"{server.issuer}/shop"
        )

        found, _ = discover(f"{server.issuer}/shop", clock=REAL_CLOCK)

        assert found.issuer == f"{server.issuer}/shop"
        assert server.asked[0][0] == f"/shop{OPENID}"

    @pytest.mark.parametrize(
        ("issuer", "reason"),
        [
            ("http://login.example.org", "not-encrypted"),
            ("http://127.0.0.1.example.org", "not-encrypted"),
            ("http://10.0.0.1", "not-encrypted"),
            ("ftp://login.example.org", "not-an-address"),
            ("login.example.org", "not-an-address"),
            ("https://", "not-an-address"),
            ("https://login.example.org?x=1", "not-an-address"),
            ("https://login.example.org/realms/{a}", "not-an-address"),
            ("https://login.example.org:0", "not-an-address"),
            ("https://256.256.256.256", "not-an-address"),
            ("https://[v1.a]", "not-an-address"),
            ("http://:canary-pw@127.0.0.1", "not-an-address"),
            ("http://@127.0.0.1", "not-an-address"),
            ("https://me:canary-pw@login.example.org", "not-an-address"),
            ("https://login.example.org/#x", "not-an-address"),
            ("https://login.example.org:99999", "not-an-address"),
            ("https://[::1", "not-an-address"),
            ("https://login.example.org/\x1b[31m", "not-an-address"),
            ("https://login.exämple.org", "not-an-address"),
            ("", "not-an-address"),
        ],
    )
    def test_address_that_may_not_be_asked(self, issuer, reason):
        with pytest.raises(FluenzrError) as caught:
            discover(issuer, clock=REAL_CLOCK)
        problem = caught.value.problem
        assert (problem.code, problem.facts["reason"]) == (Code.OAUTH_ISSUER_INVALID, reason)
        assert "canary-pw" not in repr(problem)

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"issuer": "https://another.example"}, "issuer-differs"),
            ({"issuer": "http://127.0.0.1:{port}"}, "issuer-differs"),
            ({"token_endpoint": "https://256.256.256.256/"}, "not-an-address"),
            ({"revocation_endpoint": "https://login.example.org/#x"}, "not-an-address"),
            ({"token_endpoint": "http://login.example.org/token"}, "not-encrypted"),
            ({"token_endpoint": 5}, "endpoint"),
            ({"token_endpoint": None}, "no-token-endpoint"),
            ({"authorization_endpoint": "javascript:alert(1)"}, "not-an-address"),
            ({"revocation_endpoint": "file:///etc/passwd"}, "not-an-address"),
            ({"device_authorization_endpoint": "https://u:p@x.example/"}, "not-an-address"),
        ],
        ids=repr,
    )
    def test_metadata_that_may_not_be_followed(self, server, fields, reason):
        server.answers[OPENID] = metadata(server, **fields)

        with pytest.raises(FluenzrError) as caught:
            discover(server.issuer, clock=REAL_CLOCK)
        problem = caught.value.problem
        assert (problem.code, problem.facts["reason"]) == (Code.OAUTH_ISSUER_INVALID, reason)

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (http("<html>hello"), "answer"),
            (http("[]"), "answer"),
            (http("{}"), "no-discovery"),
            (http('{"issuer": null}'), "no-discovery"),
            (http('{"issuer": 5}'), "no-discovery"),
            (http("{" * 100_000), "answer"),
            (http("x" * 10_000_000), "too-long"),
            (http("", status="301 Moved", more="Location: /elsewhere\r\n"), "redirect"),
            (http("", status="500 Oh"), "server-error"),
            (http("", status="404 Not Found"), "no-discovery"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_is_no_metadata(self, server, answer, reason):
        server.answers[OPENID] = answer

        with pytest.raises(FluenzrError) as caught:
            discover(server.issuer, clock=REAL_CLOCK)
        problem = caught.value.problem
        assert (problem.code, problem.facts["reason"]) == (Code.OAUTH_PROVIDER_FAILED, reason)


class TestProviders:
    @pytest.mark.parametrize(
        ("preset", "name"),
        [("gmail", "google"), ("google-workspace", "google"), ("outlook", "microsoft"),
         ("microsoft365", "microsoft"), ("ovh", None), (None, None)],
    )  # fmt: skip
    def test_stand_behind_their_presets(self, preset, name):
        found = provider_of(preset)

        assert (found.name if found else None) == name

    @pytest.mark.parametrize(
        ("preset", "sign_in"),
        [("gmail", "Google"), ("microsoft365", "Microsoft"), ("yahoo", None), (None, None)],
    )
    @pytest.mark.parametrize("code", [Code.AUTH_REJECTED, Code.AUTH_APP_PASSWORD_REQUIRED])
    def test_are_proposed_where_a_password_is_refused(self, preset, sign_in, code):
        problem = proposing(Problem(code=code, stage=Stage.AUTH), preset)

        assert problem.facts.get("sign_in") == sign_in
        told = Catalogue.load("en").sentence(problem).fix
        assert ("--oauth" in told) == (sign_in is not None)

    def test_nothing_but_mail_is_asked_for(self):
        assert PROVIDERS["google"].scopes == ("https://mail.google.com/",)
        assert set(PROVIDERS["microsoft"].scopes) == {
            "https://outlook.office.com/SMTP.Send",
            "https://outlook.office.com/IMAP.AccessAsUser.All",
            "offline_access",
        }

    def test_tenant_stands_in_the_addresses(self):
        server = server_of(PROVIDERS["microsoft"], "shop.example")

        assert server.token_endpoint == "https://login.microsoftonline.com/shop.example/oauth2/v2.0/token"
        assert server_of(PROVIDERS["microsoft"]).token_endpoint.split("/")[3] == "common"

    @pytest.mark.parametrize("tenant", ["", "a/b", "../x", "a b", "{tenant}", "x?y", "-a"])
    def test_tenant_that_is_none(self, tenant):
        with pytest.raises(FluenzrError) as caught:
            server_of(PROVIDERS["microsoft"], tenant)
        assert caught.value.problem.code is Code.SETTING_INVALID

    def test_google_has_no_tenants(self):
        with pytest.raises(FluenzrError) as caught:
            server_of(PROVIDERS["google"], "shop.example")
        assert caught.value.problem.code is Code.USAGE_INVALID
