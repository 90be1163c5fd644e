"""Packages whose names are loaded on first use: all of their names are there, and no others."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import fluenzr_smtp

SOURCE = Path(fluenzr_smtp.__file__).parent
LATE = sorted(
    ".".join(("fluenzr_smtp", *each.parent.relative_to(SOURCE).parts))
    for each in SOURCE.rglob("__init__.py")
    if "__getattr__ = loader(" in each.read_text(encoding="utf-8")
)


def test_there_are_such_packages():
    assert {"fluenzr_smtp.model", "fluenzr_smtp.vault"} <= set(LATE)


@pytest.mark.parametrize("name", LATE)
def test_every_public_name_is_found(name: str):
    package = import_module(name)
    public = getattr(package, "__all__", ["SCHEMAS"])

    assert all(getattr(package, each) is not None for each in public)


@pytest.mark.parametrize("name", LATE)
def test_another_name_is_none_of_theirs(name: str):
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = import_module(name).no_such_name


def test_a_module_is_loaded_when_its_name_is_asked_for():
    code = (
        "import sys, fluenzr_smtp.vault as vault\n"
        "before = 'fluenzr_smtp.vault.recovery' in sys.modules\n"
        "vault.RecoveryCode\n"
        "print(before, 'fluenzr_smtp.vault.recovery' in sys.modules)\n"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout == "False True\n"
