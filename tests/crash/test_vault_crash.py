"""Whatever ends or fails in the middle of a write: the vault is the old one or the new one, and it opens."""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from fluenzr_smtp.problems import ProblemCode
from fluenzr_smtp.vault import SlotKind
from fluenzr_smtp.vault.format import parse
from tests.crash.injection import CHANGING, Ending, running_server
from tests.crash.writer import NEW, OLD, RAW_KEY, prepare, vault_in

WRITES = ("update", "add_slot", "remove_slot", "rotate", "restore")
NAMED = {
    "",
    ProblemCode.DISK_FULL,
    ProblemCode.FILE_NOT_CREATED,
    ProblemCode.FILE_NOT_WRITTEN,
    ProblemCode.FILE_UNREADABLE,
    ProblemCode.KEYRING_UNAVAILABLE,
    ProblemCode.VAULT_BUSY,
    ProblemCode.VAULT_UNSAFE,
}
#: What each call may answer on a full, broken, read-only or foreign file system.
FAULTS = {
    "ENOSPC": ("openat", "write", "fsync", "linkat", "rename", "mkdir"),
    "EIO": ("openat", "write", "fsync", "fchmod", "linkat", "rename", "unlink"),
    "EROFS": ("openat", "linkat", "rename", "unlink"),
    "EACCES": ("openat", "linkat", "rename", "unlink"),
    "EPERM": ("fchmod", "linkat", "unlink"),
    "ENOLCK": ("flock",),
}


@pytest.fixture(scope="module")
def server():
    with running_server() as running:
        yield running


@dataclass(frozen=True)
class Bench:
    """A folder with a vault, made anew for each try in the same place."""

    folder: Path
    template: Path

    def reset(self) -> Path:
        shutil.rmtree(self.folder)
        shutil.copytree(self.template, self.folder)
        return self.folder


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    base = tmp_path_factory.mktemp("bench")
    prepare(base / "work")
    shutil.copytree(base / "work", base / "template")
    return Bench(base / "work", base / "template")


def check(folder: Path, action: str, told: str) -> None:
    """Make sure that the vault is a whole one, that it opens by every slot it has, and takes a write."""
    payload = vault_in(folder, RAW_KEY).read()
    assert payload in ((OLD, NEW) if action == "update" else (OLD,)), told
    if SlotKind.KEYRING in {slot.kind for slot in vault_in(folder, RAW_KEY).slots()}:
        assert vault_in(folder).read() == payload, told
    kept = vault_in(folder).status().kept
    assert len([each for each in kept if each.generation]) >= 3, told
    vault_in(folder, RAW_KEY).update(lambda payload: payload + b".")
    assert vault_in(folder, RAW_KEY).read() == payload + b".", told
    assert not list((folder / "data").glob(".*")), told


@pytest.mark.parametrize("action", WRITES)
def test_kill_at_every_system_call_leaves_the_old_vault_or_the_new_one(server, bench, action):
    endings = []
    for call in server.calls(action, bench.reset()):
        at, ending = 1, Ending(signal=signal.SIGKILL)
        while ending.signal:
            folder = bench.reset()
            ending = server.disturbed(action, folder, call, "signal=KILL", at)
            assert not ending.bug, ending.bug
            check(folder, action, f"{call} {at}")
            endings.append(ending)
            at += 1

    killed = [each for each in endings if each.signal == signal.SIGKILL]
    assert len(killed) > 30
    assert [each for each in endings if each not in killed] == [Ending()] * (len(endings) - len(killed))


@pytest.mark.parametrize("action", ["update", "rotate"])
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_at_every_system_call_leaves_the_old_vault_or_the_new_one(server, bench, action, fault):
    calls = server.calls(action, bench.reset())
    told = set()
    for call in set(FAULTS[fault]) & set(calls):
        for at in range(1, calls[call] + 1):
            folder = bench.reset()
            ending = server.disturbed(action, folder, call, f"error={fault}", at)
            where = f"{call} {at}: {ending}"
            assert ending.code in NAMED, where
            check(folder, action, where)
            if action == "update" and not ending.code:
                assert vault_in(folder, RAW_KEY).read() == NEW + b".", where
            told.add(ending.code)

    assert told & {ProblemCode.DISK_FULL} if fault == "ENOSPC" else told


def test_first_write_that_is_killed_leaves_a_vault_that_opens_or_none(server, tmp_path):
    folder, template = tmp_path / "work", tmp_path / "template"
    (template / "keyring").mkdir(parents=True)
    shutil.copytree(template, folder)
    for call in server.calls("update", folder):
        at, ending = 1, Ending(signal=signal.SIGKILL)
        while ending.signal:
            shutil.rmtree(folder)
            shutil.copytree(template, folder)
            ending = server.disturbed("update", folder, call, "signal=KILL", at)
            assert vault_in(folder).read() in (None, NEW), f"{call} {at}"
            vault_in(folder).update(lambda payload: b"next")
            assert vault_in(folder).read() == b"next", f"{call} {at}"
            at += 1


def test_first_write_that_fails_leaves_a_vault_that_opens_or_none(server, tmp_path):
    folder, template = tmp_path / "work", tmp_path / "template"
    (template / "keyring").mkdir(parents=True)
    shutil.copytree(template, folder)
    calls = server.calls("update", folder)
    for call in calls:
        for at in range(1, calls[call] + 1):
            shutil.rmtree(folder)
            shutil.copytree(template, folder)
            ending = server.disturbed("update", folder, call, "error=EIO", at)
            where = f"{call} {at}: {ending}"
            assert ending.code in NAMED, where
            assert vault_in(folder).read() in ((None, NEW) if ending.code else (NEW,)), where


def test_backup_that_is_killed_is_whole_or_not_there(server, bench):
    copies = set()
    for call in server.calls("backup", bench.reset()):
        at, ending = 1, Ending(signal=signal.SIGKILL)
        while ending.signal:
            folder = bench.reset()
            ending = server.disturbed("backup", folder, call, "signal=KILL", at)
            copy = folder / "copy"
            copies.add(copy.exists())
            assert not copy.exists() or copy.read_bytes() == (folder / "data" / "vault").read_bytes()
            at += 1

    assert copies == {True, False}


def test_file_system_without_locks_is_told_and_nothing_is_written(server, bench):
    folder = bench.reset()
    before = (folder / "data" / "vault").read_bytes()

    for error in ("ENOSYS", "EOPNOTSUPP", "ENOLCK"):
        ending = server.disturbed("update", folder, "flock", f"error={error}", "1+")

        assert ending.code == ProblemCode.VAULT_UNSAFE
    assert (folder / "data" / "vault").read_bytes() == before


def test_file_system_without_links_gets_copies(server, bench):
    folder = bench.reset()
    replaced = (folder / "data" / "vault").read_bytes()

    ending = server.disturbed("update", folder, "linkat", "error=EPERM", "1+")

    kept = folder / "data" / f"vault.{parse(replaced).header.generation}"
    assert ending == Ending()
    assert kept.read_bytes() == replaced
    assert kept.stat().st_mode & 0o777 == 0o600
    assert vault_in(folder).read() == NEW


def test_every_changing_call_is_known(server, bench):
    """A call that no test disturbs would be a hole: all that the writes make are in the list."""
    log = bench.reset() / "log"
    server.run("rotate", bench.folder, "-o", str(log), "-e", "trace=%file,%desc", "-e", "signal=none")

    names = {line.partition("(")[0] for line in log.read_text().splitlines() if "(" in line}
    reading = {"close", "fstat", "newfstatat", "lseek", "read", "lstat", "stat", "readlink", "getdents64"}
    assert names - reading - {"ioctl", "fcntl", "statx", "access", "pread64", "mmap"} <= set(CHANGING)
