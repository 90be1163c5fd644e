"""Renewing tokens: alone, on disk before they are used, and nothing used up where they could not be kept."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fluenzr_smtp import durable
from fluenzr_smtp.accounts import Accounts
from fluenzr_smtp.app import refreshing
from fluenzr_smtp.app import tokens as app_tokens
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import (
    AccessToken,
    Account,
    AuthorizationServer,
    Endpoint,
    Grant,
    GrantType,
    OAuthClient,
    OAuthLogin,
    Secret,
    Security,
    StoredAccount,
    Tokens,
)
from fluenzr_smtp.problems import ProblemCode as Code
from fluenzr_smtp.vault import Vault
from fluenzr_smtp.vault.sources import RawKey
from tests.servers.authserver import AuthServer, answered, auth_server
from tests.sessions import REAL_CLOCK

NOW = REAL_CLOCK.now()
HOUR = timedelta(hours=1)


def tokens(*, age: timedelta = 2 * HOUR, life: timedelta | None = HOUR, refresh: str = "r1") -> Tokens:
    begun = NOW - age
    return Tokens(
        access=AccessToken("a1"),
        refresh=Secret(refresh),
        obtained=begun,
        expires=None if life is None else begun + life,
    )


@pytest.fixture
def server() -> Iterator[AuthServer]:
    with auth_server() as running:
        running.answers["/token"] = answered(access_token="a2", refresh_token="r2", expires_in=3600)
        yield running


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(
        tmp_path / "v" / "vault.fluenzr",
        source=lambda: RawKey(b"k" * 32),
        clock=REAL_CLOCK,
        state_dir=tmp_path / "state",
    )


@pytest.fixture
def grant(server: AuthServer, vault: Vault) -> Grant:
    granted = Grant(
        server=AuthorizationServer(
            name="tests", issuer=server.issuer, token_endpoint=f"{server.issuer}/token", names_itself=True
        ),
        client=OAuthClient(id="x", secret=Secret("client-secret")),
        scopes=("mail", "offline_access"),
        type=GrantType.AUTHORIZATION_CODE,
        tokens=tokens(),
    )
    account = Account(
        name="shop",
        address="shop@shop.test",
        smtp=Endpoint(host="mail.shop.test", port=587, security=Security.STARTTLS),
        username="shop@shop.test",
    )
    stored = StoredAccount(account=account, secret=OAuthLogin(granted), created=NOW, secret_changed=NOW)
    Accounts(vault).add(stored)
    return granted


def renew(vault: Vault, tmp_path: Path, refused: Secret | None = None) -> None:
    grant = kept(vault)
    refreshing.renew(vault, tmp_path / "state", grant.id, refused, clock=REAL_CLOCK, seconds=5.0)


def kept(vault: Vault) -> Grant:
    secret = Accounts(vault).get("shop").secret
    assert isinstance(secret, OAuthLogin)
    return secret.grant


def test_grant_comes_back_from_the_vault_as_it_was(vault, grant):
    assert kept(vault) == grant


def test_tokens_are_renewed_and_kept(vault, grant, server, tmp_path):
    renew(vault, tmp_path)

    found = kept(vault).tokens
    assert found is not None
    assert (found.access, found.refresh) == (AccessToken("a2"), Secret("r2"))
    assert replace(kept(vault), tokens=None) == replace(grant, tokens=None)


def test_second_one_finds_them_renewed(vault, grant, server, tmp_path):
    renew(vault, tmp_path)
    renew(vault, tmp_path)
    renew(vault, tmp_path, AccessToken("a1"))

    assert len(server.asked) == 1


def test_refused_one_is_renewed_although_it_holds(vault, grant, server, tmp_path):
    renew(vault, tmp_path)
    renew(vault, tmp_path, AccessToken("a2"))

    assert len(server.asked) == 2


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_nothing_is_asked_for_where_it_could_not_be_kept(vault, grant, server, tmp_path, monkeypatch, code):
    def fail(*_: object) -> None:
        raise OSError(code, "no room")

    with monkeypatch.context() as patch:
        patch.setattr(durable, "_fill", fail)
        with pytest.raises(FluenzrError) as caught:
            renew(vault, tmp_path)

    assert caught.value.problem.code in {Code.DISK_FULL, Code.FILE_NOT_WRITTEN}
    assert server.asked == []
    renew(vault, tmp_path)
    assert kept(vault).tokens != grant.tokens


def test_tokens_are_on_disk_before_anybody_gets_them(vault, grant, server, tmp_path, monkeypatch):
    room = vault.require_room

    def then_full() -> None:
        room()
        monkeypatch.setattr(durable, "_fill", no_room)

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(vault, "require_room", then_full)
    with pytest.raises(FluenzrError) as caught:
        renew(vault, tmp_path)

    assert caught.value.problem.code is Code.DISK_FULL
    assert kept(vault) == grant


def test_sign_in_made_anew_in_the_meantime_is_not_overwritten(vault, grant, server, tmp_path):
    other = replace(grant, tokens=tokens(refresh="of another sign-in"), id="other")

    def meanwhile(connection) -> None:
        Accounts(vault).sign_in(OAuthLogin(other), old=grant, now=NOW)
        connection.sendall(answered(access_token="a2", refresh_token="r2"))

    server.answers["/token"] = meanwhile
    with pytest.raises(FluenzrError) as caught:
        renew(vault, tmp_path)

    assert caught.value.problem.code is Code.ACCOUNT_CHANGED
    assert kept(vault) == other


def test_other_changes_of_the_meantime_and_the_new_tokens_both_stay(vault, grant, server, tmp_path):
    accounts = Accounts(vault)
    seen = accounts.get("shop")

    def meanwhile(connection) -> None:
        accounts.rename("shop", "store")
        connection.sendall(answered(access_token="a2", refresh_token="r2"))

    server.answers["/token"] = meanwhile
    renew(vault, tmp_path)

    found = accounts.get("store")
    assert isinstance(found.secret, OAuthLogin)
    assert found.secret.hidden == "a2"
    assert replace(found.account, name="shop") == seen.account


def test_a_change_that_began_before_a_renewal_does_not_bring_the_old_tokens_back(
    vault, grant, server, tmp_path
):
    accounts = Accounts(vault)
    seen = accounts.get("shop")
    renew(vault, tmp_path)

    accounts.replace(replace(seen, account=replace(seen.account, display_name="The Shop")), known_as=seen)

    found = accounts.get("shop")
    assert found.account.display_name == "The Shop"
    assert found.secret == OAuthLogin(replace(grant, tokens=kept(vault).tokens))
    assert kept(vault).tokens != grant.tokens


def test_a_change_that_began_before_another_one_is_refused(vault, grant):
    accounts = Accounts(vault)
    seen = accounts.get("shop")
    accounts.replace(replace(seen, account=replace(seen.account, display_name="One")), known_as=seen)

    with pytest.raises(FluenzrError) as caught:
        accounts.replace(replace(seen, account=replace(seen.account, display_name="Two")), known_as=seen)
    assert caught.value.problem.code is Code.ACCOUNT_CHANGED
    assert accounts.get("shop").account.display_name == "One"


def test_sign_in_made_anew_leaves_the_rest_of_the_account_as_it_is_by_now(vault, grant):
    accounts = Accounts(vault)
    seen = accounts.get("shop")
    accounts.replace(replace(seen, account=replace(seen.account, display_name="The Shop")), known_as=seen)
    other = replace(grant, id="other")

    accounts.sign_in(OAuthLogin(other), old=grant, now=NOW + HOUR)

    found = accounts.get("shop")
    assert found.account.display_name == "The Shop"
    assert (found.secret, found.secret_changed) == (OAuthLogin(other), NOW + HOUR)
    with pytest.raises(FluenzrError, match="account-changed"):
        accounts.sign_in(OAuthLogin(grant), old=grant, now=NOW)


def test_vault_known_by_two_names_has_one_lock(vault, grant, tmp_path, monkeypatch):
    other = tmp_path / "by-another-name"
    other.symlink_to(vault.path.parent)
    same = Vault(
        other / vault.path.name,
        source=lambda: RawKey(b"k" * 32),
        clock=REAL_CLOCK,
        state_dir=tmp_path / "state",
    )

    with refreshing.alone(vault, tmp_path / "state", grant.id):
        (locked,) = (tmp_path / "state").glob("oauth-*.lock")
        assert durable.hold(locked) is None
        monkeypatch.setattr(refreshing, "WAIT_SECONDS", 0.1)
        with pytest.raises(FluenzrError, match="oauth-provider-failed"):
            refreshing.alone(same, tmp_path / "state", grant.id).__enter__()


def test_what_is_given_back_is_what_a_renewal_left(vault, grant, server, tmp_path):
    started, given = threading.Event(), []

    def slow(connection) -> None:
        started.set()
        time.sleep(1.0)
        connection.sendall(answered(access_token="a2", refresh_token="r2"))

    def revoke() -> None:
        assert started.wait(10)
        dealer = app_tokens.Tokens(vault=vault, state_dir=tmp_path / "state", clock=REAL_CLOCK, environ={})
        dealer.revoke(grant, lambda present: bool(given.append(present.tokens)))

    server.answers["/token"] = slow
    other = threading.Thread(target=revoke)
    other.start()
    renew(vault, tmp_path)
    other.join(20)

    assert [each.refresh for each in given] == [Secret("r2")]
    assert kept(vault).tokens is None


def test_key_that_was_changed_before_the_renewal_began_is_asked_for_anew(vault, grant, server, tmp_path):
    dealer = app_tokens.Tokens(
        vault=vault, state_dir=tmp_path / "state", clock=REAL_CLOCK, environ=os.environ
    )
    assert vault.read() is not None
    same = Vault(vault.path, source=lambda: RawKey(b"k" * 32), clock=REAL_CLOCK, state_dir=tmp_path / "state")
    same.rotate()  # another process; ours has the old key still

    fresh = dealer.current("shop", grant, None)

    assert fresh.tokens is not None
    assert fresh.tokens.refresh == Secret("r2")
    assert len(server.asked) == 1


def test_new_data_key_waits_for_a_renewal(vault, grant, server, tmp_path):
    started, done = threading.Event(), []

    def slow(connection) -> None:
        started.set()
        time.sleep(1.0)
        connection.sendall(answered(access_token="a2", refresh_token="r2"))

    def rotate() -> None:
        assert started.wait(10)
        vault.rotate()
        done.append(kept(vault).tokens)

    server.answers["/token"] = slow
    other = threading.Thread(target=rotate)
    other.start()
    renew(vault, tmp_path)
    other.join(20)

    assert [each.refresh for each in done] == [Secret("r2")]  # the key changed after the tokens were kept


def test_account_that_has_a_password_by_now_is_left_alone(vault, grant, server, tmp_path):
    accounts = Accounts(vault)
    seen = accounts.get("shop")
    accounts.replace(replace(seen, secret=Secret("password")), known_as=seen)

    with pytest.raises(FluenzrError) as caught:
        refreshing.renew(vault, tmp_path / "state", grant.id, None, clock=REAL_CLOCK, seconds=5.0)
    assert caught.value.problem.code is Code.ACCOUNT_CHANGED
    assert server.asked == []


class TestHolding:
    @pytest.mark.parametrize(
        ("age", "life", "holds"),
        [
            (timedelta(0), HOUR, True),
            (timedelta(minutes=54), HOUR, True),
            (timedelta(minutes=56), HOUR, False),  # five minutes ahead
            (timedelta(seconds=7), timedelta(seconds=10), True),
            (timedelta(seconds=9), timedelta(seconds=10), False),  # a fifth of a short life
            (timedelta(0), timedelta(0), False),
            (timedelta(days=400), None, True),
            (timedelta(minutes=-3), HOUR, True),  # a clock that is a little off
            (timedelta(days=-2), HOUR, False),  # one that was set back says nothing
            (timedelta(days=-2), None, True),
        ],
    )
    def test_ahead_of_the_end_it_does_not(self, age, life, holds):
        assert tokens(age=age, life=life).hold_at(NOW) is holds


class TestLogin:
    def test_shows_nothing(self, grant):
        shown = repr(OAuthLogin(grant)) + repr(grant) + str(OAuthLogin(grant))

        assert not [each for each in ("a1", "r1", "client-secret") if f"'{each}'" in shown]

    def test_without_a_way_to_renew_there_is_one_token(self, grant):
        login = OAuthLogin(grant)

        assert login.current() == AccessToken("a1")
        assert login.renewed(login.current()) is None
        assert login.hidden == "a1"

    def test_the_same_token_again_is_none(self, grant):
        login = OAuthLogin(grant).bound(lambda grant, refused: grant)

        assert login.renewed(AccessToken("a1")) is None
