"""Questions: at a terminal only, on stderr, secrets unseen; elsewhere the missing option is named."""

from __future__ import annotations

import io

import pytest

from fluenzr_smtp.cli.prompts import Prompts
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ProblemCode
from tests.cli.terminal import at_terminal

SET_UP = """
import sys
from fluenzr_smtp.cli.prompts import Prompts
from fluenzr_smtp.errors import FluenzrError
prompts = Prompts(stdin=sys.stdin, stderr=sys.stderr)
try:
    print({call})
except FluenzrError as error:
    print(error.problem.code)
"""
ASK = SET_UP.format(call="prompts.ask('SMTP server', option='--smtp-host', default='smtp.example.org')")
ASK_ANYTHING = SET_UP.format(call="prompts.ask('Address', option='EMAIL')")
ASK_SECRET = SET_UP.format(call="prompts.ask_secret('Password', option='--password-stdin').reveal()")
CONFIRM = SET_UP.format(call="prompts.confirm('Save it', option='--no-test')")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stdin", "stderr", "allowed"),
    [
        (io.StringIO(), Terminal(), True),
        (Terminal(), io.StringIO(), True),
        (None, None, True),
        (Terminal(), Terminal(), False),
    ],
    ids=["stdin is a file", "stderr is a file", "both closed", "not allowed"],
)
def test_where_nobody_may_be_asked_the_option_is_named(stdin, stderr, allowed):
    prompts = Prompts(stdin=stdin, stderr=stderr)
    prompts.allowed = allowed

    with pytest.raises(FluenzrError) as error:
        prompts.ask("SMTP server", option="--smtp-host")

    assert not prompts.may_ask
    assert error.value.problem.code is ProblemCode.INPUT_REQUIRED
    assert error.value.problem.facts["options"] == ("--smtp-host",)
    assert error.value.problem.exit_status == 64


def test_several_missing_options_are_named_at_once():
    with pytest.raises(FluenzrError) as error:
        Prompts(stdin=None, stderr=None).missing("EMAIL", "--preset")

    assert error.value.problem.facts["options"] == ("EMAIL", "--preset")


def test_a_question_stands_on_stderr_and_stdout_stays_free():
    session = at_terminal(ASK, ("SMTP server [smtp.example.org]: ", "mail.example.org\n"))

    assert session.stdout == "mail.example.org\n"


def test_an_empty_answer_takes_the_default():
    assert at_terminal(ASK, ("]: ", "\n")).stdout == "smtp.example.org\n"


def test_an_empty_answer_without_a_default_is_asked_again():
    session = at_terminal(ASK_ANYTHING, ("Address: ", "\n"), ("Address: ", "a\n"))

    assert session.stdout == "a\n"


def test_a_secret_is_not_shown():
    session = at_terminal(ASK_SECRET, ("Password: ", "correct-horse\n"))

    assert session.stdout == "correct-horse\n"
    assert "correct-horse" not in session.screen


@pytest.mark.parametrize(
    ("answer", "outcome"), [("y\n", "True"), ("YES\n", "True"), ("n\n", "False"), ("\n", "False")], ids=repr
)
def test_yes_must_be_said(answer, outcome):
    assert at_terminal(CONFIRM, ("Save it [y/N]: ", answer)).stdout == f"{outcome}\n"


@pytest.mark.parametrize("script", [ASK_ANYTHING, ASK_SECRET, CONFIRM], ids=["ask", "secret", "confirm"])
def test_the_end_of_input_is_an_interruption(script):
    assert at_terminal(script, (": ", "\x04")).stdout == "interrupted\n"
