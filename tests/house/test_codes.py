"""Every problem code is exercised: a test row or a test names it, beside the tables that list them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fluenzr_smtp.problems import ProblemCode

TESTS = Path(__file__).parents[1]
LISTS = {"test_messages.py", "test_messages_checks.py", "test_problems.py", Path(__file__).name}


@pytest.fixture(scope="module")
def everything() -> str:
    files = (each for each in TESTS.rglob("*") if each.suffix in {".py", ".tsv"} and each.name not in LISTS)
    return "\n".join(each.read_text(encoding="utf-8") for each in files)


@pytest.mark.parametrize("code", list(ProblemCode), ids=str)
def test_code_has_a_test_row(everything: str, code: ProblemCode) -> None:
    assert re.search(rf"\b{code.name}\b|(?<![\w-]){code.value}(?![\w-])", everything)
