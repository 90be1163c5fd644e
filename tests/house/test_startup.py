"""Start-up: what a light command must not load, and what sending must not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.servers.keyring import keyring_session
from tests.servers.scripted import ScriptedServer, submission_script

HEAVY = {
    "cryptography",
    "imapclient",
    "smtplib",
    "dns",
    "sqlite3",
    "aiosmtpd",
    "pydantic",
}
SCRIPT = """
import contextlib, io, json, sys
from fluenzr_smtp.cli.main import run
with contextlib.redirect_stdout(io.StringIO()):
    status = run(sys.argv[1:])
print(json.dumps([status, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def loaded_by(*arguments: str) -> set[str]:
    child = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True
    )
    status, modules = json.loads(child.stdout)
    assert status == 0
    return set(modules)


# What a command line must not load.
LIGHT = {
    "--version": {*HEAVY, "rich", "tomllib", "platformdirs", "email"},
    "--help": {*HEAVY, "tomllib"},
    "presets list": HEAVY,
    "presets list --json": {*HEAVY, "rich"},
    "presets show ovh": {*HEAVY, "rich"},
}


@pytest.mark.parametrize("command", LIGHT)
def test_a_light_command_loads_nothing_heavy(command):
    assert loaded_by(*command.split()) & LIGHT[command] == set()


# What sends a message from an account whose vault opens with the keyring has no use for: keyring itself takes
# as long to load as a message to be sent, and asks the Secret Service through a library below it.
UNUSED_BY_SEND = {
    "aiosmtpd",
    "dns",
    "imapclient",
    "importlib_metadata",
    "jaraco",
    "keyring",
    "pydantic",
    "rich",
}
SEND = """
import json, sys
from fluenzr_smtp.cli.main import run
status = run(sys.argv[1:])
print(json.dumps([status, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""


def test_send_loads_only_what_it_uses(tmp_path: Path):
    with keyring_session(tmp_path / "session") as session, ScriptedServer(submission_script()) as server:
        environ = {**session.environ, "FLUENZR_HOME": str(tmp_path / "fluenzr")}
        added = Program(tmp_path, environ).run(
            "account", "add", "me@shop.test", "--smtp-host", "127.0.0.1", "--smtp-port", str(server.port),
            "--encryption", "none", "--no-imap", "--no-test", "--password-stdin",
            stdin="secret-of-the-scripted-server",
        )  # fmt: skip

        child = subprocess.run(
            [sys.executable, "-c", SEND, "send", "--to", "you@example.org", "--body", "It works.", "--quiet"],
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )

    status, modules = json.loads(child.stderr)
    assert (added.status, status) == (0, 0), added.err
    assert UNUSED_BY_SEND & set(modules) == set()
