"""What reaches stdout and stderr: safe to print, one door each, colour only where it is wanted."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.cli.columns import columns
from fluenzr_smtp.cli.documents import Document
from fluenzr_smtp.cli.output import Output, StdoutFailedError, prepared, printable, reply_line
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode, ServerReply, Stage

REPLY = ServerReply(535, "5.7.8", "Error: \x1b[31mauthentication\x1b[0m failed\nask [bold]us[/bold]")
REJECTED = Problem(
    code=ProblemCode.AUTH_REJECTED,
    stage=Stage.AUTH,
    reply=REPLY,
    facts={"host": "smtp.example.org", "username": "anna@example.org"},
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Full(io.StringIO):
    def flush(self):
        raise OSError(28, "No space left on device")


def output(*, stdout=None, stderr=None, **environ):
    return Output(stdout=stdout or io.StringIO(), stderr=stderr or io.StringIO(), environ=environ)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\x00b\x07c\x7fd\x9be", r"a\x00b\x07c\x7fd\x9be"),
        ("left\u202eright", r"left\u202eright"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("lone\udcff", r"lone\udcff"),
        ("one\r\ntwo\nthree\n", "one / two / three"),
        ("tab\tand\xa0blank", "tab and blank"),
        ("[bold]markup[/]", "[bold]markup[/]"),
        ("naïve 日本 😀", "naïve 日本 😀"),
        ("", ""),
    ],
    ids=[
        "ESC",
        "controls",
        "bidi",
        "zero width",
        "tags",
        "surrogate",
        "lines",
        "blanks",
        "markup",
        "letters",
        "nothing",
    ],
)
def test_foreign_text_is_made_printable(text, shown):
    assert printable(text) == shown


@given(st.text(), st.integers(min_value=1, max_value=600))
def test_printable_text_is_one_short_line_without_anything_that_acts(text, limit):
    shown = printable(text, limit=limit)

    assert len(shown) <= limit
    assert not {"Cc", "Cf", "Cs", "Zl", "Zp"} & {unicodedata.category(character) for character in shown}


def test_long_text_is_cut_with_an_ellipsis():
    assert printable("x" * 10_000) == "x" * 499 + "…"
    assert printable("x" * 500) == "x" * 500


def test_a_reply_is_one_line_with_its_codes():
    assert reply_line(ServerReply(550, "5.1.1", "no\nsuch user")) == "550 5.1.1 no / such user"
    assert reply_line(ServerReply(None, None, "NO login")) == "NO login"


def test_a_problem_is_told_on_stderr_with_the_servers_words_and_what_to_do():
    stdout, stderr = io.StringIO(), io.StringIO()

    output(stdout=stdout, stderr=stderr).problem(REJECTED)

    told = stderr.getvalue().splitlines()
    assert stdout.getvalue() == ""
    assert told[0].startswith("error: smtp.example.org refuses the user name anna@example.org")
    assert told[0].endswith(" [auth-rejected]")
    assert told[1] == r"  server: 535 5.7.8 Error: \x1b[31mauthentication\x1b[0m failed / ask [bold]us[/bold]"
    assert told[2].startswith("  fix: ")
    assert len(told) == 3


def test_a_problem_is_wrapped_to_the_terminal_with_a_hanging_indent():
    stderr = Terminal()

    output(stderr=stderr, COLUMNS="60", NO_COLOR="1").problem(REJECTED)

    lines = stderr.getvalue().splitlines()
    assert all(len(line) <= 60 for line in lines)
    assert lines[1].startswith("       ")


@pytest.mark.parametrize(
    ("stream", "environ", "coloured"),
    [
        (Terminal, {}, True),
        (io.StringIO, {}, False),
        (Terminal, {"NO_COLOR": "1"}, False),
        (Terminal, {"NO_COLOR": ""}, True),
        (Terminal, {"TERM": "dumb"}, False),
        (io.StringIO, {"FORCE_COLOR": "1"}, True),
        (io.StringIO, {"FORCE_COLOR": "0"}, False),
        (io.StringIO, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
    ids=["terminal", "pipe", "NO_COLOR", "NO_COLOR empty", "dumb", "FORCE_COLOR", "FORCE_COLOR=0", "both"],
)
def test_colour_is_shown_where_it_is_wanted(stream, environ, coloured):
    stderr, stdout = stream(), stream()
    out = output(stdout=stdout, stderr=stderr, **environ)

    out.problem(REJECTED)
    out.table(columns(["key"], [("ovh",)]))

    assert ("\x1b[" in stderr.getvalue()) == coloured
    assert ("\x1b[" in stdout.getvalue()) == coloured


def test_a_table_leaves_markup_and_controls_without_effect():
    stdout = io.StringIO()

    output(stdout=stdout).table(columns(["name"], [("[red]x[/red]\x1b[2J :smile:",)]))

    assert r"[red]x[/red]\x1b[2J :smile:" in stdout.getvalue()


def test_a_table_has_one_line_per_row_where_there_is_no_terminal():
    stdout = io.StringIO()

    output(stdout=stdout).table(columns(["name"], [("word " * 100,)]))

    assert len(stdout.getvalue().splitlines()) == 3


def test_a_record_stands_in_columns():
    stdout = io.StringIO()

    output(stdout=stdout, COLUMNS="40").fields([("key", "ovh"), ("provider", "word " * 12)])

    assert stdout.getvalue().splitlines() == [
        "key       ovh",
        "provider  word word word word word word",
        "          word word word word word word",
    ]


def test_with_json_stdout_holds_the_document_alone():
    stdout, stderr = io.StringIO(), io.StringIO()
    out = output(stdout=stdout, stderr=stderr)
    out.json = True

    out.line("for people")
    out.table(columns(["key"], [("ovh",)]))
    out.fields([("key", "ovh")])
    out.result(Document(command="presets list", data={"a": 1}), lambda: out.line("for people"))

    assert stdout.getvalue().startswith("{")
    assert "people" not in stdout.getvalue()
    assert stderr.getvalue() == ""


def test_a_result_for_people_is_shown_before_its_problems():
    stdout, stderr = io.StringIO(), io.StringIO()
    out = output(stdout=stdout, stderr=stderr)
    ended = Document(command="send", problems=(REJECTED,), exit_status=ExitStatus.PARTIAL)

    out.result(ended, lambda: out.line("shown"))

    assert stdout.getvalue() == "shown\n"
    assert "auth-rejected" in stderr.getvalue()
    assert out.exit_status is ExitStatus.PARTIAL


def test_a_command_cannot_end_twice():
    out = output()
    out.result(Document(command="send"))

    with pytest.raises(RuntimeError):
        out.result(Document(command="send"))


def test_a_full_disk_under_stdout_is_named():
    with pytest.raises(StdoutFailedError) as error:
        output(stdout=Full()).line("text")

    assert error.value.problem.code is ProblemCode.DISK_FULL
    assert error.value.problem.exit_status is ExitStatus.IO


def test_a_note_nobody_can_hear_is_no_failure():
    output(stderr=Full()).note("text")


@pytest.mark.parametrize(
    "columns", ["9" * 5000, "\u00b2", "-5", "1e9"], ids=["huge", "superscript", "sign", "float"]
)
def test_columns_that_are_no_width_are_passed_over(columns):
    stdout = io.StringIO()

    output(stdout=stdout, COLUMNS=columns).fields([("provider", "word " * 60)])

    assert len(stdout.getvalue().splitlines()) == 1


def test_what_an_encoding_lacks_is_written_as_an_escape():
    raw = io.BytesIO()
    stream = prepared(io.TextIOWrapper(raw, encoding="ascii"))

    output(stdout=stream).line("naïve")

    assert raw.getvalue() == rb"na\xefve" + b"\n"
