"""The program that the crash tests disturb: it forks a child for each action on a vault.

One JSON line on stdin names action and folder; the child's process id is answered; the child starts at the
next line ("go"), and how it ended is answered.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Clock
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault import KeyringKey, KeySource, RawKey, Vault

RAW_KEY = RawKey(bytes(range(32)))
OLD, NEW = b"old" * 1000, b"new" * 1000
CLOCK = Clock(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), monotonic=lambda: 0.0, sleep=lambda _: None)


@dataclass(frozen=True)
class DiskKeychain:
    """A keyring of files: what a killed process has told it stays."""

    folder: Path

    def load(self, entry: str) -> bytes | None:
        try:
            key = (self.folder / entry).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise failure(ProblemCode.KEYRING_UNAVAILABLE, Stage.KEYRING) from error
        if len(key) != 32:
            raise failure(ProblemCode.VAULT_KEY_WRONG, Stage.KEYRING, source="keyring", reason="not-a-key")
        return key

    def store(self, entry: str, key: bytes) -> None:
        try:
            (self.folder / entry).write_bytes(key)
        except OSError as error:
            raise failure(ProblemCode.KEYRING_UNAVAILABLE, Stage.KEYRING) from error

    def delete(self, entry: str) -> None:
        try:
            (self.folder / entry).unlink(missing_ok=True)
        except OSError as error:
            raise failure(ProblemCode.KEYRING_UNAVAILABLE, Stage.KEYRING) from error


def keyring(folder: Path) -> KeyringKey:
    """Return the keyring of a folder."""
    return KeyringKey(DiskKeychain(folder / "keyring"))


def vault_in(folder: Path, source: KeySource | None = None) -> Vault:
    """Return the vault of a folder; without a source its key is in the keyring."""
    return Vault(
        folder / "data" / "vault",
        source=lambda: source or keyring(folder),
        clock=CLOCK,
        state_dir=folder / "state",
        lock_timeout_seconds=1,
    )


def update(folder: Path) -> None:
    vault_in(folder).update(lambda _: NEW)


def add_slot(folder: Path) -> None:
    vault_in(folder, RAW_KEY).add_slot(keyring(folder))


def remove_slot(folder: Path) -> None:
    vault = vault_in(folder, RAW_KEY)
    vault.remove_slot(vault.slots()[0].id, keychain=DiskKeychain(folder / "keyring"))


def rotate(folder: Path) -> None:
    vault_in(folder).rotate((RAW_KEY,))


def restore(folder: Path) -> None:
    vault_in(folder).restore(folder / "backup")


def backup(folder: Path) -> None:
    vault_in(folder).backup(folder / "copy")


ACTIONS = {each.__name__: each for each in (update, add_slot, remove_slot, rotate, restore, backup)}


def prepare(folder: Path) -> None:
    """Make a vault with a keyring slot and a key slot, a history, and a backup."""
    (folder / "keyring").mkdir(parents=True)
    vault = vault_in(folder)
    for _ in range(4):
        vault.update(lambda _: OLD)
    vault.add_slot(RAW_KEY)
    vault.backup(folder / "backup")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))  # so that everything is imported
        rotate(Path(folder))
    for line in sys.stdin:
        wanted = json.loads(line)
        reading, writing = os.pipe()
        starting, start = os.pipe()
        child = os.fork()
        if child == 0:
            _let_anybody_trace()
            os.read(starting, 1)
            outcome = _outcome(wanted["action"], Path(wanted["folder"]))
            # Unbuffered and in one piece: what was not written was not reported.
            os.write(writing, json.dumps(outcome).encode())
            os._exit(0)
        os.close(writing)
        _say(json.dumps({"pid": child}))
        sys.stdin.readline()
        os.write(start, b".")
        _, status = os.waitpid(child, 0)
        reported = os.read(reading, 65536)
        for each in (reading, starting, start):
            os.close(each)
        if os.WIFSIGNALED(status):
            _say(json.dumps({"signal": os.WTERMSIG(status)}))
        else:
            _say(reported.decode() or json.dumps({"bug": "no report"}))


def _let_anybody_trace() -> None:
    """Allow strace, which is not our parent, to attach where Yama restricts that (PR_SET_PTRACER)."""
    ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _outcome(action: str, folder: Path) -> dict[str, str]:
    try:
        ACTIONS[action](folder)
    except FluenzrError as error:
        return {"code": error.problem.code.value}
    except BaseException:  # noqa: BLE001 - reported, whatever it is
        return {"bug": traceback.format_exc()}
    return {}


if __name__ == "__main__":
    main()
