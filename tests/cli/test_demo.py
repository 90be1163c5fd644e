"""The demo: real commands on a real server, nothing of the user's touched, nothing left behind."""

from __future__ import annotations

import dataclasses
import shlex
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluenzr_smtp.app import App
from fluenzr_smtp.cli.demo import Step, perform
from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ExitStatus
from fluenzr_smtp.sandbox import Sandbox, running
from tests.cli.program import PROGRAM, Ended, Program

COMMANDS = ("account add", "account test", "diagnose", "send", "guide")


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the demo may make its folder."""
    folder = tmp_path / "temporary files"
    folder.mkdir()
    return folder


@pytest.fixture
def program(own_home: Path, temporary: Path) -> Program:
    return Program.at(own_home, TMPDIR=str(temporary))


def test_the_demo_shows_every_command_and_what_arrived(program: Program):
    ended = program.run("demo")

    assert (ended.status, ended.err) == (0, "")
    shown = [line for line in ended.out.splitlines() if line.startswith("$ ")]
    assert [line.startswith(f"$ fluenzr {each}") for line, each in zip(shown, COMMANDS, strict=True)]
    assert ended.out.count("ok      auth") == 3
    assert "Subject     Grüße from the demo\n" in ended.out
    assert "Attachment  figures.csv, 42 bytes\n" in ended.out


def test_with_json_there_is_one_document_that_holds_those_of_the_commands(program: Program):
    ended = program.run("demo", "--json")

    assert (ended.status, ended.err) == (0, "")
    steps = ended.data["steps"]
    assert [step["document"]["command"] for step in steps] == list(COMMANDS)
    assert [step["exit_code"] for step in steps] == [0] * len(COMMANDS)
    assert ended.data["message"]["recipients"] == ["you@example.test"]
    assert ended.data["message"]["subject"] == "Grüße from the demo"
    assert ended.data["message"]["attachments"] == [{"name": "figures.csv", "size_bytes": 42}]


def test_nothing_of_the_users_is_read_or_written(program: Program, temporary: Path):
    program.vault.parent.mkdir(mode=0o700)
    program.vault.write_bytes(b"not to be touched")
    (program.vault.parent / "config.toml").write_text('default_account = "mine"\n')
    before = program.files()
    theirs = program.with_variables(
        FLUENZR_ACCOUNT="mine",
        FLUENZR_SMTP_URL="smtps://me@mail.example.test",
        FLUENZR_PASSWORD="mine",
        FLUENZR_VAULT_KEY="not a key",
        PYTHON_KEYRING_BACKEND="no.such.Keyring",
    )

    ended = theirs.run("demo")

    assert ended.status == 0
    assert program.files() == before
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_a_demo_that_is_broken_off_leaves_nothing(program: Program, temporary: Path, number, status):
    with program.start("demo") as child:
        while b"1. " not in child.stdout.readline():
            continue
        child.send_signal(number)
        out, _ = child.communicate(timeout=20)  # ends when the last process that can write has ended

    assert child.returncode == status
    assert b"4. " not in out
    assert list(temporary.iterdir()) == []


def test_the_demo_ends_when_nobody_reads_on(program: Program, temporary: Path):
    script = f"{shlex.join(PROGRAM)} demo | head -n 1 >/dev/null; exit ${{PIPESTATUS[0]}}"

    ended = subprocess.run(["bash", "-c", script], env=program.environ, capture_output=True, text=True)

    assert (ended.returncode, ended.stderr) == (141, "")
    assert list(temporary.iterdir()) == []


# -- a step that fails -----------------------------------------------------------------------------------


@pytest.fixture
def with_wrong_secret(tmp_path: Path):
    """A sandbox that will refuse the login which the demo is told."""
    folder = tmp_path / "server"
    folder.mkdir()
    with running(folder, now=datetime.now(UTC)) as sandbox:
        yield dataclasses.replace(sandbox, secret=Secret("wrong"))


def test_a_step_that_fails_ends_the_demo_with_its_status(with_wrong_secret: Sandbox, tmp_path: Path, capfd):
    run = Invocation.of_this_process(App.of_this_process())
    run.command = "demo"

    perform(run, with_wrong_secret, tmp_path)

    out, err = capfd.readouterr()
    assert run.output.exit_status is ExitStatus.NO_PERMISSION
    assert "2. " not in out
    assert "[auth-rejected]" in err
    assert "The demo ends here: exit status 77 of 'fluenzr account add " in err


def test_with_json_the_problem_of_a_step_is_that_of_the_demo(
    with_wrong_secret: Sandbox, tmp_path: Path, capfd
):
    run = Invocation.of_this_process(App.of_this_process())
    run.command = "demo"
    run.answer_in_json()

    perform(run, with_wrong_secret, tmp_path)

    ended = Ended(run.output.exit_status, *capfd.readouterr())
    assert ended.codes == ["auth-rejected"]
    assert ended.document["problems"][0]["reply"]["enhanced"] == "5.7.8"
    assert [step["exit_code"] for step in ended.data["steps"]] == [77]
    assert ended.data["message"] is None


def test_without_the_extra_it_is_said_what_to_install(program: Program):
    ended = program.at_terminal("demo", before="import sys; sys.modules['aiosmtpd'] = None")

    assert ended.status == 64
    assert "pip install 'fluenzr-smtp[sandbox]'" in ended.err


# -- how a command is shown ------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@settings(max_examples=50)
@given(words=st.lists(WORDS, min_size=1), width=st.none() | st.integers(min_value=1, max_value=80))
def test_a_shell_reads_the_shown_command_as_the_words_that_run(words, width):
    step = Step(purpose="", parts=tuple((word,) for word in words))
    shown = f"fluenzr() {{ printf '%s\\0' \"$@\"; }}; {step.typed(width=width)}"

    read = subprocess.run(["sh", "-c", shown], capture_output=True, check=True).stdout

    assert read.decode().split("\0")[:-1] == list(step.words)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_command_that_is_too_wide_goes_on_in_further_lines(width):
    parts = (("account", "add", "a@example.test"), *((f"--option-{n}", "value") for n in range(9)))
    step = Step(purpose="", parts=parts, stdin="secret")

    lines = f"$ {step.typed(width=width)}".splitlines()

    assert len(lines) > 1
    assert max(len(line) for line in lines) <= width
    assert lines[-1].endswith("< secret")


def test_without_the_extra_it_is_told_what_to_install(program: Program):
    hidden = "import sys; sys.modules['aiosmtpd'] = None"  # as where it is not installed
    script = f"{hidden}; sys.argv[1:] = ['demo', '--json']; from fluenzr_smtp.__main__ import main; main()"

    child = subprocess.run([PROGRAM[0], "-c", script], env=program.environ, capture_output=True, text=True)

    ended = Ended(child.returncode, child.stdout, child.stderr)
    assert (ended.status, ended.codes) == (64, ["extra-missing"])
    assert "fluenzr-smtp[sandbox]" in ended.document["problems"][0]["fix"]
