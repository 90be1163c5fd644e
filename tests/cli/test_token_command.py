"""Accounts that log in by an access token which a program of the user's prints: real Postfix and Dovecot."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.program import Ended, Program, server_options
from tests.servers.introspection import Introspection
from tests.servers.mailhost import MailHost

ADDRESS = "shop@shop.test"
TOKEN = "canary-token-93b1d7c2-of-the-tests"


@dataclass(frozen=True)
class Broker:
    """A program that prints what stands in a file, and counts how often."""

    folder: Path

    @property
    def command(self) -> str:
        script = (
            f"import pathlib; here = pathlib.Path({str(self.folder)!r}); "
            "(here / 'runs').open('a').write('x'); print((here / 'token').read_text())"
        )
        return shlex.join([sys.executable, "-c", script])

    def gives(self, token: str) -> None:
        (self.folder / "token").write_text(token)

    @property
    def runs(self) -> int:
        runs = self.folder / "runs"
        return len(runs.read_text()) if runs.exists() else 0


@pytest.fixture
def broker(tmp_path: Path) -> Broker:
    broker = Broker(tmp_path)
    broker.gives(TOKEN)
    return broker


@pytest.fixture
def bearer(program: Program, tokenhost: MailHost, provider: Introspection, broker: Broker) -> Program:
    """A program with an account that logs in by tokens."""
    provider.tokens.clear()
    provider.tokens[TOKEN] = ADDRESS
    ended = added(program, tokenhost, "--token-command", broker.command)
    assert ended.status == 0, ended.out
    return program


def added(program: Program, host: MailHost, *options: str, stdin: str = "") -> Ended:
    command = ("account", "add", ADDRESS, "--name", "shop", *server_options(host), *options, "--json")
    return program.call(*command, stdin=stdin)


def test_account_is_tried_and_kept_with_its_command_alone(bearer: Program, broker: Broker):
    account = bearer.account("shop")

    assert (account["login"], account["has_secret"]) == ("token-command", True)
    assert broker.runs >= 2  # at the submission server, and at the mailbox
    assert TOKEN.encode() not in b"".join(bearer.files().values())


def test_show_names_the_program_and_not_its_arguments(bearer: Program, broker: Broker):
    shown = bearer.call("account", "show", "shop").out

    assert f"printed by a command at each login ({Path(sys.executable).name})" in shown
    assert str(broker.folder) not in shown


def test_message_is_sent_and_comes_back(bearer: Program):
    ended = bearer.call("account", "test", "shop", "--json")

    (found,) = ended.data["accounts"]
    mechanisms = [each["facts"].get("mechanism") for each in found["checks"] if each["stage"] == "auth"]
    assert ended.status == 0, ended.out
    assert mechanisms == ["OAUTHBEARER", "OAUTHBEARER"]


def test_token_is_asked_for_anew_at_each_login(bearer: Program, broker: Broker, provider: Introspection):
    before = broker.runs
    provider.tokens.clear()
    provider.tokens["another token"] = ADDRESS
    broker.gives("another token")

    ended = bearer.call("send", "--to", ADDRESS, "--subject", "Hi", "--body", "Hi", "--json")

    assert ended.status == 0, ended.out
    assert broker.runs == before + 1


def test_token_that_does_not_hold_is_a_problem_of_its_own(
    bearer: Program, broker: Broker, provider: Introspection
):
    before = broker.runs
    provider.tokens.clear()

    ended = bearer.call("send", "--to", ADDRESS, "--subject", "Hi", "--body", "Hi", "--json")

    assert (ended.status, ended.codes) == (77, ["oauth-token-rejected"])
    assert broker.runs == before + 2


def test_token_is_shown_nowhere(bearer: Program, broker: Broker, provider: Introspection):
    sent = bearer.call("send", "--to", ADDRESS, "--subject", "Hi", "--body", "Hi", "--debug")
    looked = bearer.call("diagnose", "shop", "--transcript", "--report", str(broker.folder / "report.html"))
    provider.tokens.clear()
    refused = bearer.call("diagnose", "shop", "--transcript", "--debug")
    report = (broker.folder / "report.html").read_text()

    assert sent.status == 0
    for ended in (sent, looked, refused):
        assert TOKEN not in ended.out + ended.err
        assert "AUTH OAUTHBEARER" in looked.out or "AUTHENTICATE OAUTHBEARER" in looked.out
    assert TOKEN not in report


def test_replies_are_read(bearer: Program):
    assert bearer.call("replies", "--json").status == 0


def test_password_takes_the_place_of_the_command_and_back(
    bearer: Program, tokenhost: MailHost, broker: Broker
):
    password = tokenhost.shop.secret
    to_password = bearer.call("account", "edit", "shop", "--password-stdin", "--json", stdin=password)
    to_token = bearer.call("account", "edit", "shop", "--token-command", broker.command, "--json")

    assert to_password.data["account"]["login"] == "password"
    assert to_token.data["account"]["login"] == "token-command"


def test_export_carries_the_command(bearer: Program, tmp_path: Path):
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse battery staple")
    given = ("--passphrase-file", str(passphrase))
    copy = tmp_path / "copy"
    exported = bearer.call("vault", "export", str(copy), *given, "--json")
    other = Program.at(tmp_path / "other")
    imported = other.call("vault", "import", str(copy), *given, "--json")

    assert (exported.status, imported.status) == (0, 0), exported.out + imported.out
    assert other.account("shop")["login"] == "token-command"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("no-such-program-at-all", "secret-command-failed"),
        ("false", "secret-command-failed"),
        ("true", "secret-empty"),
        ("'unclosed", "secret-command-failed"),
        ("", "secret-command-failed"),
    ],
)
def test_command_that_gives_no_token_is_told(program: Program, tokenhost: MailHost, command, code):
    ended = added(program, tokenhost, "--token-command", command)

    assert ended.codes[:1] == [code], ended.out
    assert not program.vault.exists()


def test_password_and_token_exclude_each_other(program: Program, tokenhost: MailHost, broker: Broker):
    ended = added(program, tokenhost, "--token-command", broker.command, "--password-stdin", stdin="x")

    assert ended.codes == ["usage-invalid"]
    assert broker.runs == 0


def test_environment_names_the_command(
    program: Program, tokenhost: MailHost, provider: Introspection, broker: Broker
):
    provider.tokens.clear()
    provider.tokens[TOKEN] = ADDRESS
    named = program.with_variables(
        FLUENZR_SMTP_URL=f"smtp://shop%40shop.test@localhost:{tokenhost.submission_port}",
        FLUENZR_CA_FILE=str(tokenhost.ca_file),
        FLUENZR_TOKEN_COMMAND=broker.command,
        FLUENZR_PASSWORD="not to be used",
    )

    ended = named.call("send", "--to", ADDRESS, "--subject", "Hi", "--body", "Hi", "--json")

    assert ended.status == 0, ended.out
    assert broker.runs == 1


def test_person_is_told_of_tokens_before_a_password_is_asked_for(program: Program):
    ended = program.at_terminal(
        "account",
        "add",
        "me@outlook.com",
        "--no-test",
        dialogue=[("by OAuth? [Y/n]: ", "n\n"), ("Password of me@outlook.com: ", "x\n")],
    )

    assert "--token-command" in ended.err.partition("Password of")[0]
