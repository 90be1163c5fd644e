"""Accounts that sign in by OAuth: a real OpenID provider, a real browser, real Postfix and Dovecot."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.cli.program import Ended, Program, server_options
from tests.servers import require
from tests.servers.authserver import AuthServer, answered, auth_server, http
from tests.servers.mailhost import MailHost
from tests.servers.openid import CLIENT, SERVICE, SERVICE_SECRET, OpenID
from tests.servers.openid.person import agree

ADDRESS = "shop@shop.test"
SERVERS = Path(__file__).parents[1] / "servers"
PERSON = f"{sys.executable} {SERVERS}/openid/person.py {ADDRESS} %s"
#: Nobody listens there: for what needs no mail server.
NOWHERE = ("--smtp-host", "127.0.0.1", "--smtp-port", "9", "--encryption", "none", "--no-imap", "--no-test")
SEND = ("send", "--to", ADDRESS, "--subject", "Hi", "--body", "Hi", "--json")


@pytest.fixture(autouse=True)
def _usual(openid: OpenID) -> Iterator[None]:
    openid.as_usual()
    yield
    openid.as_usual()


@pytest.fixture
def person(program: Program) -> Program:
    """A program beside which a person sits who agrees to everything."""
    return program.with_variables(BROWSER=PERSON)


def add(program: Program, openid: OpenID, *more: str, host: MailHost | None = None) -> Ended:
    servers = NOWHERE if host is None else server_options(host)
    return program.run(
        "account", "add", ADDRESS, "--name", "shop", "--oauth", "--issuer", openid.issuer,
        "--client-id", CLIENT, "--json", *servers, *more,
    )  # fmt: skip


@pytest.fixture
def signed_in(person: Program, openid: OpenID, openhost: MailHost) -> Program:
    """A program with an account that was signed in."""
    ended = add(person, openid, host=openhost)
    assert ended.status == 0, ended.out + ended.err
    openid.told(forget=1)
    return person


def expire(program: Program, openid: OpenID) -> None:
    """Let the account's access token run out."""
    openid.told(ttl=1)
    ended = program.run("account", "reconnect", "shop", "--no-test", "--json")
    assert ended.status == 0, ended.out
    openid.as_usual()
    time.sleep(1.1)


def tokens_of(program: Program) -> list[str]:
    """Return every token in the vault."""
    from fluenzr_smtp.app import App
    from fluenzr_smtp.model import OAuthLogin

    app = App.of_this_process()
    app.environ = program.environ
    found = []
    for stored in app.accounts.list():
        if isinstance(stored.secret, OAuthLogin) and stored.secret.grant.tokens:
            tokens = stored.secret.grant.tokens
            found += [tokens.access.reveal(), tokens.refresh.reveal() if tokens.refresh else "-" * 9]
    assert found
    return found


class TestBrowser:
    """A real Chromium, headless."""

    @pytest.fixture
    def log(self, tmp_path: Path) -> Path:
        return tmp_path / "browser.jsonl"

    def browsing(self, program: Program, log: Path, mode: str) -> Program:
        require("chromium")
        browser = f"{sys.executable} {SERVERS}/browser.py {log} {ADDRESS} {mode} %s"
        return program.with_variables(BROWSER=browser)

    def seen(self, log: Path) -> list[dict[str, str]]:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
            if any("title" in each for each in lines):
                return lines
            time.sleep(0.1)
        raise AssertionError("the browser has not come to an end")

    def test_code_flow_to_a_login_at_both_servers(self, program, openid, openhost, log):
        ended = add(self.browsing(program, log, "agree"), openid, host=openhost)

        assert ended.status == 0, ended.out + ended.err
        logins = [each for each in ended.data["checks"] if each["stage"] == "auth"]
        assert [each["facts"]["mechanism"] for each in logins] == ["OAUTHBEARER", "OAUTHBEARER"]
        *requests, page = self.seen(log)
        assert page["text"].startswith("Done in the browser")
        asked = next(each["url"] for each in requests if "/auth?" in each["url"])
        assert "code_challenge_method=S256" in asked
        assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A" in asked
        # The page at the end asks for nothing more, so no address with the code is a referrer of anything.
        assert "/?code=" in [each["url"] for each in requests if "favicon" not in each["url"]][-1]
        assert not [each for each in requests if "code=" in each["referer"]]

    def test_person_refuses_in_the_browser(self, program, openid, log):
        ended = add(self.browsing(program, log, "cancel"), openid)

        assert (ended.status, ended.codes) == (77, ["oauth-sign-in-failed"])
        assert program.names() == []

    def test_browser_that_never_returns_is_waited_for_so_long(self, program, openid, log):
        ended = add(self.browsing(program, log, "leave"), openid, "--sign-in-timeout", "5")

        (problem,) = ended.document["problems"]
        assert (ended.status, problem["code"]) == (77, "oauth-sign-in-failed")
        assert problem["facts"]["reason"] == "timeout"

    def test_device_flow_on_another_device(self, program, openid, openhost):
        require("chromium")
        with program.start(
            "account", "add", ADDRESS, "--name", "shop", "--device", "--issuer", openid.issuer,
            "--client-id", CLIENT, *server_options(openhost),
        ) as child:  # fmt: skip
            url, code = told_device(child)
            agree(url, user=ADDRESS, code=code)
            out, err = child.communicate(timeout=30)

        assert child.returncode == 0, err
        assert b"Saved shop." in out
        assert program.account("shop")["oauth"]["grant_type"].endswith("device_code")


def told_device(child: Any) -> tuple[str, str]:
    told = b""
    while not (found := re.search(rb"(http://\S+)\n.*code: (\S+)\n", told)):
        piece = child.stderr.read1()
        assert piece, told
        told += piece
    return found[1].decode(), found[2].decode()


class TestSignIn:
    def test_what_is_kept_and_what_is_shown(self, signed_in, openid):
        account = signed_in.account("shop")

        assert (account["login"], account["has_secret"]) == ("oauth", True)
        assert account["oauth"]["issuer"] == openid.issuer
        assert account["oauth"]["scopes"] == ["openid", "email", "offline_access"]
        assert "signed_in" in account["oauth"]
        assert "sign-in" in signed_in.call("account", "show", "shop").out

    def test_message_goes_out_and_comes_back(self, signed_in):
        ended = signed_in.run("account", "test", "shop", "--json")

        assert ended.status == 0, ended.out
        assert signed_in.run("replies", "--json").status == 0

    def test_without_a_display_the_other_device_is_used(self, program, openid):
        with program.start(
            "account", "add", ADDRESS, "--name", "shop", "--oauth", "--issuer", openid.issuer,
            "--client-id", CLIENT, *NOWHERE,
        ) as child:  # fmt: skip
            url, code = told_device(child)
            agree(url, user=ADDRESS, code=code)
            child.communicate(timeout=30)

        assert child.returncode == 0

    def test_address_is_pasted_from_a_browser_elsewhere(self, program, openid):
        def pasted(seen: str) -> str:
            url = re.findall(r"http://127\.0\.0\.1:\d+/auth\S+", seen.replace("\r", ""))[-1]
            return agree(url, user=ADDRESS)

        ended = program.at_terminal(
            "account", "add", ADDRESS, "--name", "shop", "--paste", "--issuer", openid.issuer,
            "--client-id", CLIENT, *NOWHERE, dialogue=[("Address: ", pasted)],
        )  # fmt: skip

        assert ended.status == 0, ended.err
        assert "code=" not in ended.err.replace("code_challenge", "").replace("response_type=code", "")

    def test_service_signs_in_without_a_person(self, program, openid, openhost):
        ended = program.with_variables(FLUENZR_OAUTH_CLIENT_SECRET=SERVICE_SECRET).run(
            "account", "add", ADDRESS, "--name", "shop", "--client-credentials", "--issuer", openid.issuer,
            "--client-id", SERVICE, "--json", *server_options(openhost),
        )  # fmt: skip

        assert ended.status == 0, ended.out
        assert ended.data["account"]["oauth"]["grant_type"] == "client_credentials"
        assert program.run(*SEND).status == 0

    def test_client_id_of_the_environment_and_of_the_choices(self, person, openid):
        host = openid.issuer.removeprefix("http://").partition(":")[0]
        base = ("account", "add", ADDRESS, "--oauth", "--issuer", openid.issuer, "--json", *NOWHERE)
        missing = person.run(*base)
        by_variable = person.with_variables(FLUENZR_OAUTH_CLIENT_ID=CLIENT).run(*base, "--name", "one")
        person.run("config", "set", f"oauth.{host}.client_id", CLIENT)
        by_choice = person.run(*base, "--name", "two")

        assert (missing.status, missing.codes) == (64, ["input-required"])
        assert (by_variable.status, by_choice.status) == (0, 0)

    def test_password_takes_the_place_of_a_sign_in_and_back(self, signed_in, openid, openhost):
        password = openhost.shop.secret
        to_password = signed_in.run("account", "edit", "shop", "--password-stdin", "--json", stdin=password)
        to_oauth = signed_in.run(
            "account", "edit", "shop", "--oauth", "--issuer", openid.issuer, "--client-id", CLIENT, "--json"
        )

        assert to_password.data["account"]["oauth"] is None
        assert to_oauth.data["account"]["login"] == "oauth"

    @pytest.mark.parametrize(
        ("options", "status"),
        [
            (("--oauth", "--password-stdin"), 64),
            (("--oauth", "--token-command", "x"), 64),
            (("--oauth", "--no-auth"), 64),
            (("--device", "--paste"), 64),
            (("--device", "--client-credentials"), 64),
            (("--issuer", "https://login.example.org", "--tenant", "x"), 64),
            (("--oauth", "--client-id", "two words"), 64),
            (("--oauth", "--client-id", ""), 64),
            (("--oauth", "--preset", "gmail", "--client-credentials", "--client-id", "x"), 64),
            (("--oauth", "--preset", "microsoft365", "--client-credentials", "--client-id", "x"), 64),
            (("--oauth", "--preset", "microsoft365", "--tenant", "../x", "--client-id", "x"), 64),
            (("--oauth", "--preset", "google-workspace", "--device", "--client-id", "x"), 64),
            (("--issuer", "http://login.example.org", "--client-id", "x"), 78),
            (("--issuer", "login.example.org", "--client-id", "x"), 78),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, program, options, status):
        program = program.with_variables(FLUENZR_OAUTH_CLIENT_SECRET="x")
        ended = program.run("account", "add", ADDRESS, *NOWHERE, *options, "--json", stdin="x\n")

        assert ended.status == status, ended.out
        assert program.names() == []

    def test_provider_is_known_by_its_server_too(self, program):
        ended = program.run(
            "account", "add", "me@firma.example", "--smtp-host", "smtp.gmail.com", "--no-imap", "--no-test",
            "--oauth", "--client-id", "x", "--json",
        )  # fmt: skip

        assert ended.document["problems"][0]["facts"]["options"] == ["--client-secret-file"]  # it is Google's

    def test_provider_without_known_oauth_wants_its_issuer(self, program):
        ended = program.run(
            "account", "add", ADDRESS, "--preset", "ovh", "--oauth", "--client-id", "x", "--no-test", "--json"
        )

        assert ended.codes == ["input-required"]
        assert "--issuer" in ended.out


class TestRenewal:
    def test_token_that_holds_is_not_renewed(self, signed_in, openid):
        assert signed_in.run(*SEND).status == 0
        assert openid.refreshes() == 0

    def test_expired_token_is_renewed_once_and_kept(self, signed_in, openid):
        expire(signed_in, openid)
        before = tokens_of(signed_in)

        first, second = signed_in.run(*SEND), signed_in.run(*SEND)

        assert (first.status, second.status) == (0, 0), first.out
        assert openid.refreshes() == 1
        assert not set(before) & set(tokens_of(signed_in))  # both are new: it rotates

    def test_many_processes_renew_once(self, signed_in, openid, openhost):
        expire(signed_in, openid)

        children = [signed_in.start(*SEND[:-1]) for _ in range(10)]
        ended = [(child.communicate(timeout=60), child.returncode) for child in children]

        assert [status for _, status in ended] == [0] * 10, ended
        assert openid.refreshes() == 1

    def test_renewal_outlives_whoever_asked_for_it(self, signed_in, openid):
        expire(signed_in, openid)
        openid.told(delay_ms=1500)
        child = signed_in.start(*SEND[:-1])
        end = time.monotonic() + 20
        while openid.refreshes() == 0 and time.monotonic() < end:  # it is answered in a second and a half
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        openid.told(delay_ms=0)

        # Shown once more, the old refresh token would end everything (it rotates).
        assert signed_in.run(*SEND).status == 0
        assert openid.refreshes() == 1

    def test_what_was_changed_in_the_meantime_stays(self, signed_in, openid):
        expire(signed_in, openid)
        openid.told(delay_ms=1500)
        child = signed_in.start(*SEND[:-1])
        while openid.refreshes() == 0:
            time.sleep(0.02)
        signed_in.run("account", "rename", "shop", "store")
        signed_in.run("account", "edit", "store", "--display-name", "The Store", "--no-test")
        child.communicate(timeout=30)
        openid.told(delay_ms=0)

        assert signed_in.run(*SEND).status == 0
        assert openid.refreshes() == 1
        assert signed_in.account("store")["display_name"] == "The Store"

    def test_older_generations_are_not_driven_out_by_renewals(self, signed_in, openid):
        expire(signed_in, openid)
        before = {name for name in signed_in.files() if "vault.fluenzr" in name}

        signed_in.run(*SEND)

        assert {name for name in signed_in.files() if "vault.fluenzr" in name} == before

    def test_provider_that_is_down_costs_nothing(self, signed_in, openid):
        expire(signed_in, openid)
        openid.told(status=503)

        ended = signed_in.run(*SEND)
        openid.told(status=0)

        (problem,) = ended.document["problems"]
        assert (ended.status, problem["code"]) == (75, "oauth-provider-failed")
        assert problem["facts"]["reason"] == "server-error"
        assert signed_in.run(*SEND).status == 0

    def test_queued_message_waits_for_a_provider_that_is_down(self, signed_in, openid):
        expire(signed_in, openid)
        openid.told(status=503)
        queued = signed_in.run(*SEND, "--queue")
        openid.told(status=0)

        assert queued.status == 0
        assert signed_in.run("outbox", "list", "--json").data["messages"][0]["state"] in {
            "queued",
            "deferred",
        }
        signed_in.run("outbox", "retry", "--all")
        signed_in.run("outbox", "run")
        assert signed_in.run("outbox", "list", "--json").data["messages"] == []
        assert openid.refreshes() == 1

    def test_sign_in_that_has_ended_names_what_helps(self, signed_in, openid):
        expire(signed_in, openid)
        withdraw(signed_in, openid)

        ended = signed_in.run(*SEND)
        told = signed_in.run(*SEND[:-1])
        again = signed_in.run("account", "reconnect", "shop", "--json")

        assert (ended.status, ended.codes) == (77, ["oauth-token-expired"])
        assert "fluenzr account reconnect shop" in told.err
        assert again.status == 0, again.out
        assert signed_in.run(*SEND).status == 0

    def test_token_that_the_server_refuses_is_renewed_once(self, signed_in, openid):
        access, _ = tokens_of(signed_in)
        openid.told(destroy=access)

        ended = signed_in.run(*SEND)

        assert ended.status == 0, ended.out
        assert openid.refreshes() == 1

    def test_no_loop_where_each_token_is_refused(self, person, openid, tokenhost):
        ended = add(person, openid, host=tokenhost)  # this mail host knows another provider

        assert (ended.status, ended.codes[0]) == (77, "oauth-token-rejected")
        assert add(person, openid, "--no-test", host=tokenhost).status == 0
        openid.told(forget=1)

        sent = person.run(*SEND)

        assert (sent.status, sent.codes) == (77, ["oauth-token-rejected"])
        assert openid.refreshes() == 1


class TestProblems:
    """Each refusal of a renewal, by a server that says just that."""

    @pytest.fixture
    def server(self) -> Iterator[AuthServer]:
        with auth_server() as running:
            running.answers["/.well-known/openid-configuration"] = answered(
                issuer=running.issuer, token_endpoint=f"{running.issuer}/token"
            )
            yield running

    @pytest.fixture
    def service(self, program: Program, server: AuthServer, openhost: MailHost) -> Program:
        server.answers["/token"] = answered(access_token="canary-old-token", expires_in=0)
        program = program.with_variables(FLUENZR_OAUTH_CLIENT_SECRET=SERVICE_SECRET)
        ended = program.run(
            "account", "add", ADDRESS, "--name", "shop", "--client-credentials", "--issuer", server.issuer,
            "--client-id", "x", "--no-test", "--json", *server_options(openhost),
        )  # fmt: skip
        assert ended.status == 0, ended.out
        return program

    @pytest.mark.parametrize(
        ("error", "description", "code"),
        [
            ("invalid_grant", "", "oauth-token-expired"),
            ("invalid_grant", "AADSTS65001: no consent", "oauth-consent-required"),
            ("access_denied", "needs admin approval", "oauth-admin-approval-required"),
            ("invalid_grant", "AADSTS53003: blocked by policy", "oauth-admin-approval-required"),
            ("invalid_client", "AADSTS7000222: expired", "oauth-client-rejected"),
        ],
    )
    def test_each_names_reconnect_in_every_language(self, service, server, error, description, code):
        server.answers["/token"] = answered("400 Bad Request", error=error, error_description=description)

        for language in ("en", "de", "es", "fr", "hi", "ja", "pt"):
            told = service.call(*SEND[:-1], "--lang", language)
            assert told.status == 77
            assert f"[{code}]" in told.err
            assert "fluenzr account reconnect shop" in told.err

    def test_secret_of_a_client_is_for_its_own_server(self, service, server):
        service = service.with_variables(FLUENZR_OAUTH_CLIENT_SECRET=None)
        again = (
            "account",
            "add",
            "two@firma.example",
            *NOWHERE,
            "--client-credentials",
            "--client-id",
            "x",
            "--json",
        )
        with auth_server() as other:
            other.answers["/.well-known/openid-configuration"] = answered(
                issuer=other.issuer, token_endpoint=f"{other.issuer}/token"
            )
            elsewhere = service.run(*again, "--issuer", other.issuer)

            assert elsewhere.document["problems"][0]["facts"]["options"] == ["--client-secret-file"]
            assert other.fields("/token") == []
        assert service.run(*again, "--issuer", server.issuer).status == 0

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (http("<html>Sign in to the hotel's network"), "answer"),
            (http("x" * 10_000_000), "too-long"),
            (http("", status="302 Found", more="Location: http://127.0.0.1:9/\r\n"), "redirect"),
        ],
        ids=["html", "10 MB", "redirect"],
    )
    def test_what_is_no_answer_leaves_the_account_as_it_was(self, service, server, answer, reason):
        before = service.vault.read_bytes()
        server.answers["/token"] = answer

        ended = service.call(*SEND)

        (problem,) = ended.document["problems"]
        assert (ended.status, problem["facts"]["reason"]) == (75, reason)
        assert service.vault.read_bytes() == before

    def test_a_life_without_length_is_no_loop(self, service, server, openhost):
        server.asked.clear()
        ended = service.call(*SEND)

        assert ended.codes == ["oauth-token-rejected"]  # the mail host knows no such token
        assert len(server.fields("/token")) == 2  # it was renewed ahead, and once because of the refusal


class TestRevoke:
    def test_tokens_are_given_back_and_forgotten(self, signed_in, openid):
        _, refresh = tokens_of(signed_in)

        ended = signed_in.run("account", "revoke", "shop", "--yes", "--json")

        assert ended.data == {"account": "shop", "revoked": True, "told_provider": True, "page": None}
        assert not signed_in.account("shop")["oauth"]["signed_in"]
        assert not is_active(openid, refresh)
        sent = signed_in.run(*SEND)
        assert (sent.status, sent.codes) == (77, ["oauth-token-expired"])
        assert signed_in.run("account", "revoke", "shop", "--yes", "--json").data["revoked"] is False
        assert signed_in.run("account", "reconnect", "shop").status == 0
        assert signed_in.run(*SEND).status == 0

    def test_provider_that_is_down_keeps_the_tokens(self, signed_in, openid):
        before = tokens_of(signed_in)
        openid.told(status=503)
        ended = signed_in.run("account", "revoke", "shop", "--yes", "--json")

        assert (ended.status, ended.codes) == (75, ["oauth-provider-failed"])
        assert tokens_of(signed_in) == before

    @pytest.mark.parametrize("command", ["revoke", "reconnect"])
    def test_account_with_a_password_has_nothing_to_give_back(self, shop, command):
        ended = shop.run("account", command, "shop", "--json", *(["--yes"] if command == "revoke" else []))

        assert (ended.status, ended.codes) == (64, ["usage-invalid"])
        assert "account edit shop --oauth" in ended.out


class TestSecrecy:
    def test_tokens_are_shown_nowhere(self, signed_in, openid, tmp_path):
        report = tmp_path / "report.html"
        expire(signed_in, openid)
        ends = [
            signed_in.run(*SEND[:-1], "--debug"),
            signed_in.run("diagnose", "shop", "--transcript", "--report", str(report), "--debug"),
            signed_in.run("account", "show", "shop", "--json", "--debug"),
            signed_in.run("account", "reconnect", "shop", "--debug"),
        ]
        tokens = tokens_of(signed_in)
        withdraw(signed_in, openid)
        expired = signed_in.run("account", "test", "shop", "--debug")

        told = "".join(each.out + each.err for each in (*ends, expired)) + report.read_text()
        files = b"".join(signed_in.files().values())
        assert "OAUTHBEARER" in told
        assert not [token for token in tokens if token in told]
        assert not [token for token in tokens if token.encode() in files]

    def test_no_process_has_a_secret_in_its_arguments_or_environment(self, signed_in, openid):
        expire(signed_in, openid)
        tokens = tokens_of(signed_in)
        openid.told(delay_ms=1500)
        child = signed_in.start(*SEND[:-1])
        while openid.refreshes() == 0:
            time.sleep(0.02)
        seen = processes()
        child.communicate(timeout=30)

        assert any(b"fluenzr_smtp.app.refreshing" in each for each in seen)
        assert not [token for token in tokens if any(token.encode() in each for each in seen)]

    def test_exported_accounts_keep_their_sign_in(self, signed_in, own_home, openid):
        passphrase = signed_in.home / "passphrase"
        passphrase.write_text("words for the way")
        file = signed_in.home / "accounts.export"
        given = ("--passphrase-file", str(passphrase))
        exported = signed_in.run("vault", "export", str(file), *given)
        assert exported.status == 0, exported.err
        before = tokens_of(signed_in)
        signed_in.run("account", "remove", "shop", "--yes")

        imported = signed_in.run("vault", "import", str(file), *given)

        assert imported.status == 0, imported.err
        assert tokens_of(signed_in) == before


def processes() -> list[bytes]:
    """Return the arguments and the environment of every process that can be looked at."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        for part in ("cmdline", "environ"):
            try:
                found.append((process / part).read_bytes())
            except OSError:
                continue
    return found


def withdraw(program: Program, openid: OpenID) -> None:
    """Withdraw a sign-in, as a person does on the provider's page."""
    _, refresh = tokens_of(program)
    fields = urlencode({"token": refresh, "token_type_hint": "refresh_token", "client_id": CLIENT}).encode()
    with urllib.request.urlopen(f"{openid.issuer}/token/revocation", fields, timeout=10) as answer:
        assert answer.status == 200


def is_active(openid: OpenID, token: str) -> bool:
    """Say whether a token holds, as the provider says it to the mail host."""
    request = urllib.request.Request(
        f"{openid.issuer}/token/introspection",
        urlencode({"token": token}).encode(),
        {"Authorization": "Basic " + b64encode(b"mailhost:mailhost").decode()},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bool(json.load(answer)["active"])
