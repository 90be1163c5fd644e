"""The error boundary: every way to end has its words and its exit status, and no traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fluenzr_smtp import __version__
from fluenzr_smtp.app import App
from fluenzr_smtp.cli.main import run
from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ProblemCode, Stage
from tests.cli.program import environment_account
from tests.cli.terminal import at_terminal
from tests.servers.scripted import ScriptedServer, submission_script

PROGRAM = [sys.executable, "-m", "fluenzr_smtp"]
CANARY = "correct-horse"


class FailingApp(App):
    """A program whose catalogue fails in a given way."""

    error: BaseException

    @property
    def presets(self):
        secret = CANARY  # noqa: F841 - a local variable that no report may show
        raise self.error


def failing(error: BaseException) -> FailingApp:
    real = App.of_this_process()
    app = FailingApp(environ=real.environ, clock=real.clock)
    app.error = error
    return app


def test_the_version_is_shown(capsys):
    assert run(["--version"]) == 0

    assert capsys.readouterr().out == f"fluenzr {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["-h"], ["--help"], ["presets", "-h"], ["presets", "list", "-h"]], ids=" ".join
)
def test_help_is_data(arguments, capsys):
    assert run(arguments) == 0

    out, err = capsys.readouterr()
    assert "Usage: fluenzr" in out
    assert err == ""


@pytest.mark.parametrize("use_rich", ["0", "1"])
def test_help_works_with_and_without_rich(use_rich):
    child = subprocess.run(
        [*PROGRAM, "presets", "show", "--help"],
        capture_output=True, text=True, env={**os.environ, "TYPER_USE_RICH": use_rich},
    )  # fmt: skip

    assert child.returncode == 0
    for part in ("Usage: fluenzr presets show", "--json", "Examples:", "fluenzr presets show ovh"):
        assert part in child.stdout


@pytest.mark.parametrize("arguments", [[], ["presets"]], ids=["program", "group"])
def test_no_command_shows_the_help_and_is_wrong_usage(arguments, capsys):
    assert run(arguments) == 64

    assert "Usage: fluenzr" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["preset"], "Did you mean 'presets'?"),
        (["presets", "lst"], "Did you mean 'list'?"),
        (["presets", "list", "--jsn"], "--json"),
        (["presets", "show"], "Missing argument 'KEY'"),
        (["presets", "show", "a", "b"], "unexpected extra argument"),
        (["--lang"], "requires an argument"),
    ],
    ids=["command", "verb", "option", "missing", "too many", "no value"],
)
def test_wrong_usage_is_one_sentence_and_64(arguments, words, capsys):
    assert run(arguments) == 64

    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.startswith("error: ")
    assert "[usage-invalid]" in err
    assert re.search(r"fix: Run 'fluenzr.* --help'", err)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--json"],
        ["--json", "presets"],
        ["presets", "--json"],
        ["nonsense", "--json"],
        ["presets", "show", "--json"],
        ["presets", "show", "nix", "--json"],
        ["presets", "show", "--json", "nix"],
        ["--json", "presets", "show", "nix"],
        ["--nonsense", "--json"],
    ],
    ids=" ".join,
)
def test_with_json_every_failure_is_exactly_one_document(arguments, capsys):
    assert run(arguments) == 64

    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (document["status"], document["exit_code"], len(document["problems"])) == ("error", 64, 1)
    assert err == ""


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (failure(ProblemCode.VAULT_BUSY, Stage.VAULT), 75, "vault-busy"),
        (failure(ProblemCode.AUTH_REJECTED, Stage.AUTH), 77, "auth-rejected"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (EOFError(), 130, "interrupted"),
        (OSError(28, "No space left on device", "/somewhere"), 74, "disk-full"),
        (MemoryError(), 70, "bug"),
        (RecursionError(), 70, "bug"),
        (BrokenPipeError(), 70, "bug"),
        (ValueError(CANARY), 70, "bug"),
    ],
    ids=[
        "transient",
        "refused",
        "Ctrl-C",
        "Ctrl-D",
        "disk",
        "memory",
        "recursion",
        "somebody else's pipe",
        "bug",
    ],
)
def test_every_error_ends_in_its_problem_and_status(error, status, code, capsys):
    assert run(["presets", "list"], app=failing(error)) == status

    out, err = capsys.readouterr()
    assert out == ""
    assert f" [{code}]\n" in err
    assert "Traceback" not in err


def test_an_interruption_is_one_line(capsys):
    run(["presets", "list"], app=failing(KeyboardInterrupt()))

    assert capsys.readouterr().err == "error: Interrupted [interrupted]\n"


def test_a_bug_leaves_a_report_without_values(own_home, capsys):
    cause = ValueError(CANARY)
    cause.__cause__ = KeyError(CANARY)

    run(["presets", "list"], app=failing(cause))

    (path,) = (own_home / "fluenzr" / "state" / "reports").iterdir()
    told = path.read_text()
    assert str(path) in capsys.readouterr().err
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    for part in ("builtins.ValueError", "builtins.KeyError", __version__, "presets list", "cli/main.py:"):
        assert part in told
    for part in (CANARY, str(Path.home()), "raise self.error"):
        assert part not in told


def test_a_bug_that_cannot_be_reported_is_told_all_the_same(own_home, capsys):
    (own_home / "fluenzr").write_text("not a folder")

    assert run(["presets", "list"], app=failing(ValueError())) == 70

    assert "--debug" in capsys.readouterr().err


def test_a_traceback_is_shown_on_demand_and_without_local_variables(capsys):
    run(["presets", "list", "--debug"], app=failing(ValueError("cause")))

    err = capsys.readouterr().err
    assert "Traceback" in err
    assert CANARY not in err


@pytest.mark.parametrize(
    "arguments",
    [["presets", "show", "ovh"], ["presets", "list", "--json"], ["--help"], ["--version"]],
    ids=" ".join,
)
def test_a_full_disk_under_stdout_is_74_and_said(arguments):
    with Path("/dev/full").open("w") as full:
        child = subprocess.run([*PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True)

    assert child.returncode == 74
    assert child.stderr.startswith("error: The disk is full: stdout cannot be written [disk-full]\n")
    assert "Traceback" not in child.stderr
    assert "Exception ignored" not in child.stderr


@pytest.fixture(params=["full disk", "closed pipe"])
def unwritable(request):
    """A descriptor that takes nothing."""
    if request.param == "full disk":
        writer = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, writer = os.pipe()
        os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["send", "--to", "a@b.test", "--body", "x"], 0),
        (["send", "--to", "a@b.test", "--body", "x", "--json"], 0),
        (["presets", "show", "nix"], 64),
        (["presets", "show", "nix", "--debug"], 64),
    ],
    ids=["accepted", "accepted, JSON", "refused", "refused, traceback"],
)
def test_stderr_that_takes_nothing_leaves_the_status_as_it_is(arguments, status, unwritable):
    with ScriptedServer(submission_script()) as server:
        child = subprocess.run(
            [*PROGRAM, *arguments],
            stdout=subprocess.PIPE,
            stderr=unwritable,
            # Buffered: what could not be written is tried again at the interpreter's end.
            env={**os.environ, **environment_account(server.port), "PYTHONUNBUFFERED": ""},
        )

    assert child.returncode == status
    assert bool(child.stdout) == (status == 0)


def test_stdout_and_stderr_that_take_nothing_are_74():
    with Path("/dev/full").open("w") as full:
        child = subprocess.run(
            [*PROGRAM, "presets", "show", "ovh"],
            stdout=full, stderr=full, env={**os.environ, "PYTHONUNBUFFERED": ""},
        )  # fmt: skip

    assert child.returncode == 74


@pytest.mark.parametrize(
    "arguments", [["presets", "show", "ovh"], ["presets", "list", "--json"], ["--version"]], ids=" ".join
)
def test_a_reader_that_has_gone_ends_the_program_quietly(arguments):
    reader, writer = os.pipe()
    os.close(reader)

    child = subprocess.run([*PROGRAM, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True)

    os.close(writer)
    assert (child.returncode, child.stderr) == (141, "")


@pytest.mark.parametrize(
    ("redirection", "arguments", "status"),
    [
        ("<&-", "presets show ovh", 0),
        (">&-", "presets show ovh", 74),
        ("2>&-", "presets show nix", 64),
        ("<&- >&- 2>&-", "--version", 0),
    ],
    ids=["stdin", "stdout", "stderr", "all"],
)
def test_closed_standard_streams_are_no_bug(redirection, arguments, status):
    child = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m fluenzr_smtp {arguments} {redirection}'], capture_output=True
    )

    assert child.returncode == status


def test_json_is_utf_8_whatever_the_locale(own_home):
    (own_home / "fluenzr").mkdir()
    (own_home / "fluenzr" / "presets.toml").write_text(
        '[mine]\nname = "Über"\nsmtp = [{ host = "mail.example.org", port = 465, encryption = "ssl" }]\n',
        encoding="utf-8",
    )

    child = subprocess.run(
        [*PROGRAM, "presets", "show", "mine", "--json"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )

    assert json.loads(child.stdout.decode("utf-8"))["data"]["preset"]["name"] == "Über"


def test_an_argument_that_is_not_utf_8_is_no_bug():
    child = subprocess.run([*PROGRAM, "presets", "show", b"\xff\x1b[2J", "--json"], capture_output=True)

    assert child.returncode == 64
    assert json.loads(child.stdout)["problems"][0]["facts"]["key"] == "\udcff\x1b[2J"


def test_ctrl_c_at_a_terminal_is_130_and_one_line():
    script = (
        "import sys\n"
        "from fluenzr_smtp.app import App\n"
        "from fluenzr_smtp.cli.main import run\n"
        "class Waiting(App):\n"
        "    @property\n"
        "    def presets(self):\n"
        "        print('waiting', file=sys.stderr, flush=True)\n"
        "        sys.stdin.read()\n"
        "real = App.of_this_process()\n"
        "sys.exit(run(['presets', 'list'], app=Waiting(environ=real.environ, clock=real.clock)))\n"
    )

    session = at_terminal(script, ("waiting", "\x03"), environ={"NO_COLOR": "1"})

    assert session.status == 130
    assert session.screen.endswith("\nerror: Interrupted [interrupted]\n")


# Without a terminal, so that a signal comes exactly where it is wanted.
HEEDED = "import atexit, os, signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"


def ended_by(script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", HEEDED + script], capture_output=True, text=True, env={**os.environ, **environ}
    )


def test_ctrl_c_while_the_program_is_loaded_is_130_and_one_line():
    ended = ended_by(
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'fluenzr_smtp.cli.tree':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from fluenzr_smtp.__main__ import main\n"
        "sys.argv[1:] = ['presets', 'list']\n"
        "main()\n"
    )

    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "error: Interrupted [interrupted]\n"


def test_ctrl_c_while_a_class_is_made_in_an_import_is_130(capsys):
    error = RuntimeError("Error calling __set_name__")
    error.__cause__ = KeyboardInterrupt()

    assert run(["presets", "list"], app=failing(error)) == 130

    assert capsys.readouterr().err == "error: Interrupted [interrupted]\n"


@pytest.mark.parametrize(
    "moment",
    [
        # stdout is where the result goes: the first write is the result's
        "class Out(io.TextIOWrapper):\n"
        "    def write(self, text):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        return super().write(text)\n"
        "sys.stdout = Out(sys.stdout.buffer)\n",
        "atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))\n",
        "class Last:\n"
        "    def __del__(self, kill=os.kill, me=os.getpid(), what=signal.SIGINT):\n"
        "        kill(me, what)\n"
        "sys.last = Last()\n",
    ],
    ids=["result", "exit", "the interpreter's end"],
)
def test_ctrl_c_after_the_result_is_decided_changes_nothing(moment):
    with ScriptedServer(submission_script()) as server:
        ended = ended_by(
            "import io\nfrom fluenzr_smtp.__main__ import main\n"
            "sys.argv[1:] = ['send', '--to', 'a@b.test', '--body', 'x']\n" + moment + "main()\n",
            **environment_account(server.port),
        )

    assert ended.returncode == 0
    assert ended.stdout.startswith("accepted ")
    assert "Traceback" not in ended.stderr


def test_a_program_that_is_told_not_to_heed_ctrl_c_does_not():
    ended = ended_by(
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from fluenzr_smtp.app import App\n"
        "from fluenzr_smtp.__main__ import main\n"
        "App.presets = property(lambda self: os.kill(os.getpid(), signal.SIGINT) or sys.exit(7))\n"
        "sys.argv[1:] = ['presets', 'list']\n"
        "main()\n"
    )

    assert (ended.returncode, ended.stderr) == (7, "")


@pytest.mark.parametrize(
    "arguments", [["account", "list"], ["presets", "list", "--json"], ["vault", "status"]], ids=" ".join
)
def test_a_home_of_somebody_unknown_is_told(arguments, monkeypatch, capsys):
    monkeypatch.setenv("FLUENZR_HOME", "~nobody-of-this-name/x")

    assert run(arguments) == 78

    out, err = capsys.readouterr()
    assert "environment-invalid" in out + err


def test_a_bug_where_the_home_is_unknown_is_told_all_the_same(monkeypatch, capsys):
    monkeypatch.setenv("FLUENZR_HOME", "~nobody-of-this-name/x")

    assert run(["presets", "list"], app=failing(ValueError())) == 70

    assert " [bug]\n" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["COLUMNS", "LINES", "TERMINAL_WIDTH"])
@pytest.mark.parametrize("size", ["9" * 5000, "\u00b2", "wide"], ids=["huge", "superscript", "word"])
def test_a_senseless_size_of_the_terminal_is_no_bug(name, size):
    child = subprocess.run(
        [*PROGRAM, "--help"], capture_output=True, text=True, env={**os.environ, name: size}
    )

    assert (child.returncode, child.stderr) == (0, "")


def test_shell_completion_knows_the_commands():
    environ = {"_FLUENZR_COMPLETE": "complete_bash", "COMP_WORDS": "fluenzr presets s", "COMP_CWORD": "2"}

    child = subprocess.run(
        [sys.executable, "-c", "from fluenzr_smtp.__main__ import main; main()"],
        capture_output=True, text=True, env={**os.environ, **environ},
    )  # fmt: skip

    assert (child.returncode, child.stdout.split()) == (0, ["show"])
