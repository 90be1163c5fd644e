"""``fluenzr vault export | import``: accounts from one home to another."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.cli.vaults import SECRET, add_account

WORDS = "words for the way"


@pytest.fixture
def here(program: Program) -> Program:
    """A program with two accounts."""
    return add_account(program, "shop", "news")


@pytest.fixture
def there(tmp_path: Path) -> Program:
    """A program on another machine, with another key."""
    (tmp_path / "there").mkdir(mode=0o700)
    return Program.at(tmp_path / "there", FLUENZR_VAULT_KEY="a5" * 32)


def exported(program: Program, *options: str, name: str = "export") -> str:
    """Return the name of an export."""
    target = str(program.home / name)
    ended = program.call("vault", "export", target, "--passphrase-stdin", *options, stdin=WORDS)
    assert ended.status == 0, ended.err
    return target


def test_accounts_arrive_whole_with_their_passwords(here: Program, there: Program):
    moved = there.call("vault", "import", exported(here), "--passphrase-stdin", "--json", stdin=WORDS)
    again = exported(there)

    back = here.call("vault", "import", again, "--passphrase-stdin", "--json", stdin=WORDS)

    assert moved.data == {"added": ["shop", "news"], "replaced": [], "unchanged": [], "encrypted": True}
    assert [there.account(name) for name in there.names()] == [here.account(name) for name in here.names()]
    assert back.data == {"added": [], "replaced": [], "unchanged": ["shop", "news"], "encrypted": True}


def test_an_export_is_encrypted_and_for_its_owner_alone(here: Program):
    ended = here.call("vault", "export", str(here.home / "e"), "--passphrase-stdin", "--json", stdin=WORDS)

    content = (here.home / "e").read_bytes()
    assert ended.data == {"path": str(here.home / "e"), "accounts": ["shop", "news"], "encrypted": True}
    assert stat.S_IMODE((here.home / "e").stat().st_mode) == 0o600
    assert SECRET.encode() not in content
    assert b"shop" not in content


def test_some_accounts_only(here: Program, there: Program):
    target = exported(here, "--account", "NEWS@shop.test", "--account", "news")

    there.call("vault", "import", target, "--passphrase-stdin", stdin=WORDS)
    unknown = here.call(
        "vault", "export", "x", "--account", "none", "--passphrase-stdin", "--json", stdin=WORDS
    )

    assert there.names() == ["news"]
    assert (unknown.status, unknown.codes) == (78, ["account-unknown"])


def test_without_accounts_nothing_is_exported(there: Program):
    ended = there.call("vault", "export", str(there.home / "e"), "--passphrase-stdin", "--json", stdin=WORDS)

    assert (ended.status, ended.codes) == (78, ["account-none"])
    assert there.files() == {}


def test_an_export_never_overwrites_and_says_so_before_it_asks(here: Program):
    target = here.home / "mine"
    target.write_text("mine")

    ended = here.at_terminal("vault", "export", str(target))

    assert ended.status == 73
    assert "Passphrase" not in ended.err
    assert target.read_text() == "mine"


def test_at_a_terminal_the_passphrase_is_asked_twice_and_once(here: Program, there: Program):
    target = str(here.home / "e")

    out = here.at_terminal(
        "vault", "export", target,
        dialogue=[("Passphrase of the file: ", f"{WORDS}\n"), ("once more: ", f"{WORDS}\n")],
    )  # fmt: skip
    into = there.at_terminal(
        "vault", "import", target, dialogue=[(f"Passphrase of {target}: ", f"{WORDS}\n")]
    )

    assert (out.status, into.status) == (0, 0)
    assert WORDS not in out.err + into.err
    assert there.names() == ["shop", "news"]


# -- conflicts and faults --------------------------------------------------------------------------------


def test_an_account_of_the_same_name_stands_in_the_way_unless_it_may_be_replaced(
    here: Program, there: Program
):
    target = exported(here)
    there.call(
        "account", "add", "me@gandi.test", "--name", "news", "--preset", "gandi", "--no-test",
        "--password-stdin", stdin="another secret",
    )  # fmt: skip
    before = there.files()

    refused = there.call("vault", "import", target, "--passphrase-stdin", "--json", stdin=WORDS)
    untouched = there.files() == before
    replaced = there.call("vault", "import", target, "--replace", "--passphrase-stdin", "--json", stdin=WORDS)

    assert (refused.status, refused.codes) == (64, ["account-exists"])
    assert untouched
    assert (replaced.data["added"], replaced.data["replaced"]) == (["shop"], ["news"])
    assert there.account("news") == here.account("news")


def test_a_wrong_passphrase_imports_nothing(here: Program, there: Program):
    ended = there.call("vault", "import", exported(here), "--passphrase-stdin", "--json", stdin="other words")

    assert (ended.status, ended.codes) == (78, ["export-passphrase-wrong"])
    assert there.files() == {}


@pytest.mark.parametrize("at", [0, 9, 12, 40, -1])
def test_a_damaged_export_imports_nothing(here: Program, there: Program, at):
    source = Path(exported(here))
    content = bytearray(source.read_bytes())
    content[at] ^= 1
    source.write_bytes(content)

    ended = there.call("vault", "import", str(source), "--passphrase-stdin", "--json", stdin=WORDS)

    assert (ended.status, ended.codes[0].partition("-")[0]) in ((65, "export"), (78, "export"))
    assert there.files() == {}


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (None, 66, "file-missing"),
        (b"rubbish", 65, "export-damaged"),
        (b"{}", 65, "export-damaged"),
        (b'{"format": 99, "accounts": []}', 78, "vault-newer"),
    ],
    ids=["missing", "rubbish", "other JSON", "newer"],
)
def test_what_is_no_export_is_told(there: Program, content, status, code):
    source = there.home / "source"
    if content is not None:
        source.write_bytes(content)

    ended = there.call("vault", "import", str(source), "--passphrase-stdin", "--json", stdin=WORDS)

    assert (ended.status, ended.codes) == (status, [code])
    assert not there.vault.exists()


def test_a_file_far_too_big_is_not_read(there: Program):
    source = there.home / "big"
    with source.open("wb") as file:
        file.truncate(1 << 30)

    ended = there.call("vault", "import", str(source), "--passphrase-stdin", "--json", stdin=WORDS)

    assert (ended.status, ended.codes) == (65, ["export-damaged"])


def test_no_vault_is_made_of_what_was_given_to_open_one(here: Program, there: Program):
    ended = there.call(
        "vault", "import", exported(here), "--unlock-with", "passphrase", "--unlock-stdin",
        "--passphrase-stdin", "--json", stdin=f"words\n{WORDS}\n",
    )  # fmt: skip

    assert (ended.status, ended.codes) == (78, ["vault-none"])
    assert there.files() == {}


# -- plain text ------------------------------------------------------------------------------------------


def test_plain_text_needs_a_person_who_types_the_word(here: Program, there: Program):
    target = here.home / "plain"
    command = ("vault", "export", str(target), "--plaintext")

    script = here.call(*command, "--json")
    refused = here.at_terminal(*command, dialogue=[("type the word plaintext: ", "yes\n")])
    before = target.exists()
    agreed = here.at_terminal(*command, dialogue=[("type the word plaintext: ", "plaintext\n")])
    moved = there.call("vault", "import", str(target), "--json")

    assert (script.status, script.codes) == (64, ["input-required"])
    assert (refused.status, before, agreed.status) == (130, False, 0)
    assert "2 accounts with their passwords in plain text" in refused.err
    assert json.loads(target.read_text())["accounts"][0]["secret"] == f"{SECRET}-shop"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert (moved.data["added"], moved.data["encrypted"]) == (["shop", "news"], False)
    assert "plain text" in moved.err


def test_plain_text_and_a_passphrase_exclude_each_other(here: Program):
    ended = here.call("vault", "export", "x", "--plaintext", "--passphrase-stdin", "--json", stdin=WORDS)

    assert (ended.status, ended.codes) == (64, ["usage-invalid"])
