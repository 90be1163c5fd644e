"""Wrong inputs, one by one: one sentence and a code, the right exit status, and nothing written or lost."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.cli.program import PROGRAM, Program
from tests.servers.scripted import ScriptedServer, Silence

OTHER_KEY = "a5" * 32
PASSPHRASE = "the passphrase of a test"

ADD = ("account", "add", "me@shop.test", "--smtp-host", "smtp.shop.test", "--no-imap", "--no-test")
WITH_SECRET = (*ADD, "--password-stdin")
# Nobody listens on port 1: a command that gets as far as that has read all of its input.
HOST = {"FLUENZR_SMTP_URL": "smtp+plain://me%40shop.test@127.0.0.1:1", "FLUENZR_PASSWORD": "x"}
SEND = ("send", "--to", "you@example.org")


@dataclass(frozen=True)
class Home:
    """What the home holds before the command runs: an account ``a``, then some change to the files."""

    has_account: bool = False
    variables: dict[str, str | None] = field(default_factory=dict)
    harm: Callable[[Program], object] = lambda _: None

    def furnish(self, program: Program) -> Program:
        """Return the program that lives there."""
        if self.has_account:
            ended = program.call(*WITH_SECRET, "--name", "a", stdin="secret")
            assert ended.status == 0, ended.err
        self.harm(program)
        return program.with_variables(**self.variables)


EMPTY = Home()
ACCOUNT = Home(has_account=True)
SENDER = Home(variables=HOST)


def flip_a_byte(program: Program) -> None:
    content = bytearray(program.vault.read_bytes())
    content[-20] ^= 1
    program.vault.write_bytes(content)


def cut(program: Program) -> None:
    program.vault.write_bytes(program.vault.read_bytes()[:-30])


def to_a_link(program: Program) -> None:
    program.vault.rename(program.vault.with_name("elsewhere"))
    program.vault.symlink_to("elsewhere")


def own(name: str, content: str) -> Callable[[Program], object]:
    def write(program: Program) -> None:
        program.vault.parent.mkdir(mode=0o700, exist_ok=True)
        (program.vault.parent / name).write_text(content)

    return write


def vault_of_a_passphrase(program: Program) -> None:
    keeper = program.with_variables(FLUENZR_VAULT_KEY=None, FLUENZR_VAULT_PASSPHRASE=PASSPHRASE)
    assert keeper.call(*WITH_SECRET, "--name", "a", stdin="secret").status == 0


PASSPHRASE_WRONG = {"FLUENZR_VAULT_KEY": None, "FLUENZR_VAULT_PASSPHRASE": "another"}

ROWS = [
    # -- 64: how the command was given
    ("unknown command", EMPTY, ("acount",), "", 64, "usage-invalid"),
    ("unknown option", EMPTY, (*WITH_SECRET, "--presset", "ovh"), "x", 64, "usage-invalid"),
    ("unknown preset", EMPTY, ("account", "add", "me@shop.test", "--preset", "hov"), "", 64,
     "preset-unknown"),
    ("port of letters", EMPTY, (*WITH_SECRET, "--smtp-port", "smtp"), "x", 64, "usage-invalid"),
    ("port 0", EMPTY, (*WITH_SECRET, "--smtp-port", "0"), "x", 64, "setting-invalid"),
    ("port too high", EMPTY, (*WITH_SECRET, "--smtp-port", "65536"), "x", 64, "setting-invalid"),
    ("unknown encryption", EMPTY, (*WITH_SECRET, "--encryption", "tls1.3"), "x", 64, "setting-invalid"),
    ("plain text elsewhere", EMPTY, (*WITH_SECRET, "--encryption", "none"), "x", 64, "encryption-required"),
    ("host with a blank", EMPTY, (*WITH_SECRET, "--smtp-host", "a b"), "x", 64, "setting-invalid"),
    ("host with a line break", EMPTY, (*WITH_SECRET, "--smtp-host", "a\r\nb"), "x", 64, "setting-invalid"),
    ("password as an option", EMPTY, (*ADD, "--password", "x"), "", 64, "usage-invalid"),
    ("no secret given", EMPTY, ADD, "", 64, "input-required"),
    ("no value at all", EMPTY, ("account", "add"), "", 64, "input-required"),
    ("no recipient", SENDER, ("send", "--body", "x"), "", 64, "input-required"),
    ("two bodies", SENDER, (*SEND, "--body", "x", "--body-file", "y"), "", 64, "usage-invalid"),
    ("raw and subject", SENDER, (*SEND, "--raw", "-", "--subject", "x"), "", 64, "usage-invalid"),
    ("time-out of 0", SENDER, (*SEND, "--timeout", "0"), "", 64, "usage-invalid"),
    ("nobody in a ready-made one", SENDER, ("send", "-t"), "Subject: x\n\nx", 64, "input-required"),
    # -- 65: data
    ("address without at", EMPTY, ("account", "add", "me.shop.test", "--preset", "ovh", "--password-stdin"),
     "x", 65,
     "address-malformed"),
    ("empty password", EMPTY, WITH_SECRET, "", 65, "secret-empty"),
    ("NUL in the password", EMPTY, WITH_SECRET, "a\0b", 65, "secret-malformed"),
    ("line break in a name", EMPTY, (*WITH_SECRET, "--display-name", "a\nBcc: b@c.test"), "x", 65,
     "header-malformed"),
    ("line break in the user name", EMPTY, (*WITH_SECRET, "--username", "a\rb"), "x", 65, "header-malformed"),
    ("malformed recipient", SENDER, ("send", "--to", "you@", "--body", "x"), "", 65, "address-malformed"),
    ("line break in a recipient", SENDER, ("send", "--to", "a@b.test\r\nRCPT TO:<c@d.test>", "--body", "x"),
     "", 65,
     "address-malformed"),
    ("two addresses in one", SENDER, ("send", "--to", "a@b.test c@d.test", "--body", "x"), "", 65,
     "address-malformed"),
    ("line break in the subject", SENDER, (*SEND, "--subject", "a\r\nBcc: c@d.test", "--body", "x"), "", 65,
     "header-malformed"),
    ("encoded line break in the subject", SENDER, (*SEND, "--subject", "=?utf-8?q?x=0D=0ABcc:c=40d.test?=",
     "--body", "x"), "", 65, "header-malformed"),
    ("line break in a header", SENDER, (*SEND, "--header", "X-A: b\nBcc: c@d.test", "--body", "x"), "", 65,
     "header-malformed"),
    ("header without colon", SENDER, (*SEND, "--header", "X-A", "--body", "x"), "", 65, "header-malformed"),
    ("NUL in the text", SENDER, SEND, "a\0b", 65, "message-malformed"),
    ("text that is no UTF-8", SENDER, SEND, b"\xff\xfe", 65, "message-malformed"),
    ("ready-made nonsense", SENDER, (*SEND, "--raw", "-"), "no header\n\nx", 65, "message-malformed"),
    ("control in --to of the test", SENDER, ("account", "test", "--to", "a@b.test\x1b"), "", 65,
     "address-malformed"),
    # -- 66: files
    ("no body file", SENDER, (*SEND, "--body-file", "/nowhere/x"), "", 66, "file-missing"),
    ("no attachment", SENDER, (*SEND, "--body", "x", "--attach", "/nowhere/x"), "", 66, "file-missing"),
    ("attachment is a folder", SENDER, (*SEND, "--body", "x", "--attach", "/"), "", 66, "file-unreadable"),
    ("no ready-made file", SENDER, (*SEND, "--raw", "/nowhere/x"), "", 66, "file-missing"),
    ("no password file", EMPTY, (*ADD, "--password-file", "/nowhere/x"), "", 66, "file-missing"),
    # -- 65 and 78: what the home holds
    ("no account yet", EMPTY, (*SEND, "--body", "x"), "", 78, "account-none"),
    ("unknown account", ACCOUNT, (*SEND, "--body", "x", "--account", "b"), "", 78, "account-unknown"),
    ("unknown account of the environment", Home(has_account=True, variables={"FLUENZR_ACCOUNT": "b"}),
     (*SEND, "--body", "x"), "", 78, "account-unknown"),
    ("another vault key", Home(has_account=True, variables={"FLUENZR_VAULT_KEY": OTHER_KEY}), ("account",
     "list"),
     "", 78, "vault-key-wrong"),
    ("vault key that is none", Home(variables={"FLUENZR_VAULT_KEY": "short"}), WITH_SECRET, "x", 78,
     "environment-invalid"),
    ("a passphrase for a vault with a key", Home(has_account=True, variables=PASSPHRASE_WRONG), ("account",
     "list"),
     "", 78, "vault-locked"),
    ("wrong passphrase", Home(harm=vault_of_a_passphrase, variables=PASSPHRASE_WRONG), ("account", "list"),
     "", 78,
     "vault-passphrase-wrong"),
    ("key and passphrase", Home(variables={"FLUENZR_VAULT_PASSPHRASE": "x"}), WITH_SECRET, "x", 78,
     "environment-invalid"),
    ("damaged vault", Home(has_account=True, harm=flip_a_byte), ("account", "list"), "", 65, "vault-damaged"),
    ("damaged vault, adding", Home(has_account=True, harm=flip_a_byte), WITH_SECRET, "x", 65,
     "vault-damaged"),
    ("cut vault", Home(has_account=True, harm=cut), ("account", "remove", "a", "--yes"), "", 65,
     "vault-damaged"),
    ("vault that is none", Home(harm=own("vault.fluenzr", "hello")), ("account", "list"), "", 65,
     "vault-damaged"),
    ("a file where the folder should be", Home(harm=lambda program: program.vault.parent.write_text("")),
     WITH_SECRET,
     "x", 66, "file-unreadable"),
    ("a link where the vault should be", Home(has_account=True, harm=to_a_link), ("account", "list"), "", 78,
     "vault-unsafe"),
    ("broken config", Home(has_account=True, harm=own("config.toml", "default_account = ")), ("account",
     "list"), "",
     78, "config-invalid"),
    ("default account of another type", Home(has_account=True, harm=own("config.toml",
     "default_account = 1")),
     (*SEND, "--body", "x"), "", 78, "config-invalid"),
    ("broken presets", Home(harm=own("presets.toml", "[mine]\nsmtp = 1")),
     ("account", "add", "me@shop.test", "--preset", "ovh"), "", 78, "preset-invalid"),
    # -- 68 to 76: the network
    ("unknown host", EMPTY, (*WITH_SECRET[:-2], "--password-stdin"), "x", 68, "dns-host-unknown"),
    ("closed port", SENDER, (*SEND, "--body", "x"), "", 75, "connect-refused"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("home", "arguments", "stdin", "status", "code"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_wrong_input_has_one_sentence_a_code_and_a_status_and_writes_nothing(
    program: Program, home: Home, arguments, stdin, status, code
):
    told = home.furnish(program)
    before = program.files()

    script = told.call(*arguments, "--json", stdin=stdin)
    person = told.call(*arguments, stdin=stdin)

    errors = [line for line in person.err.splitlines() if line.startswith("error: ")]
    assert (script.status, script.codes) == (status, [code])
    assert "error" not in script.err
    assert person.status == status
    assert len(errors) == 1
    assert errors[0].endswith(f" [{code}]")
    assert len(errors[0]) < 300
    assert "Traceback" not in person.err
    assert program.files() == before


def test_the_statuses_of_the_table_are_those_of_the_process_itself(program: Program):
    some = [
        row
        for row in ROWS
        if row[0] in {"unknown preset", "malformed recipient", "no body file", "no account yet"}
    ]

    ended = [
        home.furnish(program).run(*arguments, stdin=stdin).status for _, home, arguments, stdin, _, _ in some
    ]

    assert ended == [row[4] for row in some]


def test_a_server_that_says_nothing_is_given_up_after_the_time_out(program: Program):
    with ScriptedServer((Silence(),)) as server:
        url = f"smtps://me%40shop.test@127.0.0.1:{server.port}"
        ended = program.with_variables(**HOST | {"FLUENZR_SMTP_URL": url}).call(
            *SEND, "--body", "x", "--timeout", "1", "--json"
        )

    assert (ended.status, ended.codes) == (75, ["reply-timeout"])


@pytest.mark.parametrize("has_account", [False, True], ids=["new vault", "vault with an account"])
def test_a_full_disk_is_74_and_the_vault_stays_as_it_is(program: Program, has_account):
    told = Home(has_account=has_account).furnish(program)
    before = program.files()

    child = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$0" "$@"', *PROGRAM, *WITH_SECRET, "--name", "b"],
        env=told.environ, input=b"secret", capture_output=True,
    )  # fmt: skip

    after, vault = program.files(), "fluenzr/vault.fluenzr"
    assert child.returncode == 74, child.stderr
    assert b"[disk-full]" in child.stderr
    assert after.get(vault) == before.get(vault)
    assert not any(name.endswith(".tmp") for name in after)
