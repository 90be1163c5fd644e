"""Docs and program say the same."""

import re
import shlex
import signal
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from fluenzr_smtp.cli.schema import all_schemas
from fluenzr_smtp.problems import ExitStatus
from tests.cli.program import Program, server_options
from tests.servers.mailhost import MailHost

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
WRITTEN = [page for page in PAGES if page.name not in {"cli.md", "troubleshooting.md"}]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
COMMAND = re.compile(r"fluenzr ([a-z]+(?: [a-z]+)?)")
OPTION = re.compile(r"(--[a-z][a-z-]+)")
UNITS = sorted((ROOT / "docs" / "examples").glob("fluenzr-*.*"))
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
CRON_TIME = re.compile(r"(?:[0-9*/,-]+ ){5}")
PATIENCE_SECONDS = 30


def test_generated_pages_are_what_the_program_says() -> None:
    answer = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs", "--check"], capture_output=True, text=True
    )

    assert (answer.returncode, answer.stderr) == (0, "")


def test_readme_lists_exactly_the_exit_statuses_of_the_program() -> None:
    rows = re.findall(r"^\| (\d+) \|", (ROOT / "README.md").read_text(), re.MULTILINE)

    assert [int(row) for row in rows] == [int(status) for status in ExitStatus]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]

    assert broken == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_commands_and_options_in_examples_exist(page: Path) -> None:
    help_page = (ROOT / "docs" / "cli.md").read_text()
    known_options = set(OPTION.findall(help_page)) | {"--all", "--cli"}
    known_words = {words for name in all_schemas() for words in (name, name.split()[0])}
    lines = [line for line in _examples(page) if re.search(r"\bfluenzr [a-z]", line)]

    unknown = [
        found
        for line in lines
        for found in COMMAND.findall(line)
        if found not in known_words and found.split()[0] not in known_words
    ]
    unknown += [
        option
        for line in lines
        for option in OPTION.findall(line.split("fluenzr ", 1)[1])
        if option not in known_options
    ]

    assert unknown == []


# -- recipes for what runs by itself: the very lines of the page and the units are run --------------------


@pytest.fixture
def waiting(own_home: Path, mailhost: MailHost) -> Program:
    """A program whose outbox holds one message for the real mail host, not tried yet."""
    program = Program.at(own_home)
    added = program.call(
        "account", "add", mailhost.shop.address, "--name", "shop", "--no-test",
        *server_options(mailhost), "--password-stdin", stdin=mailhost.shop.secret,
    )  # fmt: skip
    kept = program.call("send", "--queue-only", "--to", mailhost.shop.address, "--body", "It works.")
    assert (added.status, kept.status) == (0, 0), added.err + kept.err
    return program


def test_line_of_cron_sends_what_waits_and_says_nothing(waiting: Program, mailhost: MailHost) -> None:
    (line,) = _blocks(ROOT / "docs" / "recipes.md", "crontab")
    time = CRON_TIME.match(line)
    assert time is not None
    command = _of_ours(line[time.end() :])

    first, second = waiting.run(*command), waiting.run(*command)

    assert [(each.status, each.out, each.err) for each in (first, second)] == [(0, "", "")] * 2
    assert b"It works." in _arrived(waiting, mailhost)


def test_service_of_the_timer_sends_what_waits_and_says_nothing(waiting: Program, mailhost: MailHost) -> None:
    ended = waiting.run(*_command_of("fluenzr-outbox.service"))

    assert (ended.status, ended.out, ended.err) == (0, "", "")
    assert b"It works." in _arrived(waiting, mailhost)


def test_watching_service_sends_what_waits_and_ends_well_when_it_is_stopped(
    waiting: Program, mailhost: MailHost
) -> None:
    running = waiting.start(*_command_of("fluenzr-outbox-watch.service"))
    try:
        arrived = _arrived(waiting, mailhost)
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=PATIENCE_SECONDS)
    finally:
        running.kill()
        running.wait()

    assert (running.returncode, out, err) == (0, b"", b"")
    assert b"It works." in arrived
    assert _record(waiting)["state"] == "accepted"


def test_service_forgives_only_what_the_next_pass_tries_again() -> None:
    forgiven = _unit("fluenzr-outbox.service")["Service"]["SuccessExitStatus"]

    assert [int(each) for each in forgiven.split()] == [ExitStatus.TEMPORARY]


def test_timer_has_a_service_of_its_name_and_every_service_a_command_of_ours() -> None:
    timers = [unit for unit in UNITS if unit.suffix == ".timer"]

    assert [timer.with_suffix(".service") in SERVICES for timer in timers] == [True]
    assert [_command_of(unit.name)[:2] for unit in SERVICES] == [["outbox", "run"]] * 2


def test_recipes_name_every_unit() -> None:
    page = (ROOT / "docs" / "recipes.md").read_text()

    assert [unit.name for unit in UNITS if f"(examples/{unit.name})" not in page] == []


def _record(program: Program) -> dict[str, str]:
    (record,) = program.call("outbox", "list", "--all", "--json").data["messages"]
    return dict(record)


def _arrived(program: Program, mailhost: MailHost) -> bytes:
    return mailhost.wait_for_message(mailhost.shop.address, _record(program)["message_id"])


def _blocks(page: Path, language: str) -> list[str]:
    """Return the lines of the blocks of a page; one that goes on in the next is one line."""
    blocks = re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]


def _unit(name: str) -> ConfigParser:
    unit = ConfigParser(interpolation=None)
    unit.read_string((ROOT / "docs" / "examples" / name).read_text())
    return unit


def _command_of(name: str) -> list[str]:
    return _of_ours(_unit(name)["Service"]["ExecStart"])


def _of_ours(line: str) -> list[str]:
    """Return the arguments of a command line that calls the program."""
    program, *arguments = shlex.split(line)
    assert Path(program).name == "fluenzr"
    return arguments


def _examples(page: Path) -> list[str]:
    return _blocks(page, "sh")
