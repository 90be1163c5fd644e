"""What the tests of ``fluenzr vault`` share: a vault with an account, and what opens it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.program import Program

SECRET = "canary-of-the-vault"
PASSPHRASE = "four random words here"


def add_account(program: Program, *names: str) -> Program:
    """Add accounts by name; the first one makes the vault."""
    for name in names:
        ended = program.call(
            "account", "add", f"{name}@shop.test", "--name", name, "--preset", "ovh", "--no-test",
            "--password-stdin", stdin=f"{SECRET}-{name}",
        )  # fmt: skip
        assert ended.status == 0, ended.err
    return program


def slots_of(program: Program, *options: str) -> dict[str, str]:
    """Return the kinds of the slots, by their ids."""
    found = program.call("vault", "slots", "--json", *options).data["slots"]
    return {slot["id"]: slot["kind"] for slot in found}


def add_passphrase(program: Program, passphrase: str = PASSPHRASE) -> None:
    """Let a passphrase open the vault."""
    ended = program.call("vault", "passphrase", "--new-passphrase-stdin", stdin=f"{passphrase}\n")
    assert ended.status == 0, ended.err


def add_recovery(program: Program) -> str:
    """Return a new recovery code."""
    ended = program.call("vault", "recovery")
    assert ended.status == 0, ended.err
    return ended.out.strip()


def kept(path: Path, text: str) -> str:
    """Write a secret into a file of its own and return the file's name."""
    path.touch(mode=0o600)
    path.write_text(f"{text}\n")
    return str(path)


def without_key(program: Program) -> Program:
    """Return the program on a machine that has nothing at hand to open the vault."""
    return program.with_variables(FLUENZR_VAULT_KEY=None)


def mistyped(code: str) -> str:
    """Return a recovery code with one character of another kind than was shown."""
    return code[:-1] + ("A" if code[-1] != "A" else "B")
