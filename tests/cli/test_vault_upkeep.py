"""``fluenzr vault rotate | verify``, and a vault that is older than it was here."""

from __future__ import annotations

import pytest

from tests.cli.program import Program
from tests.cli.vaults import (
    PASSPHRASE,
    add_account,
    add_passphrase,
    add_recovery,
    kept,
    slots_of,
    without_key,
)


@pytest.fixture
def opened(program: Program) -> Program:
    """A program with one account in a vault that opens by its key."""
    return add_account(program, "shop")


def put_back(program: Program, generation: int) -> None:
    """Put an older generation in the vault's place, as somebody may who has a copy."""
    older = program.vault.with_name(f"{program.vault.name}.{generation}")
    program.vault.write_bytes(older.read_bytes())


# -- rotate ----------------------------------------------------------------------------------------------


def test_a_rotation_gives_every_slot_the_new_key_and_names_what_is_left_of_the_old_one(opened: Program):
    code = add_recovery(opened)
    add_passphrase(opened)
    before = slots_of(opened)
    kinds = sorted(before.values())

    ended = opened.call(
        "vault", "rotate", "--json",
        "--also", f"recovery={kept(opened.home / 'code', code)}",
        "--also", f"passphrase={kept(opened.home / 'words', PASSPHRASE)}",
    )  # fmt: skip
    by_code = without_key(opened).call(
        "vault", "slots", "--json", "--unlock-with", "recovery", "--unlock-stdin", stdin=code
    )

    assert sorted(slot["kind"] for slot in ended.data["slots"]) == kinds
    assert not before.keys() & {slot["id"] for slot in ended.data["slots"]}
    assert (ended.data["dropped"], by_code.status) == ([], 0)
    assert ended.data["kept"] == [f"{opened.vault}.{generation}" for generation in (3, 2, 1)]
    assert opened.names() == ["shop"]


def test_a_slot_that_nobody_opens_stands_in_the_way_unless_it_may_go(opened: Program):
    code = kept(opened.home / "code", add_recovery(opened))
    before = opened.files()

    refused = opened.call("vault", "rotate", "--json")
    untouched = opened.files() == before
    agreed = opened.call("vault", "rotate", "--drop-unavailable", "--json")
    by_code = opened.call("vault", "slots", "--unlock-with", "recovery", "--unlock-file", code, "--json")

    assert (refused.status, refused.codes) == (78, ["vault-slots-unavailable"])
    assert untouched
    assert [slot["kind"] for slot in agreed.data["dropped"]] == ["recovery"]
    assert (by_code.status, by_code.codes) == (78, ["vault-locked"])


def test_a_person_is_asked_for_what_opens_the_other_slots(opened: Program):
    code = add_recovery(opened)
    add_passphrase(opened)

    ended = opened.at_terminal(
        "vault", "rotate",
        dialogue=[("Recovery code: ", f"{code}\n"), ("Passphrase of the vault: ", f"{PASSPHRASE}\n")],
    )  # fmt: skip

    assert ended.status == 0
    assert f"{opened.vault}.3" in ended.err
    assert sorted(slots_of(opened).values()) == ["key", "passphrase", "recovery"]


@pytest.mark.parametrize("text", ["magic", "recovery=", "keyring=x", "=x"])
def test_what_is_no_other_way_is_refused(opened: Program, text):
    ended = opened.call("vault", "rotate", "--also", text, "--json")

    assert (ended.status, ended.codes) == (64, ["usage-invalid"])


# -- verify ----------------------------------------------------------------------------------------------


def test_a_sound_vault_is_told_part_by_part_and_left_as_it_is(opened: Program):
    add_recovery(opened)
    before = opened.files()

    people, script = opened.call("vault", "verify"), opened.call("vault", "verify", "--json")

    found = {(each["part"], each["state"]) for each in script.data["findings"]}
    assert (people.status, script.status, script.data["ok"]) == (0, 0, True)
    assert found >= {
        ("file", "ok"),
        ("payload", "ok"),
        ("content", "ok"),
        ("memory", "ok"),
        ("generation", "ok"),
    }
    assert ("slot", "not-tried") in found
    assert "not tried  slot        recovery (" in people.out
    assert "--also recovery" in people.err
    assert opened.files() == before


def test_every_slot_is_tried_by_what_is_given(opened: Program):
    code = kept(opened.home / "code", add_recovery(opened))

    ended = opened.call("vault", "verify", "--also", f"recovery={code}", "--json")

    states = [each["state"] for each in ended.data["findings"] if each["part"] == "slot"]
    assert (ended.status, states) == (0, ["ok", "ok"])


def test_a_vault_that_does_not_open_is_not_verified(opened: Program):
    ended = without_key(opened).run("vault", "verify", "--json")

    assert (ended.status, ended.codes) == (78, ["vault-locked"])
    assert ended.data["ok"] is False


def test_a_damaged_vault_is_told_and_left_as_it_is(opened: Program):
    content = bytearray(opened.vault.read_bytes())
    content[-20] ^= 1
    opened.vault.write_bytes(content)

    ended = opened.call("vault", "verify", "--json")

    assert (ended.status, ended.data["ok"]) == (65, False)
    assert set(ended.codes) == {"vault-damaged"}
    assert opened.vault.read_bytes() == content


def test_a_vault_that_others_may_read_does_not_pass(opened: Program):
    opened.vault.chmod(0o640)

    ended = opened.call("vault", "verify", "--json")

    assert (ended.status, ended.codes) == (78, ["vault-unsafe"])


# -- rollback --------------------------------------------------------------------------------------------


def test_an_older_vault_is_refused_by_every_command_until_somebody_accepts_it(opened: Program):
    add_account(opened, "news")
    put_back(opened, 1)
    words = kept(opened.home / "words", PASSPHRASE)

    refused = [
        opened.call(*command, "--json")
        for command in (
            ("account", "list"), ("vault", "slots"), ("vault", "status"), ("vault", "verify"),
            ("vault", "rotate"), ("vault", "recovery"), ("vault", "export", "x", "--passphrase-file", words),
        )
    ]  # fmt: skip
    accepted = opened.call("vault", "status", "--accept-rollback", "--json")

    assert [(each.status, each.codes) for each in refused] == [(78, ["vault-rolled-back"])] * len(refused)
    assert refused[0].document["problems"][0]["facts"]["seen"] == 2
    assert (accepted.status, accepted.data["generation"]) == (0, 1)
    assert "generation 1, 2 was seen" in accepted.err
    assert opened.names() == ["shop"]


def test_an_accepted_older_vault_can_be_changed_and_stays_usable(opened: Program):
    add_account(opened, "news")
    put_back(opened, 1)
    opened.call("vault", "status", "--accept-rollback")

    add_account(opened, "later")

    assert opened.names() == ["shop", "later"]
    assert opened.call("vault", "status", "--json").data["generation"] == 3


def test_a_refused_older_vault_is_left_as_it_is(opened: Program):
    add_account(opened, "news")
    put_back(opened, 1)
    before = opened.files()

    people = opened.call("account", "list")

    assert people.status == 78
    assert "--accept-rollback" in people.err
    assert opened.files() == before


def test_another_vault_in_the_place_of_ours_is_refused_until_somebody_accepts_it(opened: Program, tmp_path):
    (tmp_path / "other").mkdir()
    other = add_account(Program.at(tmp_path / "other"), "theirs")
    opened.vault.write_bytes(other.vault.read_bytes())

    refused = opened.call("account", "list", "--json")
    accepted = opened.call("vault", "slots", "--accept-rollback")

    assert (refused.status, refused.codes) == (78, ["vault-unsafe"])
    assert accepted.status == 0
    assert "another vault" in accepted.err
    assert opened.names() == ["theirs"]
