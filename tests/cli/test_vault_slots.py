"""``fluenzr vault slots``, ``slot add | remove``, ``passphrase``, ``recovery``; opening by each of them."""

from __future__ import annotations

import re

import pytest

from fluenzr_smtp.cli.vault.records import OPENED_BY
from fluenzr_smtp.cli.vault.unlocking import WAYS
from fluenzr_smtp.vault import SlotKind
from tests.cli.program import VAULT_KEY, Program
from tests.cli.vaults import (
    PASSPHRASE,
    add_account,
    add_passphrase,
    add_recovery,
    kept,
    mistyped,
    slots_of,
    without_key,
)

CODE = re.compile(r"([0-9A-Z]{4}-){7}[0-9A-Z]{4}\n")
OTHER_KEY = "a5" * 32


@pytest.fixture
def opened(program: Program) -> Program:
    """A program with one account in a vault that opens by its key."""
    return add_account(program, "shop")


def test_the_ways_are_the_kinds_of_slots():
    assert set(WAYS) == {kind.value for kind in SlotKind} == OPENED_BY.keys()


def test_without_a_vault_there_are_no_slots_and_nothing_is_made(program: Program):
    ended = program.call("vault", "slots", "--json")

    assert (ended.status, ended.codes) == (78, ["vault-none"])
    assert program.files() == {}


def test_slots_are_listed(opened: Program):
    people, script = opened.call("vault", "slots"), opened.call("vault", "slots", "--json")

    (slot,) = script.data["slots"]
    assert (slot["kind"], slot["label"], slot["argon2id"]) == ("key", "", None)
    assert slot["id"] in people.out
    assert "a key of 256 bits" in people.out


# -- passphrase ------------------------------------------------------------------------------------------


def test_a_passphrase_opens_the_vault_where_the_key_is_lost(opened: Program):
    add_passphrase(opened)
    elsewhere = without_key(opened)

    locked = elsewhere.call("vault", "slots", "--json")
    by_stdin = elsewhere.call(
        "vault", "slots", "--json", "--unlock-with", "passphrase", "--unlock-stdin", stdin=PASSPHRASE
    )
    by_file = elsewhere.call(
        "vault", "slots", "--json", "--unlock-with", "passphrase",
        "--unlock-file", kept(opened.home / "words", PASSPHRASE),
    )  # fmt: skip

    assert (locked.status, locked.codes) == (78, ["vault-locked"])
    assert by_stdin.data == by_file.data
    cost = by_stdin.data["slots"][1]["argon2id"]
    assert cost == {"memory_kib": 65536, "passes": 3, "lanes": 4}


def test_a_wrong_passphrase_is_refused_and_nothing_changes(opened: Program):
    add_passphrase(opened)
    before = opened.files()

    ended = opened.call(
        "vault", "recovery", "--json", "--unlock-with", "passphrase", "--unlock-stdin", stdin="another\n"
    )

    assert (ended.status, ended.codes) == (78, ["vault-passphrase-wrong"])
    assert opened.files() == before


def test_a_new_passphrase_takes_the_place_of_the_old_one(opened: Program):
    add_passphrase(opened)

    ended = opened.call(
        "vault", "passphrase", "--json", "--unlock-with", "passphrase", "--unlock-stdin",
        "--new-passphrase-stdin", stdin=f"{PASSPHRASE}\nthe new words of today\n",
    )  # fmt: skip
    old = opened.call(
        "vault", "slots", "--json", "--unlock-with", "passphrase", "--unlock-stdin", stdin=PASSPHRASE
    )

    assert (ended.status, [slot["kind"] for slot in ended.data["removed"]]) == (0, ["passphrase"])
    assert "vault rotate" in ended.err
    assert (old.status, old.codes) == (78, ["vault-passphrase-wrong"])
    assert sorted(slots_of(opened).values()) == ["key", "passphrase"]


def test_at_a_terminal_a_new_passphrase_is_asked_until_it_is_the_same_twice(opened: Program):
    ended = opened.at_terminal(
        "vault", "passphrase",
        dialogue=[
            ("New passphrase of the vault: ", "short one\n"),
            ("once more: ", "short none\n"),
            ("New passphrase of the vault: ", "short one\n"),
            ("once more: ", "short one\n"),
        ],
    )  # fmt: skip

    assert ended.status == 0
    assert "The two are not the same." in ended.err
    assert "A short passphrase can be guessed." in ended.err
    assert "short one" not in ended.err + ended.out
    assert sorted(slots_of(opened).values()) == ["key", "passphrase"]


def test_nobody_is_asked_for_a_new_passphrase_while_the_vault_is_locked(opened: Program):
    ended = without_key(opened).at_terminal("vault", "passphrase")

    assert ended.status == 78
    assert "New passphrase" not in ended.err


def test_where_nobody_sits_the_missing_option_is_named(opened: Program):
    passphrase = opened.call("vault", "passphrase", "--json")
    unlocking = opened.call("vault", "slots", "--json", "--unlock-with", "passphrase")

    assert (passphrase.status, passphrase.codes) == (64, ["input-required"])
    assert passphrase.document["problems"][0]["facts"]["options"] == ["--new-passphrase-file"]
    assert unlocking.document["problems"][0]["facts"]["options"] == ["--unlock-file"]


def test_an_empty_passphrase_is_refused(opened: Program):
    before = opened.files()

    by_stdin = opened.call("vault", "passphrase", "--new-passphrase-stdin", "--json", stdin="\n")
    by_file = opened.call("vault", "passphrase", "--new-passphrase-file", "/dev/null", "--json")

    assert (by_stdin.codes, by_file.codes) == (["secret-empty"], ["secret-empty"])
    assert opened.files() == before


# -- recovery code ---------------------------------------------------------------------------------------


def test_a_recovery_code_is_shown_once_in_groups_and_opens_the_vault(opened: Program):
    made = opened.call("vault", "recovery")
    code = kept(opened.home / "code", made.out.lower().replace("-", " "))

    found = without_key(opened).call(
        "vault", "slots", "--json", "--unlock-with", "recovery", "--unlock-file", code
    )

    assert CODE.fullmatch(made.out)
    assert "Write it down" in made.err
    assert [slot["kind"] for slot in found.data["slots"]] == ["key", "recovery"]


def test_a_script_gets_the_recovery_code_in_the_document(opened: Program):
    ended = opened.call("vault", "recovery", "--json", "--label", "in the safe")

    assert CODE.fullmatch(f"{ended.data['code']}\n")
    assert ended.data["slot"]["label"] == "in the safe"
    assert ended.data["removed"] == []


def test_a_new_recovery_code_ends_the_old_one(opened: Program):
    old, new = (kept(opened.home / name, add_recovery(opened)) for name in ("old", "new"))

    by_old = opened.call("vault", "slots", "--json", "--unlock-with", "recovery", "--unlock-file", old)
    by_new = opened.call("vault", "slots", "--json", "--unlock-with", "recovery", "--unlock-file", new)

    assert (by_old.status, by_old.codes) == (78, ["vault-key-wrong"])
    assert by_new.status == 0


def test_a_mistyped_recovery_code_is_told_before_the_vault_is_looked_at(program: Program, opened: Program):
    code = mistyped(add_recovery(opened))
    opened.vault.write_bytes(b"rubbish")

    ended = program.call(
        "vault", "slots", "--json", "--unlock-with", "recovery", "--unlock-stdin", stdin=code
    )

    assert (ended.status, ended.codes) == (65, ["recovery-code-malformed"])
    assert ended.document["problems"][0]["facts"] == {"reason": "checksum"}


def test_a_person_who_mistypes_the_recovery_code_is_asked_again(opened: Program):
    code = add_recovery(opened)

    ended = opened.at_terminal(
        "vault", "slots", "--unlock-with", "recovery",
        dialogue=[("Recovery code: ", f"{mistyped(code)}\n"), ("Recovery code: ", f"{code}\n")],
    )  # fmt: skip

    assert ended.status == 0
    assert "[recovery-code-malformed]" in ended.err
    assert "a recovery code" in ended.out
    assert code[:20] not in ended.err + ended.out


def test_a_person_has_three_tries_for_the_recovery_code(opened: Program):
    code = mistyped(add_recovery(opened))

    ended = opened.at_terminal(
        "vault", "slots", "--unlock-with", "recovery", dialogue=[("Recovery code: ", f"{code}\n")] * 3
    )

    assert ended.status == 65
    assert ended.err.count("[recovery-code-malformed]") == 3


# -- key -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [OTHER_KEY, "paWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaU="], ids=["hex", "base64"]
)
def test_another_key_is_added_and_opens_the_vault_from_the_environment(opened: Program, text):
    ended = opened.call(
        "vault", "slot", "add", "key", "--new-key-stdin", "--label", "ci", "--json", stdin=text
    )
    listed = opened.with_variables(FLUENZR_VAULT_KEY=OTHER_KEY).call("account", "list", "--json")

    assert (ended.status, ended.data["slot"]["label"], ended.data["code"]) == (0, "ci", None)
    assert [account["name"] for account in listed.data["accounts"]] == ["shop"]


def test_a_key_is_read_from_a_file_as_the_environment_reads_it(opened: Program):
    raw = opened.home / "raw"
    raw.write_bytes(bytes(range(200, 232)))

    added = opened.call("vault", "slot", "add", "key", "--new-key-file", str(raw))
    by_option = opened.call("vault", "slots", "--unlock-with", "key", "--unlock-file", str(raw), "--json")
    by_variable = opened.with_variables(FLUENZR_VAULT_KEY=None, FLUENZR_VAULT_KEY_FILE=str(raw))

    assert (added.status, by_option.status, by_variable.call("vault", "slots").status) == (0, 0, 0)


def test_what_is_no_key_is_refused_without_naming_a_variable(opened: Program):
    by_stdin = opened.call("vault", "slot", "add", "key", "--new-key-stdin", "--json", stdin="five and six")
    by_file = opened.call("vault", "slot", "add", "key", "--new-key-file", "/etc/hostname", "--json")

    for ended in (by_stdin, by_file):
        assert (ended.status, ended.codes) == (65, ["secret-malformed"])
        assert ended.document["problems"][0]["facts"] == {"reason": "not-a-key"}


def test_what_the_environment_holds_is_not_asked_for(opened: Program):
    ended = opened.call("vault", "slots", "--unlock-with", "key", "--json")

    assert ended.status == 0


def test_an_option_goes_before_the_environment(opened: Program):
    ended = opened.call("vault", "slots", "--unlock-with", "key", "--unlock-stdin", "--json", stdin=OTHER_KEY)

    assert (ended.status, ended.codes) == (78, ["vault-key-wrong"])


# -- remove ----------------------------------------------------------------------------------------------


def test_a_slot_is_removed_and_what_it_does_not_undo_is_told(opened: Program):
    code = kept(opened.home / "code", add_recovery(opened))
    (recovery,) = (slot for slot, kind in slots_of(opened).items() if kind == "recovery")

    ended = opened.call("vault", "slot", "remove", recovery, "--yes", "--json")
    by_code = opened.call("vault", "slots", "--json", "--unlock-with", "recovery", "--unlock-file", code)

    assert ended.data["removed"]["id"] == recovery
    assert "vault rotate" in ended.err
    assert (by_code.status, by_code.codes) == (78, ["vault-locked"])


def test_the_last_slot_stays(opened: Program):
    (slot,) = slots_of(opened)
    before = opened.files()

    ended = opened.call("vault", "slot", "remove", slot, "--yes", "--json")

    assert (ended.status, ended.codes) == (64, ["vault-slot-last"])
    assert opened.files() == before


def test_a_slot_that_is_not_there_is_told_with_those_that_are(opened: Program):
    ended = opened.call("vault", "slot", "remove", "0123456789abcdef", "--yes", "--json")

    assert (ended.status, ended.codes) == (64, ["vault-slot-unknown"])
    assert ended.document["problems"][0]["facts"]["known"] == list(slots_of(opened))


def test_a_slot_is_not_removed_before_somebody_agrees(opened: Program):
    add_recovery(opened)
    (recovery,) = (slot for slot, kind in slots_of(opened).items() if kind == "recovery")

    script = opened.call("vault", "slot", "remove", recovery, "--json")
    refused = opened.at_terminal("vault", "slot", "remove", recovery, dialogue=[("[y/N]: ", "n\n")])
    agreed = opened.at_terminal("vault", "slot", "remove", recovery, dialogue=[("[y/N]: ", "y\n")])

    assert (script.status, script.codes) == (64, ["input-required"])
    assert (refused.status, agreed.status) == (130, 0)
    assert f"Remove recovery ({recovery}" in refused.err
    assert list(slots_of(opened).values()) == ["key"]


# -- usage -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        ("vault", "slots", "--unlock-with", "magic"),
        ("vault", "slots", "--unlock-file", "x"),
        ("vault", "slots", "--unlock-with", "keyring", "--unlock-stdin"),
        ("vault", "slots", "--unlock-with", "key", "--unlock-stdin", "--unlock-file", "x"),
        ("vault", "slot", "add", "magic"),
        ("vault", "slot", "add", "keyring", "--new-key-stdin"),
        ("vault", "slot", "add", "key", "--new-passphrase-file", "x"),
        ("vault", "slot", "add", "key", "--new-key-stdin", "--new-key-file", "x"),
        ("vault", "passphrase", "--new-passphrase-stdin", "--new-passphrase-file", "x"),
    ],
    ids=" ".join,
)
def test_options_that_do_not_go_together_are_refused_before_anything_is_read(opened: Program, options):
    opened.vault.unlink()

    ended = opened.call(*options, "--json", stdin=VAULT_KEY)

    assert (ended.status, ended.codes) == (64, ["usage-invalid"])


def test_a_label_that_cannot_be_shown_is_refused(opened: Program):
    ended = opened.call("vault", "recovery", "--label", "a\x1bb", "--json")

    assert (ended.status, ended.codes) == (64, ["setting-invalid"])
    assert list(slots_of(opened).values()) == ["key"]
