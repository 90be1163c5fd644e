"""``fluenzr vault status``: all that is known of the vault, also while it is locked, damaged or not there."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fluenzr_smtp.app import App
from fluenzr_smtp.cli.age import ages
from tests.cli.program import VAULT_KEY, Program
from tests.cli.vaults import PASSPHRASE, SECRET, add_account, add_passphrase, kept, without_key


@pytest.fixture
def opened(program: Program) -> Program:
    """A program with two accounts in a vault that opens by its key."""
    return add_account(program, "shop", "news")


def test_without_a_vault_its_place_is_told_and_nothing_is_made(program: Program):
    people, script = program.call("vault", "status"), program.call("vault", "status", "--json")

    assert (people.status, script.status) == (0, 0)
    assert "fluenzr account add" in people.err
    assert str(program.vault) in people.out
    assert (script.data["exists"], script.data["opened"], script.data["secrets"]) == (False, False, None)
    assert program.files() == {}


def test_an_open_vault_is_told_whole(opened: Program):
    data = opened.call("vault", "status", "--json").data

    assert (data["exists"], data["opened"], data["problem"]) == (True, True, None)
    assert (data["version"], data["generation"]) == (2, 2)
    assert [slot["kind"] for slot in data["slots"]] == ["key"]
    assert data["key_from"] == {"kind": "key", "variable": "FLUENZR_VAULT_KEY"}
    assert data["keyring"] is None
    assert data["file"] == {"mode": "0600", "private": True, "own": True}
    assert data["folder"] == {"mode": "0700", "private": True}
    assert [each["generation"] for each in data["kept"]] == [1]
    assert (data["memory"]["availability"], data["memory"]["generation"]) == ("kept", 2)
    assert data["max_age_days"] == 365
    assert [(each["account"], each["age_days"], each["old"]) for each in data["secrets"]] == [
        ("shop", 0, False), ("news", 0, False),
    ]  # fmt: skip


def test_a_person_reads_the_same(opened: Program):
    ended = opened.call("vault", "status")

    for part in (
        str(opened.vault), "version 2, generation 2", "0600, for you alone", "FLUENZR_VAULT_KEY",
        "vault.fluenzr.1", "generation 2; an older one would be refused", "2, the oldest 0 days old",
    ):  # fmt: skip
        assert part in ended.out
    assert ended.err == ""


def test_a_locked_vault_is_a_state_not_a_failure(opened: Program):
    locked = without_key(opened)

    people, script = locked.run("vault", "status"), locked.run("vault", "status", "--json")

    assert (people.status, script.status) == (0, 0)
    assert "[vault-locked]" in people.err
    assert "no: vault-locked" in people.out
    data = script.data
    assert (data["opened"], data["problem"]["code"], data["secrets"]) == (False, "vault-locked", None)
    assert [slot["kind"] for slot in data["slots"]] == ["key"]
    assert data["key_from"] == {"kind": "keyring", "variable": None}
    assert (data["keyring"]["backend"], data["keyring"]["safe"]) == (None, None)
    assert data["keyring"]["problem"]["code"] == "keyring-unavailable"


def test_a_credential_of_systemd_opens_the_vault_and_is_named(opened: Program, tmp_path: Path):
    kept(tmp_path / "fluenzr-vault-key", VAULT_KEY)
    service = without_key(opened).with_variables(CREDENTIALS_DIRECTORY=str(tmp_path))

    data = service.call("vault", "status", "--json").data

    assert data["opened"]
    assert data["key_from"] == {"kind": "key", "variable": "fluenzr-vault-key"}


def test_an_unsafe_keyring_is_named(opened: Program):
    program = without_key(opened).with_variables(PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring")

    people, script = program.run("vault", "status"), program.run("vault", "status", "--json")

    assert (script.data["keyring"]["backend"], script.data["keyring"]["safe"]) == (
        "keyring.backends.null.Keyring", False,
    )  # fmt: skip
    assert "keyring.backends.null.Keyring, not safe and not used [keyring-refused]" in people.out


def test_an_attempt_to_open_it_that_fails_is_a_failure(opened: Program):
    add_passphrase(opened)
    options = ("--unlock-with", "passphrase", "--unlock-stdin")

    wrong = opened.call("vault", "status", "--json", *options, stdin="another")
    right = without_key(opened).call("vault", "status", "--json", *options, stdin=PASSPHRASE)

    assert (wrong.status, wrong.codes) == (78, ["vault-passphrase-wrong"])
    assert (right.status, right.data["opened"]) == (0, True)
    assert right.data["key_from"] == {"kind": "passphrase", "variable": None}


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 65, "vault-damaged"),
        (b"FLUENZR\x00\x00\x09" + bytes(60), 78, "vault-newer"),
    ],
    ids=["empty", "newer"],
)
def test_a_vault_that_cannot_be_read_is_a_failure_and_still_described(opened: Program, content, status, code):
    opened.vault.write_bytes(content)

    ended = opened.call("vault", "status", "--json")

    assert (ended.status, ended.codes) == (status, [code])
    assert (ended.data["exists"], ended.data["opened"]) == (True, False)
    assert [each["generation"] for each in ended.data["kept"]] == [1]


def test_a_folder_in_the_place_of_the_vault_is_told(program: Program):
    program.vault.mkdir(parents=True)

    ended = program.call("vault", "status", "--json")

    assert (ended.status, ended.codes) == (78, ["vault-unsafe"])


def test_a_vault_that_others_may_read_is_told_and_closed_by_the_next_change(opened: Program):
    opened.vault.chmod(0o644)

    people, script = opened.call("vault", "status"), opened.call("vault", "status", "--json")
    change = opened.call("vault", "recovery")

    assert script.data["file"] == {"mode": "0644", "private": False, "own": True}
    assert "0644, open to others" in people.out
    assert "open to others" in people.err
    assert "yours alone again" in change.err
    assert stat.S_IMODE(opened.vault.stat().st_mode) == 0o600


# -- how old the passwords are ---------------------------------------------------------------------------


def grown_old(program: Program, days: int) -> Program:
    """Date the passwords back."""
    accounts = App(environ=program.environ, clock=App.of_this_process().clock).accounts
    for stored in accounts.list():
        dated = replace(stored, secret_changed=stored.secret_changed - timedelta(days=days))
        accounts.replace(dated, known_as=stored)
    return program


def test_an_old_password_is_told_with_what_to_do(opened: Program):
    grown_old(opened, 365)

    people, script = opened.call("vault", "status"), opened.call("vault", "status", "--json")

    assert (people.status, script.status) == (0, 0)
    assert "The password of shop is 365 days old." in people.err
    assert "fluenzr account edit news --password" in people.err
    assert "app password" in people.err
    assert [each["old"] for each in script.data["secrets"]] == [True, True]


def test_the_list_of_accounts_tells_an_old_password_as_well(opened: Program):
    ended = grown_old(opened, 365).call("account", "list")

    assert "365" in ended.out
    assert "The password of shop is 365 days old." in ended.err


def test_an_ordinary_command_tells_that_others_may_read_the_vault(opened: Program):
    opened.vault.chmod(0o644)

    ended = opened.call("account", "list")

    assert "open to others" in ended.err


def test_a_password_is_not_old_a_day_before(opened: Program):
    ended = grown_old(opened, 364).call("vault", "status")

    assert "days old." not in ended.err
    assert "2, the oldest 364 days old" in ended.out


def test_of_many_old_passwords_the_oldest_are_named_and_the_others_counted(opened: Program):
    grown_old(opened, 1)
    add_account(opened, *(f"more{number}" for number in range(8)))
    grown_old(opened, 400)

    ended = opened.call("vault", "status")

    assert "The password of shop is 401 days old." in ended.err
    assert "So it is with 2 more accounts." in ended.err


def test_the_bound_comes_from_the_option_else_from_the_configuration(opened: Program):
    (opened.vault.parent / "config.toml").write_text("secret_max_age_days = 30\n")

    chosen = opened.call("vault", "status", "--json")
    named = opened.call("vault", "status", "--json", "--max-age-days", "7")

    assert (chosen.data["max_age_days"], named.data["max_age_days"]) == (30, 7)


def test_ages_are_whole_days_and_never_below_zero(opened: Program):
    stored = App(environ=opened.environ, clock=App.of_this_process().clock).accounts.list()
    changed = stored[0].secret_changed

    found = [
        ages(stored[:1], now=changed + span, max_days=2)[0]
        for span in (timedelta(days=-5), timedelta(hours=23), timedelta(days=2), timedelta(days=2000))
    ]

    assert [each.days for each in found] == [0, 0, 2, 2000]
    assert [each.is_old for each in found] == [False, False, True, True]


def test_the_password_itself_is_not_told(opened: Program):
    ended = opened.call("vault", "status", "--json")

    assert SECRET not in ended.out + ended.err
