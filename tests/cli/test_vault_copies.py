"""``fluenzr vault backup | restore``."""

from __future__ import annotations

import hashlib
import stat

import pytest

from tests.cli.program import Program
from tests.cli.vaults import PASSPHRASE, add_account, add_passphrase, add_recovery, kept, without_key


@pytest.fixture
def opened(program: Program) -> Program:
    """A program with one account in a vault that opens by its key."""
    return add_account(program, "shop")


def backup(program: Program, name: str = "backup") -> str:
    """Return the name of a backup."""
    ended = program.call("vault", "backup", str(program.home / name))
    assert ended.status == 0, ended.err
    return str(program.home / name)


# -- backup ----------------------------------------------------------------------------------------------


def test_a_backup_is_the_vault_byte_for_byte_for_its_owner_alone(opened: Program):
    target = opened.home / "backup"

    ended = opened.call("vault", "backup", str(target), "--json")

    content = target.read_bytes()
    assert content == opened.vault.read_bytes()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert ended.data == {
        "path": str(target), "generation": 1, "version": 2, "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip


def test_a_backup_needs_no_key(opened: Program):
    assert without_key(opened).run("vault", "backup", str(opened.home / "backup")).status == 0


def test_a_backup_never_overwrites(opened: Program):
    target = opened.home / "mine"
    target.write_text("mine")

    ended = opened.call("vault", "backup", str(target), "--json")
    folder = opened.call("vault", "backup", str(opened.home), "--json")

    assert (ended.status, ended.codes) == (73, ["file-not-created"])
    assert ended.document["problems"][0]["facts"]["reason"] == "exists"
    assert folder.codes == ["file-not-created"]
    assert target.read_text() == "mine"


def test_there_is_no_backup_of_no_vault(program: Program):
    ended = program.call("vault", "backup", str(program.home / "backup"), "--json")

    assert (ended.status, ended.codes) == (78, ["vault-none"])
    assert program.files() == {}


def test_a_damaged_vault_is_not_taken_for_a_backup(opened: Program):
    opened.vault.write_bytes(b"rubbish")

    ended = opened.call("vault", "backup", str(opened.home / "backup"), "--json")

    assert (ended.status, ended.codes) == (65, ["vault-damaged"])
    assert not (opened.home / "backup").exists()


# -- restore ---------------------------------------------------------------------------------------------


def test_an_older_backup_is_restored_and_stays_usable(opened: Program):
    older = backup(opened)
    add_account(opened, "news")

    ended = opened.call("vault", "restore", older, "--yes", "--json")
    names = opened.names()
    add_account(opened, "later")

    assert (ended.data["restored_generation"], ended.data["generation"]) == (1, 3)
    assert ended.data["kept"] == f"{opened.vault}.2"
    assert names == ["shop"]
    assert opened.names() == ["shop", "later"]


def test_a_lost_vault_is_restored_without_a_question(opened: Program):
    copy = backup(opened)
    opened.vault.unlink()

    ended = opened.call("vault", "restore", copy, "--json")

    assert (ended.status, ended.data["kept"]) == (0, None)
    assert opened.names() == ["shop"]


def test_a_damaged_vault_is_replaced_and_kept(opened: Program):
    copy = backup(opened)
    opened.vault.write_bytes(b"rubbish")

    ended = opened.call("vault", "restore", copy, "--yes", "--json")

    assert ended.status == 0
    assert opened.names() == ["shop"]
    assert b"rubbish" in opened.files().values()


def test_a_backup_is_restored_on_another_machine_by_its_recovery_code(opened: Program, tmp_path):
    code = kept(tmp_path / "code", add_recovery(opened))
    copy = backup(opened)
    (tmp_path / "other").mkdir()
    other = Program.at(tmp_path / "other", FLUENZR_VAULT_KEY="a5" * 32)

    by_itself = other.call("vault", "restore", copy, "--json")
    untouched = other.files()
    by_code = other.call(
        "vault", "restore", copy, "--unlock-with", "recovery", "--unlock-file", code, "--json"
    )
    own_slot = other.call(
        "vault", "slot", "add", "key", "--new-key-stdin", "--unlock-with", "recovery", "--unlock-file", code,
        stdin="a5" * 32,
    )  # fmt: skip

    assert (by_itself.status, by_itself.codes, untouched) == (78, ["vault-key-wrong"], {})
    assert (by_code.status, own_slot.status) == (0, 0)
    assert other.names() == ["shop"]


def test_a_vault_is_not_replaced_before_somebody_agrees(opened: Program):
    copy = backup(opened)
    add_account(opened, "news")

    script = opened.call("vault", "restore", copy, "--json")
    refused = opened.at_terminal("vault", "restore", copy, dialogue=[("[y/N]: ", "n\n")])
    names = opened.names()
    agreed = opened.at_terminal("vault", "restore", copy, dialogue=[("[y/N]: ", "y\n")])

    assert (script.status, script.codes) == (64, ["input-required"])
    assert (refused.status, names, agreed.status) == (130, ["shop", "news"], 0)
    assert "generation 2, written on" in refused.err
    assert opened.names() == ["shop"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(None, 66, "file-missing"), (b"rubbish", 65, "vault-damaged"), (b"", 65, "vault-damaged")],
    ids=["missing", "rubbish", "empty"],
)
def test_what_is_no_backup_replaces_nothing(opened: Program, content, status, code):
    source = opened.home / "source"
    if content is not None:
        source.write_bytes(content)
    before = opened.files()

    ended = opened.call("vault", "restore", str(source), "--yes", "--json")

    assert (ended.status, ended.codes) == (status, [code])
    assert ended.document["problems"][0]["facts"]["path"] == str(source)
    assert opened.files() == before


def test_a_wrong_passphrase_replaces_nothing(opened: Program):
    add_passphrase(opened)
    copy = backup(opened)
    before = opened.files()

    ended = opened.call(
        "vault", "restore", copy, "--yes", "--unlock-with", "passphrase", "--unlock-stdin", "--json",
        stdin=f"{PASSPHRASE} not",
    )  # fmt: skip

    assert (ended.status, ended.codes) == (78, ["vault-passphrase-wrong"])
    assert opened.files() == before
