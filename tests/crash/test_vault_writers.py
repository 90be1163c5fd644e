"""Many processes at once, folders that are read-only or vanish: nobody's account is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def run(code: str, *arguments: object, cwd: Path | str = "/") -> dict[str, object]:
    """Run code in a process of its own; it prints one JSON document."""
    result = subprocess.run(
        [sys.executable, "-c", PRELUDE + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("writers", [2, 20])
@pytest.mark.parametrize("first", [True, False], ids=["no vault yet", "vault"])
def test_all_accounts_of_writers_at_once_are_there_afterwards(tmp_path, writers, first):
    if not first:
        run(WRITERS, tmp_path, 1)

    outcome = run(WRITERS, tmp_path, writers)

    assert outcome["endings"] == [0] * writers
    assert len(outcome["names"]) == len(set(outcome["names"])) == 3 * (writers + (not first))
    assert outcome["generation"] == outcome["remembered"] == 3 * (writers + (not first))
    assert outcome["files"] == ["vault", *outcome["kept"], "vault.lock"]


def test_lock_file_of_the_dead_blocks_nobody(tmp_path):
    run(WRITERS, tmp_path, 1)
    (tmp_path / "data" / "vault.lock").write_text("pid 1 on another computer")

    assert run(WRITERS, tmp_path, 1)["endings"] == [0]


@needs_root
def test_read_only_folder_leaves_the_vault_to_an_ordinary_user_for_reading():
    outcome = run(READ_ONLY)

    assert outcome == {"read": "old", "update": "file-not-created", "again": "old"}


@needs_root
def test_vault_of_another_user_is_refused():
    assert run(OF_ANOTHER) == {"read": "vault-unsafe", "update": "vault-unsafe", "reason": "other-owner"}


@pytest.mark.parametrize("when", ["before", "during"])
def test_folder_that_vanishes_is_told_and_a_new_start_is_possible(tmp_path, when):
    outcome = run(VANISHING, tmp_path, when)

    assert outcome["code"] in {"file-not-created", "file-not-written", "file-unreadable", ""}
    assert outcome["again"] == "new"


PRELUDE = """
import json, os, shutil, sys, tempfile
from datetime import UTC, datetime
from pathlib import Path
from fluenzr_smtp.accounts import Accounts
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Account, Clock, Endpoint, Secret, Security, StoredAccount
from fluenzr_smtp.vault import RawKey, Vault
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLOCK = Clock(now=lambda: NOW, monotonic=lambda: 0.0, sleep=lambda _: None)

def vault_in(folder):
    key = RawKey(bytes(32))
    return Vault(folder / "data" / "vault", source=lambda: key, clock=CLOCK, state_dir=folder / "state",
                 lock_timeout_seconds=60)

def stored(name):
    smtp = Endpoint(host="smtp.example.org", port=465, security=Security.IMPLICIT_TLS)
    account = Account(name=name, address="anna@example.org", smtp=smtp, username=name)
    return StoredAccount(account=account, secret=Secret("secret"), created=NOW, secret_changed=NOW)

def code_of(call):
    try:
        call()
    except FluenzrError as error:
        return error.problem.code.value
    return ""

def become_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""
WRITERS = """
folder, writers = Path(sys.argv[1]), int(sys.argv[2])
starting, start = os.pipe()
children = []
for number in range(writers):
    child = os.fork()
    if child == 0:
        os.close(start)
        os.read(starting, 1)  # all of them start when the last writer of the pipe is gone
        accounts = Accounts(vault_in(folder))
        for each in range(3):
            accounts.add(stored(f"{os.getpid()}-{each}"))
        os._exit(0)
    children.append(child)
os.close(start)
endings = [os.waitpid(child, 0)[1] for child in children]
status = vault_in(folder).status()
print(json.dumps({
    "endings": endings,
    "names": [each.account.name for each in Accounts(vault_in(folder)).list()],
    "generation": status.generation,
    "remembered": status.memory.generation,
    "kept": sorted(each.path.name for each in status.kept),
    "files": sorted(each.name for each in (folder / "data").iterdir()),
}))
"""
READ_ONLY = """
base = Path(tempfile.mkdtemp())
os.chown(base, 65534, 65534)
child = os.fork()
if child == 0:
    become_nobody()
    vault_in(base).update(lambda _: b"old")
    (base / "data").chmod(0o500)
    outcome = {"read": vault_in(base).read().decode()}
    # A lock file that is there may be opened; what it guards may not be replaced.
    (base / "data" / "vault.lock").chmod(0o600)
    outcome["update"] = code_of(lambda: vault_in(base).update(lambda _: b"new"))
    (base / "data").chmod(0o500)
    outcome["again"] = vault_in(base).read().decode()
    print(json.dumps(outcome), flush=True)
    os._exit(0)
os.waitpid(child, 0)
shutil.rmtree(base)
"""
OF_ANOTHER = """
base = Path(tempfile.mkdtemp())
vault_in(base).update(lambda _: b"old")
for each in (base, base / "data", base / "data" / "vault"):
    each.chmod(0o777)
child = os.fork()
if child == 0:
    become_nobody()
    outcome = {"read": code_of(vault_in(base).read)}
    outcome["update"] = code_of(lambda: vault_in(base).update(lambda _: b"new"))
    try:
        vault_in(base).read()
    except FluenzrError as error:
        outcome["reason"] = error.problem.facts["reason"]
    print(json.dumps(outcome), flush=True)
    os._exit(0)
os.waitpid(child, 0)
shutil.rmtree(base)
"""
VANISHING = """
folder, when = Path(sys.argv[1]), sys.argv[2]
vault = vault_in(folder)
vault.update(lambda _: b"old")

def vanish(_):
    shutil.rmtree(folder / "data")
    return b"new"

if when == "before":
    vault.read()
    vanish(b"")
    code = code_of(lambda: vault.update(lambda _: b"new"))
else:
    code = code_of(lambda: vault.update(vanish))
fresh = vault_in(folder)
fresh.update(lambda _: b"new")
print(json.dumps({"code": code, "again": fresh.read().decode()}))
"""
