"""Docs and program say the same."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fluenzr_smtp.cli.schema import all_schemas
from fluenzr_smtp.problems import ExitStatus

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
WRITTEN = [page for page in PAGES if page.name not in {"cli.md", "troubleshooting.md"}]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
COMMAND = re.compile(r"fluenzr ([a-z]+(?: [a-z]+)?)")
OPTION = re.compile(r"(--[a-z][a-z-]+)")


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


def _examples(page: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]
