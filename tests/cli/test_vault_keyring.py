"""A machine that loses its keyring, and finds its way back: with a real gnome-keyring."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Ended, Program
from tests.cli.vaults import PASSPHRASE, SECRET, kept
from tests.servers.keyring import KeyringSession, keyring_session, private_environ

FORGET = """
import secretstorage
for item in secretstorage.get_default_collection(secretstorage.dbus_init()).get_all_items():
    item.delete()
"""
ENTRIES = """
import secretstorage
print(len(list(secretstorage.get_default_collection(secretstorage.dbus_init()).get_all_items())))
"""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[KeyringSession]:
    with keyring_session(tmp_path / "session") as running:
        yield running


@pytest.fixture
def opened(session: KeyringSession, tmp_path: Path) -> Program:
    """A program with one account in a vault that opens by the keyring."""
    (tmp_path / "home").mkdir(mode=0o700)
    home = tmp_path / "home"
    program = Program(home, {**session.environ, "FLUENZR_HOME": str(home / "fluenzr")})
    ended = program.run(
        "account", "add", "me@shop.test", "--name", "shop", "--preset", "ovh", "--no-test",
        "--password-stdin", stdin=SECRET,
    )  # fmt: skip
    assert ended.status == 0, ended.err
    return program


def entries(session: KeyringSession) -> int:
    return int(session.run(ENTRIES).stdout)


def slots(ended: Ended) -> list[str]:
    return [slot["kind"] for slot in ended.data["slots"]]


def test_a_lost_keyring_is_replaced_by_means_of_the_recovery_code(
    session: KeyringSession, opened: Program, tmp_path: Path
):
    code = kept(tmp_path / "code", opened.run("vault", "recovery").out.strip())
    session.run(FORGET).check_returncode()

    lost = opened.run("account", "list", "--json")
    added = opened.run(
        "vault",
        "slot",
        "add",
        "keyring",
        "--replace",
        "--unlock-with",
        "recovery",
        "--unlock-file",
        code,
        "--json",
    )
    listed = opened.run("account", "list", "--json")

    assert (lost.status, lost.codes) == (78, ["keyring-entry-missing"])
    assert (added.status, len(added.data["removed"])) == (0, 1)
    assert [account["name"] for account in listed.data["accounts"]] == ["shop"]
    assert slots(opened.run("vault", "slots", "--json")) == ["recovery", "keyring"]
    assert entries(session) == 1


def test_a_person_is_asked_for_the_recovery_code(session: KeyringSession, opened: Program):
    code = opened.run("vault", "recovery").out.strip()
    session.run(FORGET).check_returncode()

    added = opened.at_terminal(
        "vault", "slot", "add", "keyring", "--unlock-with", "recovery", "--label", "laptop",
        dialogue=[("Recovery code: ", f"{code.lower()}\n")],
    )  # fmt: skip

    assert added.status == 0
    assert "Added keyring 'laptop'" in added.out
    assert opened.run("account", "list").status == 0
    assert slots(opened.run("vault", "slots", "--json")) == ["keyring", "recovery", "keyring"]


def test_the_status_names_the_keyring_and_says_that_it_is_safe(opened: Program):
    people, script = opened.run("vault", "status"), opened.run("vault", "status", "--json")

    keyring = script.data["keyring"]
    assert (keyring["backend"], keyring["safe"]) == ("keyring.backends.SecretService.Keyring", True)
    assert script.data["key_from"] == {"kind": "keyring", "variable": None}
    assert "keyring.backends.SecretService.Keyring, safe" in people.out


def test_a_locked_keyring_is_told_by_the_status_within_its_bound(session: KeyringSession, opened: Program):
    session.lock()

    with session.silent_prompter():
        started = time.monotonic()
        ended = opened.with_variables(FLUENZR_KEYRING_TIMEOUT="1").run("vault", "status", "--json")
        elapsed = time.monotonic() - started

    assert (ended.status, ended.data["opened"]) == (0, False)
    assert ended.data["problem"]["code"] == "keyring-locked"
    assert elapsed < 10


def test_a_rotation_leaves_one_entry_in_the_keyring(session: KeyringSession, opened: Program):
    ended = opened.run("vault", "rotate", "--json")

    assert (ended.status, slots(ended)) == (0, ["keyring"])
    assert entries(session) == 1
    assert opened.run("account", "list").status == 0


def test_a_rotation_by_passphrase_finds_the_keyring_by_itself(session: KeyringSession, opened: Program):
    opened.run("vault", "passphrase", "--new-passphrase-stdin", stdin=PASSPHRASE)

    ended = opened.run(
        "vault", "rotate", "--unlock-with", "passphrase", "--unlock-stdin", "--json", stdin=PASSPHRASE
    )

    assert (ended.status, slots(ended)) == (0, ["keyring", "passphrase"])
    assert opened.run("account", "list").status == 0
    assert entries(session) == 1


def test_a_removed_keyring_slot_takes_its_entry_along(session: KeyringSession, opened: Program):
    opened.run("vault", "passphrase", "--new-passphrase-stdin", stdin=PASSPHRASE)
    (slot, _) = opened.run("vault", "slots", "--json").data["slots"]

    ended = opened.run(
        "vault", "slot", "remove", slot["id"], "--yes", "--unlock-with", "passphrase", "--unlock-stdin",
        stdin=PASSPHRASE,
    )  # fmt: skip
    locked = opened.run("account", "list", "--json")

    assert ended.status == 0
    assert entries(session) == 0
    assert (locked.status, locked.codes) == (78, ["vault-locked"])


def test_on_a_machine_without_keyring_its_slot_may_be_dropped(opened: Program, tmp_path: Path):
    opened.run("vault", "passphrase", "--new-passphrase-stdin", stdin=PASSPHRASE)
    elsewhere = Program(
        opened.home,
        {**private_environ(tmp_path / "bare"), "FLUENZR_HOME": opened.environ["FLUENZR_HOME"]},
    ).with_variables(FLUENZR_VAULT_PASSPHRASE=PASSPHRASE)

    refused = elsewhere.run("vault", "rotate", "--json")
    dropped = elsewhere.run("vault", "rotate", "--drop-unavailable", "--json")

    assert (refused.status, refused.codes) == (78, ["vault-slots-unavailable"])
    assert [slot["kind"] for slot in dropped.data["dropped"]] == ["keyring"]
    assert elsewhere.run("account", "list").status == 0
