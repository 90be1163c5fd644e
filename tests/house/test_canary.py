"""One secret, driven through every command, and looked for wherever it must not be."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.program import VAULT_KEY, Ended, Program, environment_account, server_options
from tests.servers.mailhost import MailHost
from tests.servers.scripted import Close, ScriptedServer, Send, mailbox_script, submission_script

USERNAME = "shop@shop.test"
BUG = """
import sys
from fluenzr_smtp.app import App
from fluenzr_smtp.app.post import Post
from fluenzr_smtp.cli.main import run
class Broken(Post):
    def send(self, stored, parcels, **how):
        secret = stored.secret.reveal()
        return len(secret) / 0
real = App.of_this_process()
real.post = Broken(
    open_outbox=lambda: real.outbox, servers=real.servers, clock=real.clock, account=real.account
)
sys.exit(run(sys.argv[1:], app=real))
"""


def forms_of(secret: str) -> dict[str, bytes]:
    """Return what a search has to look for: in clear, in hexadecimal, and within base64 at any place."""
    raw = secret.encode()
    plain = f"\0{USERNAME}\0{secret}".encode()
    forms = {"clear": raw, "hexadecimal": raw.hex().encode(), "AUTH PLAIN": base64.b64encode(plain)}
    for shift in range(3):
        # The first and the last group mix with their neighbours; what is between them does not change.
        middle = base64.b64encode(b"x" * shift + raw)[4:-4]
        forms[f"base64, shifted by {shift}"] = middle
    return forms


class Evidence:
    """What a run of many commands has left behind."""

    def __init__(self, folder: Path, host: MailHost) -> None:
        folder.chmod(0o700)
        (folder / "tmp").mkdir()
        self.program = Program.at(folder, TMPDIR=str(folder / "tmp"))
        self.host = host
        self.secret = host.shop.secret
        self.found: dict[str, bytes] = {}
        self.heard = b""
        self.heard_by_mailbox = b""

    def run(self, label: str, status: int, *arguments: str, stdin: str = "", **variables: str) -> None:
        self.keep(label, status, self.program.with_variables(**variables).run(*arguments, stdin=stdin))

    def call(self, label: str, status: int, *arguments: str, stdin: str = "", **variables: str) -> None:
        """Run within this process, which is quicker."""
        self.keep(label, status, self.program.with_variables(**variables).call(*arguments, stdin=stdin))

    def keep(self, label: str, status: int, ended: Ended) -> None:
        assert ended.status == status, f"{label}: {ended.out}{ended.err}"
        self.found[f"stdout of {label}"] = ended.out.encode()
        self.found[f"stderr of {label}"] = ended.err.encode()

    def keep_files(self) -> None:
        kept = {name: content for name, content in self.program.files().items() if name != "secret"}
        self.found |= {f"file {name}": content for name, content in kept.items()}

    @contextmanager
    def repeating_server(self) -> Iterator[dict[str, str]]:
        """Refuse every login in the words of the client; yield the variables of an account there."""
        overrides = {"AUTH": b"535 5.7.8 Not " + self._plain + b", that is " + self.secret.encode()}
        with ScriptedServer(submission_script(overrides=overrides)) as server:
            yield environment_account(server.port) | {"FLUENZR_PASSWORD": self.secret}
        self.heard += b"".join(bytes(each.received_wire) for each in server.connections)

    @contextmanager
    def repeating_mailbox(self) -> Iterator[dict[str, str]]:
        """Take the login for sending, and refuse the one for reading in the words of the client."""
        answer = b"NO [AUTHENTICATIONFAILED] Not " + self._plain + b", that is " + self.secret.encode()
        overrides = dict.fromkeys(("LOGIN", "AUTHENTICATE"), answer)
        with (
            ScriptedServer(submission_script()) as submission,
            ScriptedServer(mailbox_script(overrides=overrides)) as mailbox,
        ):
            url = f"imap+plain://shop%40shop.test@127.0.0.1:{mailbox.port}"
            yield environment_account(submission.port, FLUENZR_IMAP_URL=url) | {
                "FLUENZR_PASSWORD": self.secret
            }
        self.heard_by_mailbox = b"".join(bytes(each.received_wire) for each in mailbox.connections)

    @property
    def _plain(self) -> bytes:
        return base64.b64encode(f"\0{USERNAME}\0{self.secret}".encode())

    @contextmanager
    def doubtful_server(self) -> Iterator[dict[str, str]]:
        """Take the login and lose the connection in the middle of the reply to the message."""
        overrides = {".": (Send(b"250 2.0"), Close())}
        with ScriptedServer(submission_script(overrides=overrides)) as server:
            yield environment_account(server.port) | {"FLUENZR_PASSWORD": self.secret}


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory, mailhost: MailHost) -> Evidence:
    evidence = Evidence(tmp_path_factory.mktemp("canary"), mailhost)
    secret_file = evidence.program.home / "secret"
    secret_file.write_text(evidence.secret)
    add_and_test(evidence, secret_file)
    send(evidence)
    fail(evidence, secret_file)
    manage(evidence)
    report_a_bug(evidence)
    evidence.keep_files()
    return evidence


def add_and_test(evidence: Evidence, secret_file: Path) -> None:
    secret, servers = evidence.secret, server_options(evidence.host)
    report = str(evidence.program.home / "mail.xml")
    evidence.run("add", 0, "account", "add", USERNAME, *servers, "--password-stdin", "--debug", stdin=secret)
    evidence.run(
        "add by file", 0, "account", "add", USERNAME, "--name", "file", *servers, "--password-file",
        str(secret_file), "--json",
    )  # fmt: skip
    evidence.run(
        "add by variable",
        0,
        "account",
        "add",
        USERNAME,
        "--name",
        "variable",
        *servers,
        FLUENZR_PASSWORD=secret,
    )
    evidence.keep(
        "add at a terminal",
        0,
        evidence.program.at_terminal(
            "account", "add", USERNAME, "--name", "terminal", *servers, "--no-imap",
            dialogue=[(f"Password of {USERNAME}: ", f"{secret}\n")],
        ),
    )  # fmt: skip
    evidence.run("test", 0, "account", "test", USERNAME, "--junit", report, "--debug")
    evidence.call("test as JSON", 0, "account", "test", "file", "--json", "--no-send")


def send(evidence: Evidence) -> None:
    command = ("send", "--to", USERNAME, "--body", "x", "--account", "file")
    evidence.run("send", 0, *command, "--debug")
    evidence.call("send as JSON", 0, *command, "--json")
    evidence.run("send to nobody", 67, "send", "--to", "nobody@shop.test", "--body", "x", "--debug")


def fail(evidence: Evidence, secret_file: Path) -> None:
    message = ("send", "--to", "you@example.org", "--body", "x", "--debug")
    with evidence.repeating_server() as variables:
        report = str(evidence.program.home / "refused.xml")
        evidence.run("refused test", 77, "account", "test", "--junit", report, "--debug", **variables)
        evidence.call("refused test as JSON", 77, "account", "test", "--json", **variables)
        evidence.run("refused send", 77, *message, **variables)
        evidence.call("refused send as JSON", 77, *message, "--json", **variables)
    with evidence.repeating_mailbox() as variables:
        report = str(evidence.program.home / "unread.xml")
        evidence.run("unread test", 77, "account", "test", "--junit", report, "--debug", **variables)
        evidence.call("unread test as JSON", 77, "account", "test", "--json", **variables)
    with evidence.doubtful_server() as variables:
        evidence.call("doubtful send", 81, *message, **variables)
    with ScriptedServer(submission_script(overrides={"AUTH": b"\xff" + evidence.secret.encode()})) as server:
        variables = environment_account(server.port) | {"FLUENZR_PASSWORD": evidence.secret}
        evidence.call("send to a babbling server", 76, *message, "--json", **variables)
    add = ("account", "add", USERNAME, "--name", "bad", "--preset", "ovh", "--no-test", "--debug")
    evidence.call("two sources", 64, *add, "--password-stdin", "--password-file", "x", stdin=evidence.secret)
    evidence.call("NUL", 65, *add, "--password-stdin", stdin=f"{evidence.secret}\0")
    evidence.call("not UTF-8", 65, *add, "--password-command", f"printf '%s\\377' {evidence.secret}")
    evidence.run("failing command", 78, *add, "--password-command", f"sh -c 'cat {secret_file}; exit 3'")
    url = f"smtps://u:{evidence.secret}@h.test"
    evidence.call("secret in the URL", 78, "account", "test", "--debug", FLUENZR_SMTP_URL=url)
    url = f"smtps://u%40h.test@h.test:{evidence.secret}"
    evidence.call(
        "secret in the wrong place of the URL", 78, "account", "test", "--json", FLUENZR_SMTP_URL=url
    )


def manage(evidence: Evidence) -> None:
    evidence.call("list", 0, "account", "list")
    evidence.call("list as JSON", 0, "account", "list", "--json", "--debug")
    evidence.call("show", 0, "account", "show", USERNAME)
    evidence.call("show as JSON", 0, "account", "show", "file", "--json")
    edit = ("account", "edit", "variable", "--no-test", "--password-stdin")
    evidence.call("edit", 0, *edit, "--debug", stdin=evidence.secret)
    evidence.call("rename", 0, "account", "rename", "variable", "renamed", "--json")
    evidence.call("default", 0, "account", "default", "renamed")
    evidence.call("remove", 0, "account", "remove", "renamed", "--yes", "--debug")
    key = VAULT_KEY.replace("5e", "a5")
    evidence.call("another key", 78, "account", "list", "--debug", FLUENZR_VAULT_KEY=key)


def report_a_bug(evidence: Evidence) -> None:
    for option in ("--debug", "--json"):
        child = subprocess.run(
            [sys.executable, "-c", BUG, "send", "--to", USERNAME, "--body", "x", option],
            env=evidence.program.environ, capture_output=True, text=True,
        )  # fmt: skip
        evidence.keep(f"a bug with {option}", 70, Ended(child.returncode, child.stdout, child.stderr))


def test_no_form_of_the_secret_is_told_or_written_anywhere(evidence: Evidence):
    leaks = {
        place: form
        for place, content in evidence.found.items()
        for form, looked_for in forms_of(evidence.secret).items()
        if looked_for in content
    }

    assert leaks == {}


def test_the_search_would_have_found_it(evidence: Evidence):
    places = evidence.found.keys()

    assert forms_of(evidence.secret)["AUTH PLAIN"] in evidence.heard
    assert any(form in evidence.heard_by_mailbox for form in forms_of(evidence.secret).values())
    assert any(place.startswith("file fluenzr/state/reports/bug-") for place in places)
    assert {"file fluenzr/vault.fluenzr", "file mail.xml", "file refused.xml", "file unread.xml"} <= places
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + evidence.secret.encode() + b"yz")
        assert forms_of(evidence.secret)[f"base64, shifted by {shift}"] in encoded


def test_a_password_command_sees_nothing_of_ours(mailhost: MailHost, own_home: Path):
    secret_file, seen = own_home / "secret", own_home / "seen"
    secret_file.write_text(mailhost.shop.secret)
    program = Program.at(own_home, FLUENZR_PASSWORD=mailhost.shop.secret, FLUENZR_LANG="en")
    script = own_home / "command.sh"
    script.write_text(
        f"cat /proc/$$/environ /proc/$$/cmdline /proc/$PPID/cmdline > '{seen}'\n"
        f"cat '{secret_file}'\ncat >> '{seen}'\n"
    )

    ended = program.run(
        "account", "add", USERNAME, "--preset", "ovh", "--no-test", "--password-command", f"sh '{script}'",
        stdin="the message that is piped in",
    )  # fmt: skip

    content = seen.read_bytes()
    assert ended.status == 0, ended.err
    assert b"--password-command" in content
    assert os.fsencode(f"FLUENZR_HOME={own_home / 'fluenzr'}") in content
    for hidden in (
        *forms_of(mailhost.shop.secret).values(),
        VAULT_KEY.encode(),
        b"FLUENZR_PASSWORD",
        b"piped in",
    ):
        assert hidden not in content


def test_no_core_file_is_written_that_might_hold_a_secret(own_home: Path):
    command = "sh -c 'ulimit -c >&2; exit 1'"

    ended = Program.at(own_home).run(
        "account", "add", "a@b.test", "--smtp-host", "localhost", "--password-command", command
    )

    assert ended.err.splitlines()[0] == "0"
