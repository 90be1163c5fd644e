"""Secrets from outside: the first line, exactly, or a named problem that does not show it."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp import secrets_in
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ProblemCode

CANARY = "correct-horse"

FIRST_LINES = pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"secret\n", "secret"),
        (b"secret", "secret"),
        (b"secret\r\n", "secret"),
        (b"secret\nsecond line\n", "secret"),
        (b" with blanks \n", " with blanks "),
        ("pässwörd 密码\n".encode(), "pässwörd 密码"),
        (b"\xef\xbb\xbfsecret\n", "secret"),
    ],
    ids=["line", "no line end", "CRLF", "two lines", "blanks", "not ASCII", "byte order mark"],
)
REFUSED = pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (b"", ProblemCode.SECRET_EMPTY, None),
        (b"\n", ProblemCode.SECRET_EMPTY, None),
        (b"a\0b\n", ProblemCode.SECRET_MALFORMED, "nul"),
        (b"a\rb\n", ProblemCode.SECRET_MALFORMED, "line-break"),
        (b"\xff\xfe\n", ProblemCode.SECRET_MALFORMED, "not-utf-8"),
        (b"x" * (secrets_in.MAX_BYTES + 1), ProblemCode.SECRET_MALFORMED, "too-long"),
    ],
    ids=["nothing", "empty line", "NUL", "CR", "not UTF-8", "too long"],
)


def problem_of(error: pytest.ExceptionInfo[FluenzrError]):
    return error.value.problem


def command(script: str) -> str:
    return shlex.join([sys.executable, "-c", script])


def from_command(text: str, *, environ=os.environ, timeout: float = 20):
    return secrets_in.from_command(text, environ=environ, timeout=timeout)


@FIRST_LINES
def test_stdin_gives_its_first_line(content, secret):
    assert secrets_in.from_stdin(io.BytesIO(content)).reveal() == secret


@FIRST_LINES
def test_file_gives_its_first_line(tmp_path, content, secret):
    path = tmp_path / "secret"
    path.write_bytes(content)

    assert secrets_in.from_file(path).reveal() == secret


@FIRST_LINES
def test_command_gives_its_first_line(content, secret):
    script = f"import sys; sys.stdout.buffer.write({content!r})"

    assert from_command(command(script)).reveal() == secret


@REFUSED
def test_what_cannot_be_a_secret_is_refused(content, code, reason):
    with pytest.raises(FluenzrError) as error:
        secrets_in.from_stdin(io.BytesIO(content))

    assert problem_of(error).code is code
    assert problem_of(error).facts.get("reason") == reason


@given(st.binary(max_size=200))
def test_any_bytes_are_a_secret_without_line_ends_or_a_named_refusal(content):
    try:
        secret = secrets_in.from_stdin(io.BytesIO(content)).reveal()
    except FluenzrError as error:
        assert error.problem.code in {ProblemCode.SECRET_EMPTY, ProblemCode.SECRET_MALFORMED}  # noqa: PT017
        return

    assert content.partition(b"\n")[0].removeprefix(b"\xef\xbb\xbf").startswith(secret.encode())
    assert not {"\n", "\r", "\0"} & set(secret)


def test_stdin_after_the_secret_can_still_be_read():
    stream = io.BytesIO(b"secret\nthe message\n")

    secrets_in.from_stdin(stream)

    assert stream.read() == b"the message\n"


@pytest.mark.parametrize("text", ["two\nlines", "\udcff", ""], ids=["line break", "not UTF-8", "empty"])
def test_a_variable_is_taken_whole(text):
    with pytest.raises(FluenzrError):
        secrets_in.from_text(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FluenzrError) as error:
        secrets_in.from_file(tmp_path / "nowhere")

    assert problem_of(error).code is ProblemCode.FILE_MISSING
    assert problem_of(error).facts["path"] == str(tmp_path / "nowhere")


def test_a_folder_is_no_secret_file(tmp_path):
    with pytest.raises(FluenzrError) as error:
        secrets_in.from_file(tmp_path)

    assert problem_of(error).code is ProblemCode.FILE_UNREADABLE
    assert problem_of(error).facts["reason"] == "is-a-directory"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file to somebody else")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    path = tmp_path / "secret"
    path.write_text("secret")
    path.chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    script = (
        f"import os, pathlib; from fluenzr_smtp import secrets_in, errors; os.setuid(65534)\n"
        f"try: secrets_in.from_file(pathlib.Path({str(path)!r}))\n"
        f"except errors.FluenzrError as error: print(error.problem.code, error.problem.facts['reason'])"
    )

    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert child.stdout == "file-unreadable no-permission\n"


def test_a_named_pipe_is_a_file_like_any_other(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("secret\n",))
    writer.start()

    secret = secrets_in.from_file(path)

    writer.join()
    assert secret.reveal() == "secret"


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("no-such-command-anywhere", {"reason": "not-found", "command": "no-such-command-anywhere"}),
        ("/etc/passwd", {"reason": "not-executable", "command": "passwd"}),
        ("", {"reason": "empty"}),
        (f"pass '{CANARY}", {"reason": "bad-quotes"}),
        (f"pass \0{CANARY}", {"reason": "nul"}),
        (f"false {CANARY}", {"reason": "exit-status", "command": "false", "status": 1}),
        ("sleep 60", {"reason": "timeout", "command": "sleep"}),
    ],
    ids=["not found", "no program", "empty", "open quote", "NUL", "fails", "too slow"],
)
def test_a_command_that_fails_is_named_without_its_arguments(text, facts):
    with pytest.raises(FluenzrError) as error:
        from_command(text, timeout=0.5 if text.startswith("sleep") else 20)

    assert problem_of(error).code is ProblemCode.SECRET_COMMAND_FAILED
    assert {name: value for name, value in problem_of(error).facts.items() if value is not None} == facts
    assert CANARY not in repr(error.value.__cause__)


def test_a_command_that_prints_and_then_fails_gives_no_secret():
    with pytest.raises(FluenzrError) as error:
        from_command(command("print('secret'); raise SystemExit(3)"))

    assert problem_of(error).facts["status"] == 3


def test_a_command_is_not_read_by_a_shell(tmp_path):
    from_command(f"echo secret > {tmp_path / 'file'} ; echo $HOME")

    assert list(tmp_path.iterdir()) == []


def test_a_command_may_print_more_than_a_pipe_holds():
    script = "print('secret'); print('x' * 1_000_000)"

    assert from_command(command(script)).reveal() == "secret"


def test_a_process_left_behind_that_keeps_the_pipe_open_is_not_waited_for():
    script = "import subprocess; print('secret', flush=True); subprocess.Popen(['sleep', '30'])"

    assert from_command(command(script), timeout=15).reveal() == "secret"


def test_a_command_sees_our_folders_but_none_of_our_secrets():
    environ = {**os.environ, "FLUENZR_HOME": "/h", "FLUENZR_PASSWORD": CANARY, "FLUENZR_SMTP_URL": CANARY}
    script = "import os; print(sorted(name for name in os.environ if name.startswith('FLUENZR_')))"

    assert from_command(command(script), environ=environ).reveal() == "['FLUENZR_HOME']"


def test_a_command_does_not_get_our_input_and_complains_to_our_stderr(capfd):
    script = "import sys; print(repr(sys.stdin.read())); print('which key?', file=sys.stderr)"

    secret = from_command(command(script))

    out, err = capfd.readouterr()
    assert secret.reveal() == "''"
    assert (out, err) == ("", "which key?\n")
