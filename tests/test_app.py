"""The rooms behind ``App``: which account is meant, and that no room is opened which is not used."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fluenzr_smtp.app import App
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Account, Clock, Endpoint, Secret, Security, StoredAccount
from fluenzr_smtp.problems import ProblemCode
from tests.cli.program import VAULT_KEY, Program, environment_account
from tests.servers.scripted import ScriptedServer, submission_script

NOW = datetime(2030, 1, 1, tzinfo=UTC)
CLOCK = Clock(now=lambda: NOW, monotonic=lambda: 0.0, sleep=lambda _: None)
URL = "smtps://u%40h.test@h.test"


def app_at(home: Path, *names: str, **variables: str) -> App:
    """Return a program whose vault holds accounts of these names."""
    environ = {"FLUENZR_HOME": str(home / "fluenzr"), "FLUENZR_VAULT_KEY": VAULT_KEY}
    app = App(environ=environ | variables, clock=CLOCK)
    for name in names:
        smtp = Endpoint(host="h.test", port=465, security=Security.IMPLICIT_TLS)
        account = Account(name=name, address=f"{name}@h.test", username=name, smtp=smtp)
        app.accounts.add(StoredAccount(account=account, secret=Secret("x"), created=NOW, secret_changed=NOW))
    return app


def refused(app: App, name: str | None) -> ProblemCode:
    with pytest.raises(FluenzrError) as error:
        app.account(name)
    return error.value.problem.code


# -- which account is meant ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "variables", "expected"),
    [
        (None, {}, "one"),
        ("two", {}, "two"),
        ("TWO@h.test", {}, "two"),
        (None, {"FLUENZR_ACCOUNT": "two"}, "two"),
        ("one", {"FLUENZR_ACCOUNT": "two"}, "one"),
        (None, {"FLUENZR_ACCOUNT": ""}, "one"),
        (None, {"FLUENZR_SMTP_URL": URL, "FLUENZR_PASSWORD": "x"}, "environment"),
        ("two", {"FLUENZR_SMTP_URL": URL, "FLUENZR_PASSWORD": "x"}, "two"),
        (None, {"FLUENZR_SMTP_URL": URL, "FLUENZR_PASSWORD": "x", "FLUENZR_ACCOUNT": "two"}, "two"),
        ("environment", {"FLUENZR_SMTP_URL": URL, "FLUENZR_PASSWORD": "x"}, "environment"),
        (None, {"FLUENZR_SMTP_URL": ""}, "one"),
    ],
    ids=[
        "the first", "named", "by address", "variable", "named before variable", "empty variable",
        "described", "named before described", "variable before described", "described and named",
        "empty URL",
    ],
)  # fmt: skip
def test_the_account_is_the_one_named_then_the_one_described_then_the_default(
    own_home: Path, name, variables, expected
):
    assert app_at(own_home, "one", "two", **variables).account(name).account.name == expected


def test_the_chosen_default_goes_before_the_first(own_home: Path):
    app = app_at(own_home, "one", "two")
    (own_home / "fluenzr" / "config.toml").write_text('default_account = "two"')

    assert app.account(None).account.name == "two"


def test_an_account_that_is_not_there_is_refused(own_home: Path):
    assert refused(app_at(own_home), None) is ProblemCode.ACCOUNT_NONE
    assert refused(app_at(own_home, "one"), "three") is ProblemCode.ACCOUNT_UNKNOWN
    assert refused(app_at(own_home), "environment") is ProblemCode.ACCOUNT_UNKNOWN


@pytest.mark.parametrize(
    ("name", "code"),
    [("one", ProblemCode.ACCOUNT_EXISTS), ("a/b", ProblemCode.ACCOUNT_NAME_INVALID)],
    ids=["taken", "impossible"],
)
def test_a_name_is_refused_before_it_is_used(own_home: Path, name, code):
    app = app_at(own_home, "one")
    app.require_free("two")

    with pytest.raises(FluenzrError) as error:
        app.require_free(name)

    assert error.value.problem.code is code


@pytest.mark.parametrize("text", ["0", "3601", "-1", "1.5", "\u00b2", "9" * 5000], ids=ascii)
def test_what_is_no_number_of_seconds_is_refused(own_home: Path, text):
    app = app_at(own_home, FLUENZR_KEYRING_TIMEOUT=text)

    with pytest.raises(FluenzrError) as error:
        _ = app.keychain

    assert error.value.problem.code is ProblemCode.ENVIRONMENT_INVALID
    assert error.value.problem.facts == {"variable": "FLUENZR_KEYRING_TIMEOUT", "reason": "not-seconds"}


def test_the_key_is_looked_for_without_writing_anything(own_home: Path):
    app_at(own_home).require_key()

    assert not (own_home / "fluenzr").exists()


# -- which rooms are opened ------------------------------------------------------------------------------

NETWORK = {"imapclient", "imaplib", "smtplib", "dns", "ssl"}
LOADED = """
import contextlib, io, json, sys
from fluenzr_smtp.cli.main import run
with contextlib.redirect_stdout(io.StringIO()):
    status = run(sys.argv[1:])
print(json.dumps([status, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def loaded_by(program: Program, *arguments: str) -> set[str]:
    child = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        env=program.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    status, modules = json.loads(child.stdout)
    assert status == 0, child.stderr
    return set(modules)


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        ("account list --json", {*NETWORK, "keyring", "rich"}),
        ("account show one", {*NETWORK, "keyring", "rich"}),
        ("account default one", {*NETWORK, "keyring", "rich"}),
        ("account --help", {*NETWORK, "keyring", "cryptography", "tomllib"}),
        ("send --help", {*NETWORK, "keyring", "cryptography", "tomllib"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_command_opens_no_room_that_it_does_not_use(own_home: Path, arguments, unused):
    app_at(own_home, "one")

    assert loaded_by(Program.at(own_home), *arguments.split()) & unused == set()


def test_sending_loads_neither_imap_nor_keyring_nor_tables(own_home: Path):
    with ScriptedServer(submission_script()) as server:
        program = Program.at(own_home, **environment_account(server.port))
        loaded = loaded_by(program, "send", "--to", "you@example.org", "--body", "x")

    assert "smtplib" in loaded
    assert loaded & {"imapclient", "imaplib", "keyring", "dns", "rich", "sqlite3", "filelock"} == set()
