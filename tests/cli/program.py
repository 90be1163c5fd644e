"""The real program as a child process, in a home of its own, with exactly the environment that is told."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fluenzr_smtp.app import App
from fluenzr_smtp.cli.main import run
from fluenzr_smtp.cli.schema import all_schemas, document_schema
from fluenzr_smtp.settings import is_loopback
from tests.cli.terminal import Answer, at_terminal
from tests.servers.mailhost import MailHost

PROGRAM = (sys.executable, "-m", "fluenzr_smtp")
VAULT_KEY = "5e" * 32

_PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. ``out`` and ``err`` are apart; at a terminal ``err`` is what stood on it."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout; it keeps to the schema of its command."""
        found: dict[str, Any] = json.loads(self.out)
        data = all_schemas().get(found["command"])
        Draft202012Validator(document_schema("" if data is None else found["command"], data)).validate(found)
        assert found["exit_code"] == self.status
        return found

    @property
    def data(self) -> dict[str, Any]:
        """The document's data."""
        found: dict[str, Any] = self.document["data"]
        return found

    @property
    def codes(self) -> list[str]:
        """The codes of the document's problems."""
        return [problem["code"] for problem in self.document["problems"]]


@dataclass(frozen=True)
class Program:
    """Runs command lines below ``home``. ``environ`` is the whole environment of the child processes."""

    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def at(cls, home: Path, **variables: str) -> Program:
        """Return a program with an empty home, a vault key, and these variables."""
        environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "FLUENZR_HOME": str(home / "fluenzr"),
            "FLUENZR_VAULT_KEY": VAULT_KEY,
            "LC_ALL": "C.UTF-8",
        }
        return cls(home, environ | variables)

    def with_variables(self, **variables: str | None) -> Program:
        """Return the same program with some variables set, or taken away where they are None."""
        changed = {**self.environ, **variables}
        return Program(self.home, {name: value for name, value in changed.items() if value is not None})

    @property
    def vault(self) -> Path:
        """Where its accounts are."""
        return self.home / "fluenzr" / "vault.fluenzr"

    def run(self, *arguments: str | bytes, stdin: bytes | str = b"") -> Ended:
        """Run a command line where nobody sits."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        child = subprocess.run(
            [*PROGRAM, *arguments],
            input=given,
            capture_output=True,
            env=self.environ,
            timeout=_PATIENCE_SECONDS,
        )
        return Ended(child.returncode, child.stdout.decode(), child.stderr.decode())

    def call(self, *arguments: str, stdin: bytes | str = b"") -> Ended:
        """Run a command line within this process: quicker, where nothing of a process matters.

        Names of other machines are unknown: the question would leave this one.
        """
        given = stdin.encode() if isinstance(stdin, str) else stdin
        streams = [io.TextIOWrapper(io.BytesIO(content), encoding="utf-8") for content in (given, b"", b"")]
        clock = App.of_this_process().clock
        with pytest.MonkeyPatch.context() as patch:
            for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
                patch.setattr(sys, name, stream)
            patch.setattr(socket, "getaddrinfo", _of_this_machine)
            status = run(arguments, app=App(environ=self.environ, clock=clock))
        out, err = (stream.buffer.getvalue().decode() for stream in streams[1:])
        return Ended(int(status), out, err)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command line; the test ends it."""
        # A shell starts what it puts into the background with SIGINT ignored, and that is inherited.
        heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        return subprocess.Popen(
            [sys.executable, "-c", f"{heeding}from fluenzr_smtp.__main__ import main; main()", *arguments],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def at_terminal(
        self, *arguments: str, dialogue: Sequence[tuple[str, Answer]] = (), before: str = ""
    ) -> Ended:
        """Run a command line with stdin and stderr at a terminal of their own.

        Each answer of the dialogue is typed once its question stands there, after the one before.
        ``before`` is Python code that the child runs first.
        """
        script = (
            f"{before}\nimport sys\nsys.argv[1:] = {list(arguments)!r}\n"
            "from fluenzr_smtp.__main__ import main\nmain()\n"
        )
        environ = {**self.environ, "COLUMNS": "1000", "NO_COLOR": "1"}
        session = at_terminal(script, *dialogue, environ=environ, inherit=False)
        return Ended(session.status, session.stdout, session.screen)

    def files(self) -> dict[str, bytes]:
        """Return every file below the home with its content."""
        found = (path for path in sorted(self.home.rglob("*")) if path.is_file() and not path.is_symlink())
        return {str(path.relative_to(self.home)): path.read_bytes() for path in found}

    def names(self) -> list[str]:
        """Return the names of the accounts, as the program lists them."""
        return [account["name"] for account in self.call("account", "list", "--json").data["accounts"]]

    def account(self, name: str) -> dict[str, Any]:
        """Return an account, as the program shows it."""
        found: dict[str, Any] = self.call("account", "show", name, "--json").data["account"]
        return found


def environment_account(port: int, *, scheme: str = "smtp+plain", **more: str) -> dict[str, str]:
    """Return the variables that describe an account on loopback, so that no vault is needed."""
    return {
        "FLUENZR_SMTP_URL": f"{scheme}://shop%40shop.test@127.0.0.1:{port}",
        "FLUENZR_PASSWORD": "secret-of-the-scripted-server",
        **more,
    }


def server_options(host: MailHost) -> tuple[str, ...]:
    """Return the options that describe the real servers: STARTTLS, IMAP with implicit TLS, a private CA."""
    return (
        "--smtp-host", host.host, "--smtp-port", str(host.submission_port), "--encryption", "tls",
        "--imap-host", host.host, "--imap-port", str(host.imaps_port), "--ca-file", str(host.ca_file),
    )  # fmt: skip


_resolve = socket.getaddrinfo


def _of_this_machine(host: str, *rest: Any, **more: Any) -> Any:
    if is_loopback(host):
        return _resolve(host, *rest, **more)
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
