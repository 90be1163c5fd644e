from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fluenzr_smtp.outbox.owners import Owners

HOLDING = """
import os, sys
from pathlib import Path
from fluenzr_smtp.outbox.owners import Owners
owners = Owners(Path(sys.argv[1]))
print(owners.token, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def owners(tmp_path):
    made = Owners(tmp_path / "owners")
    yield made
    made.close()


def test_nothing_is_made_before_it_is_needed(owners, tmp_path):
    owners.remove_dead()
    owners.close()

    assert not (tmp_path / "owners").exists()


def test_i_am_alive_to_myself_and_to_others(owners, tmp_path):
    token = owners.token

    assert owners.token == token
    assert owners.is_me(token)
    assert not owners.is_dead(token)
    assert not Owners(tmp_path / "owners").is_dead(token)


def test_process_is_dead_as_soon_as_it_is_killed(owners, tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path / "owners")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    token = child.stdout.readline().decode().strip()
    is_dead_before = owners.is_dead(token)

    child.kill()
    child.communicate()

    assert (is_dead_before, owners.is_dead(token)) == (False, True)
    assert not (tmp_path / "owners" / token).exists()


def test_closed_is_dead_and_gets_a_new_name(owners, tmp_path):
    token = owners.token

    owners.close()

    assert Owners(tmp_path / "owners").is_dead(token)
    assert owners.token != token


def test_forked_child_is_a_process_of_its_own(owners):
    token = owners.token
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, owners.token.encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)

    with os.fdopen(reading) as told:
        name = told.read()
    assert name != token
    assert owners.is_dead(name)
    assert not owners.is_dead(token)


@pytest.mark.parametrize("text", ["", "..", "x" * 16, "../../etc/passwd", "0" * 16])
def test_what_is_no_living_process_is_dead(owners, text):
    assert owners.is_dead(text)


def test_files_of_the_dead_alone_are_removed(owners, tmp_path):
    token = owners.token
    for each in ("0" * 16, "notes"):
        (tmp_path / "owners" / each).touch()

    owners.remove_dead()

    assert sorted(each.name for each in (tmp_path / "owners").iterdir()) == sorted([token, "notes"])
