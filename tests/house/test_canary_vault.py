"""What opens the vault and what is in it, driven through every vault command, and looked for everywhere."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import PROGRAM, VAULT_KEY, Ended, Program
from tests.cli.vaults import add_account, add_passphrase

SECRET = "canary-secret-of-the-account"
PASSPHRASE = "canary passphrase of the vault"
RENEWED = "canary passphrase renewed later"
EXPORT = "canary passphrase of the export"
OTHER_KEY = "c4" * 32
PLAIN = "plain"


def forms_of(text: str) -> set[bytes]:
    """Return what a search has to look for: in clear, in hexadecimal, and within base64 at any place."""
    raw = text.encode()
    encoded = {base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)}
    return {raw, raw.hex().encode(), *encoded}


class Evidence:
    """What a run of many commands has left behind."""

    def __init__(self, home: Path) -> None:
        self.program = Program.at(home, TMPDIR=str(home))
        self.found: dict[str, bytes] = {}
        self.codes: set[str] = set()
        self.given: set[str] = set()

    def run(self, status: int, *arguments: str, stdin: str = "", **variables: str | None) -> Ended:
        """Run a command line: a process of its own where a traceback may be shown."""
        program = self.program.with_variables(**variables)
        run = program.run if "--debug" in arguments else program.call
        return self.keep(status, arguments, run(*arguments, stdin=stdin))

    def type(self, status: int, *arguments: str, dialogue: list[tuple[str, str]]) -> Ended:
        return self.keep(status, arguments, self.program.at_terminal(*arguments, dialogue=dialogue))

    def keep(self, status: int, arguments: tuple[str, ...], ended: Ended) -> Ended:
        label = f"{len(self.found) // 2}: {' '.join(arguments)}"
        assert ended.status == status, f"{label}: {ended.out}{ended.err}"
        self.found[f"stdout of {label}"] = ended.out.encode()
        self.found[f"stderr of {label}"] = ended.err.encode()
        return ended

    def recovery_code(self, *options: str) -> str:
        """Return a new code; where it belongs, it is not looked for."""
        ended = self.program.run("vault", "recovery", *options)
        code: str = ended.data["code"] if options else ended.out.strip()
        self.codes.add(code)
        self.found[f"stderr of vault recovery {len(self.codes)}"] = ended.err.encode()
        self.found[f"stdout of vault recovery {len(self.codes)}"] = ended.out.replace(code, "").encode()
        return code

    def file(self, name: str, text: str) -> str:
        """Return the name of a file with a secret that we gave."""
        path = self.program.home / name
        path.write_text(f"{text}\n")
        self.given.add(name)
        return str(path)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    home = tmp_path_factory.mktemp("canary-vault")
    home.chmod(0o700)
    evidence = Evidence(home)
    add = (
        "account",
        "add",
        "me@shop.test",
        "--name",
        "shop",
        "--preset",
        "ovh",
        "--no-test",
        "--password-stdin",
    )
    evidence.run(0, *add, stdin=SECRET)
    slots(evidence)
    files(evidence)
    fail(evidence)
    kept = {name: content for name, content in evidence.program.files().items() if name not in evidence.given}
    evidence.found |= {f"file {name}": content for name, content in kept.items() if name != PLAIN}
    return evidence


def slots(evidence: Evidence) -> None:
    evidence.run(0, "vault", "passphrase", "--new-passphrase-stdin", "--debug", stdin=PASSPHRASE)
    evidence.run(
        0, "vault", "passphrase", "--json", "--unlock-with", "passphrase", "--unlock-stdin",
        "--new-passphrase-file", evidence.file("renewed", RENEWED), stdin=PASSPHRASE,
    )  # fmt: skip
    evidence.type(
        0, "vault", "passphrase", "--unlock-with", "passphrase",
        dialogue=[
            ("Passphrase of the vault: ", f"{RENEWED}\n"),
            ("New passphrase of the vault: ", f"{PASSPHRASE}\n"),
            ("once more: ", f"{PASSPHRASE}\n"),
        ],
    )  # fmt: skip
    evidence.recovery_code()
    code = evidence.recovery_code("--json")
    evidence.type(0, "vault", "slots", "--unlock-with", "recovery", dialogue=[("code: ", f"{code}\n")])
    evidence.run(0, "vault", "slot", "add", "key", "--new-key-stdin", "--debug", stdin=OTHER_KEY)
    evidence.run(0, "vault", "slots", "--json", FLUENZR_VAULT_KEY=None, FLUENZR_VAULT_PASSPHRASE=PASSPHRASE)
    evidence.run(
        0, "vault", "rotate", "--json", "--debug", "--also", f"recovery={evidence.file('code', code)}",
        "--also", f"passphrase={evidence.file('words', PASSPHRASE)}",
        "--also", f"key={evidence.file('key', OTHER_KEY)}",
    )  # fmt: skip


def files(evidence: Evidence) -> None:
    home = evidence.program.home
    for option in ((), ("--json",)):
        evidence.run(0, "vault", "status", *option, "--debug")
        evidence.run(0, "vault", "verify", *option, "--debug")
    evidence.run(0, "vault", "backup", str(home / "backup"))
    evidence.run(0, "vault", "restore", str(home / "backup"), "--yes", "--json", "--debug")
    evidence.run(0, "vault", "export", str(home / "export"), "--passphrase-stdin", "--debug", stdin=EXPORT)
    evidence.run(0, "vault", "import", str(home / "export"), "--passphrase-stdin", "--json", stdin=EXPORT)
    plain = str(home / PLAIN)
    evidence.type(0, "vault", "export", plain, "--plaintext", dialogue=[("plaintext: ", "plaintext\n")])
    evidence.run(0, "vault", "import", plain, "--json", "--debug")


def fail(evidence: Evidence) -> None:
    home, command = evidence.program.home, ("vault", "slots", "--debug", "--unlock-stdin", "--unlock-with")
    evidence.run(78, *command, "passphrase", stdin=f"{PASSPHRASE}!")
    evidence.run(65, *command, "passphrase", stdin=f"{PASSPHRASE}\0")
    evidence.run(65, *command, "key", stdin=f"{OTHER_KEY}ff")
    evidence.run(78, *command, "key", "--json", stdin="c5" * 32)
    for code in evidence.codes:
        evidence.run(65, *command, "recovery", "--json", stdin=f"{code}0")
    evidence.run(
        78, "vault", "import", str(home / "export"), "--passphrase-stdin", "--debug", stdin=f"{EXPORT}!"
    )
    evidence.run(73, "vault", "export", str(home / PLAIN), "--passphrase-stdin", "--debug", stdin=EXPORT)
    evidence.run(78, "vault", "slots", "--debug", FLUENZR_VAULT_KEY=f"{OTHER_KEY}f")
    damaged = home / "damaged"
    damaged.write_bytes((home / PLAIN).read_bytes()[:-2])
    evidence.run(65, "vault", "import", str(damaged), "--debug")
    damaged.unlink()


def test_no_secret_is_told_or_written_anywhere(evidence: Evidence):
    secrets = {SECRET, PASSPHRASE, RENEWED, EXPORT, OTHER_KEY, VAULT_KEY, *evidence.codes}
    secrets |= {code.replace("-", "") for code in evidence.codes}

    leaks = {
        place: secret
        for place, content in evidence.found.items()
        for secret in secrets
        for looked_for in forms_of(secret)
        if looked_for in content
    }

    assert leaks == {}


def test_the_raw_key_is_nowhere(evidence: Evidence):
    raw = bytes.fromhex(OTHER_KEY)

    assert not [place for place, content in evidence.found.items() if raw in content]


def test_the_search_would_have_found_it(evidence: Evidence):
    assert SECRET.encode() in (evidence.program.home / PLAIN).read_bytes()
    assert len(evidence.codes) == 2
    places = evidence.found.keys()
    assert {
        "file fluenzr/vault.fluenzr",
        "file backup",
        "file export",
        "file fluenzr/state/vaults.json",
    } <= places


def test_what_was_read_is_neither_in_the_command_line_nor_in_the_environment(own_home: Path):
    program = Program.at(own_home)
    add_passphrase(add_account(program, "shop"), PASSPHRASE)
    words, renewed = own_home / "words", own_home / "renewed"
    for pipe in (words, renewed):
        os.mkfifo(pipe, 0o600)

    with subprocess.Popen(
        [*PROGRAM, "vault", "passphrase", "--unlock-with", "passphrase", "--unlock-file", str(words),
         "--new-passphrase-file", str(renewed)],
        env=program.with_variables(FLUENZR_VAULT_KEY=None).environ,
    ) as child:  # fmt: skip
        words.write_text(f"{PASSPHRASE}\n")
        with renewed.open("w") as file:  # opens when the other end does: the first one has been read
            seen = b"".join(Path(f"/proc/{child.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
            file.write(f"{RENEWED}\n")

    assert child.returncode == 0
    assert b"--unlock-file" in seen
    assert PASSPHRASE.encode() not in seen
