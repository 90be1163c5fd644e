"""What the vault costs, side by side in one run: opening by passphrase, and a list of many accounts.

    python benchmarks/vault.py

Prints the median of opening a vault by its passphrase against Argon2id alone with the same parameters, and of
`fluenzr account list` with 1,000 accounts against ten (whole processes, runs interleaved). Needs the
environment of the project.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from fluenzr_smtp.accounts import decode, encode
from fluenzr_smtp.model import Account, Clock, Endpoint, Secret, Security, StoredAccount
from fluenzr_smtp.vault import PassphraseKey, RawKey, Vault

RUNS = 15
KEY = bytes(32)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLOCK = Clock(now=lambda: NOW, monotonic=time.monotonic, sleep=time.sleep)
SERVER = Endpoint(host="smtp.shop.test", port=587, security=Security.STARTTLS)


def stored(number: int) -> StoredAccount:
    """Return an account like any other."""
    name = f"shop{number}@shop.test"
    account = Account(name=name, address=name, username=name, smtp=SERVER, imap=SERVER)
    return StoredAccount(account=account, secret=Secret("x" * 20), created=NOW, secret_changed=NOW)


def milliseconds(action: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def compare(title: str, one: Callable[[], object], other: Callable[[], object]) -> None:
    """Time two actions in turn and print their medians."""
    pairs = [(milliseconds(one), milliseconds(other)) for _ in range(RUNS)]
    first, second = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{title}: {first:.0f} ms against {second:.0f} ms, ratio {first / second:.2f}")


def opening(folder: Path) -> None:
    """Compare opening by passphrase with the derivation that it cannot do without."""
    path = folder / "passphrase.fluenzr"

    def source() -> PassphraseKey:  # a new one each time: one of them derives its key once
        return PassphraseKey(Secret("correct horse battery staple"))

    Vault(path, source=source, clock=CLOCK).update(lambda _: encode((stored(0),)))

    def derive() -> None:
        Argon2id(salt=bytes(16), length=32, iterations=3, lanes=4, memory_cost=64 * 1024).derive(b"x" * 28)

    compare(
        "open by passphrase against Argon2id alone",
        lambda: decode(Vault(path, source=source, clock=CLOCK).read() or b""),
        derive,
    )


def listing(folder: Path) -> None:
    """Compare `account list` with many accounts and with few."""

    def of(count: int) -> Callable[[], object]:
        home = folder / str(count)
        home.mkdir()
        accounts = tuple(stored(number) for number in range(count))
        Vault(home / "vault.fluenzr", source=lambda: RawKey(KEY), clock=CLOCK).update(
            lambda _: encode(accounts)
        )
        environ = {**os.environ, "FLUENZR_HOME": str(home), "FLUENZR_VAULT_KEY": KEY.hex()}
        command = [sys.executable, "-m", "fluenzr_smtp", "account", "list"]
        return lambda: subprocess.run(command, env=environ, check=True, capture_output=True)

    compare("account list, 1,000 accounts against 10", of(1000), of(10))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        opening(Path(name))
        listing(Path(name))
