"""Start-up: what a light command must not load."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "keyring",
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
