"""Accounts whose vault opens with the OS keyring: a real gnome-keyring, and what is no keyring at all."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.servers.keyring import KeyringSession, keyring_session, private_environ

SECRET = "canary-of-the-keyring"
ADD = (
    "account", "add", "me@shop.test", "--name", "a", "--preset", "ovh", "--no-test", "--password-stdin",
)  # fmt: skip
PLAINTEXT = textwrap.dedent("""
    from keyring.backend import KeyringBackend

    class PlaintextKeyring(KeyringBackend):
        priority = 0.5
        def get_password(self, service, username): return None
        def set_password(self, service, username, password): raise AssertionError("told a secret")
        def delete_password(self, service, username): pass
""")
LIST_ITEMS = """
import secretstorage
for item in secretstorage.get_default_collection(secretstorage.dbus_init()).get_all_items():
    print(sorted(item.get_attributes().items()), len(item.get_secret()))
"""

DELETE_ITEMS = """
import secretstorage
for item in secretstorage.get_default_collection(secretstorage.dbus_init()).get_all_items():
    item.delete()
"""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[KeyringSession]:
    with keyring_session(tmp_path / "session") as running:
        yield running


def program_in(environ: dict[str, str], tmp_path: Path, **variables: str) -> Program:
    """Return a program that has no vault key in its environment, hence asks the keyring."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    return Program(home, {**environ, "FLUENZR_HOME": str(home / "fluenzr"), **variables})


def test_the_vault_opens_for_another_process_of_the_session_and_for_nobody_else(
    session: KeyringSession, tmp_path: Path
):
    program = program_in(session.environ, tmp_path)

    added = program.run(*ADD, stdin=SECRET)
    listed = program.run("account", "list", "--json")
    items = session.run(LIST_ITEMS)
    elsewhere = program_in(private_environ(tmp_path / "elsewhere"), tmp_path).run("account", "list", "--json")

    assert (added.status, listed.status) == (0, 0), added.err
    assert [account["name"] for account in listed.data["accounts"]] == ["a"]
    assert "('service', 'fluenzr')" in items.stdout
    assert (elsewhere.status, elsewhere.codes) == (78, ["keyring-unavailable"])
    assert SECRET not in items.stdout
    assert not any(SECRET.encode() in content for content in program.files().values())


def test_a_second_account_needs_no_second_key(session: KeyringSession, tmp_path: Path):
    program = program_in(session.environ, tmp_path)

    statuses = [program.run(*ADD, stdin=SECRET).status, program.run(*ADD, "--name", "b", stdin=SECRET).status]

    assert statuses == [0, 0]
    assert session.run(LIST_ITEMS).stdout.count("fluenzr") == 1


def test_a_locked_keyring_is_told_within_its_bound_and_before_the_password_is_asked(
    session: KeyringSession, tmp_path: Path
):
    program = program_in(session.environ, tmp_path, FLUENZR_KEYRING_TIMEOUT="1")
    program.run(*ADD, stdin=SECRET)
    before = program.files()
    session.lock()

    with session.silent_prompter():
        started = time.monotonic()
        listed = program.run("account", "list", "--json")
        added = program.at_terminal("account", "add", "me@ovh.net", "--name", "b", "--no-test")
        elapsed = time.monotonic() - started

    assert (listed.status, listed.codes) == (78, ["keyring-locked"])
    assert listed.document["problems"][0]["facts"]["backend"].endswith("SecretService.Keyring")
    assert added.status == 78
    assert "[keyring-locked]" in added.err
    assert "Password" not in added.err
    assert elapsed < 10
    assert program.files() == before


def test_a_key_that_is_gone_never_leads_to_a_new_vault(session: KeyringSession, tmp_path: Path):
    program = program_in(session.environ, tmp_path)
    program.run(*ADD, stdin=SECRET)
    before = program.files()
    session.run(DELETE_ITEMS).check_returncode()

    ended = program.run(*ADD, "--name", "b", "--json", stdin=SECRET)

    assert (ended.status, ended.codes) == (78, ["keyring-entry-missing"])
    assert program.files() == before


def test_without_a_keyring_the_way_out_is_named_before_anything_is_asked(tmp_path: Path):
    program = program_in(private_environ(tmp_path / "bare"), tmp_path)

    script = program.run(*ADD, "--json", stdin=SECRET)
    person = program.at_terminal("account", "add", "me@ovh.net", "--no-test")

    assert (script.status, script.codes) == (78, ["keyring-unavailable"])
    assert person.status == 78
    assert "FLUENZR_VAULT_PASSPHRASE" in person.err
    assert "Password" not in person.err
    assert program.files() == {}


@pytest.mark.parametrize(
    "backend",
    ["keyring.backends.null.Keyring", "keyrings.alt.file.PlaintextKeyring"],
    ids=["null", "plain text"],
)
def test_a_keyring_that_does_not_keep_secrets_is_refused_by_name(tmp_path: Path, backend):
    package = tmp_path / "packages" / "keyrings" / "alt"
    package.mkdir(parents=True)
    (package / "file.py").write_text(PLAINTEXT)
    environ = private_environ(tmp_path / "bare") | {"PYTHONPATH": str(tmp_path / "packages")}
    program = program_in(environ, tmp_path, PYTHON_KEYRING_BACKEND=backend)

    ended = program.run(*ADD, stdin=SECRET)

    assert ended.status == 78
    assert "[keyring-refused]" in ended.err
    assert backend in ended.err
    assert program.files() == {}


def test_what_the_environment_names_goes_before_the_keyring(tmp_path: Path):
    program = program_in(
        private_environ(tmp_path / "bare"), tmp_path,
        FLUENZR_VAULT_PASSPHRASE="a passphrase", PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring",
    )  # fmt: skip

    added, listed = program.run(*ADD, stdin=SECRET), program.run("account", "list", "--json")

    assert (added.status, listed.status) == (0, 0)
    assert [account["name"] for account in listed.data["accounts"]] == ["a"]


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "3601"])
def test_a_bound_that_is_no_number_of_seconds_is_refused(tmp_path: Path, seconds):
    program = program_in({}, tmp_path, FLUENZR_KEYRING_TIMEOUT=seconds)

    ended = program.call(*ADD, "--json", stdin=SECRET)

    assert (ended.status, ended.codes) == (78, ["environment-invalid"])
