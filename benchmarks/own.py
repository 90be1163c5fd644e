"""fluenzr as its users run it, with a vault that the keyring opens, or a key in a file."""

import contextlib
import csv
import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import BODY, SUBJECT, Task, environ
from benchmarks.processes import Job, run
from tests.servers.keyring import keyring_session

KEYRING, KEY_FILE = "fluenzr", "fluenzr (key file)"


@dataclass(frozen=True, kw_only=True)
class Fluenzr:
    """The program with a home of its own; ``environ`` is the whole of its environment."""

    home: Path
    environ: Mapping[str, str]

    def add_account(self, task: Task) -> None:
        """Put the account of a task into the vault."""
        secret = task.private("secret", task.secret + "\n")
        encryption = "ssl" if task.implicit else "starttls"
        server = ["--smtp-host", "localhost", "--smtp-port", str(task.port), "--encryption", encryption]
        trust = ["--ca-file", str(task.ca), "--password-file", str(secret)]
        run(
            self.job(
                "account", "add", task.user, "--name", name(task), *server, *trust, "--no-imap", "--no-test"
            )
        )

    def send(self, task: Task) -> Job:
        """Return the job that sends one message."""
        words = ["send", "--account", name(task), "--to", task.to, "--subject", SUBJECT, "--body", BODY]
        return self.job(*words, *attached(task))

    def send_each(self, task: Task, *more: str) -> Job:
        """Return the job that sends one message for each row of a file."""
        rows = task.folder / f"rows-{task.count}.csv"
        with rows.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["email"])
            table.writerows([task.to] for _ in range(task.count))
        words = ["send", "--account", name(task), "--each", str(rows), "--to", "{{email}}", "--quiet", *more]
        return self.job(*words, "--subject", SUBJECT, "--body", BODY)

    def run_outbox(self, task: Task) -> Job:
        """Return the job that sends what is kept in the outbox."""
        words = ["outbox", "run", "--account", name(task), "--quiet"]
        return self.job(*words, "--connections", str(task.connections))

    def job(self, *words: str) -> Job:
        """Return the job of a command line."""
        return Job(command=[str(Path(sys.executable).with_name("fluenzr")), *words], environ=self.environ)


def name(task: Task) -> str:
    """Return what the account of a task is called."""
    return f"port-{task.port}"


def attached(task: Task) -> Sequence[str]:
    """Return the options for the attachment."""
    return ["--attach", str(task.attachment)] if task.attachment else []


@contextlib.contextmanager
def homes(folder: Path, tasks: Sequence[Task]) -> Iterator[dict[str, Fluenzr]]:
    """Make a home for each way to open the vault, with the accounts of these tasks."""
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32))
    with keyring_session(folder / "session") as session:
        found = {
            KEYRING: made(folder / "keyring", tasks[0], session.environ),
            KEY_FILE: made(folder / "file", tasks[0], {"FLUENZR_VAULT_KEY_FILE": str(key)}),
        }
        for each in found.values():
            for task in tasks:
                each.add_account(task)
        yield found


def made(home: Path, task: Task, more: Mapping[str, str]) -> Fluenzr:
    """Make a home."""
    home.mkdir(mode=0o700)
    here = environ(task) | dict(more) | {"FLUENZR_HOME": str(home / "fluenzr")}
    return Fluenzr(home=home, environ=here | {"PATH": os.environ.get("PATH", os.defpath)})
