"""The user's own presets, written: a record changes, the rest stays as it was typed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.presets import PresetCatalog, own, read_own
from fluenzr_smtp.problems import ProblemCode

SHIPPED = PresetCatalog.load(own=None).presets
FIELDS = {"smtp": [{"host": "smtp.firma.example", "port": 465, "encryption": "ssl"}]}
TYPED = """\
# what we use at work
[work]  # the old one
smtp = [{ host = "mail.work.example", port = 587, encryption = "starttls" }]   # since 2020
notes = ["Ask Bob."]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fluenzr" / "presets.toml"


@pytest.fixture
def typed(path: Path) -> Path:
    path.parent.mkdir()
    path.write_text(TYPED)
    return path


@pytest.mark.parametrize("key", SHIPPED)
def test_copy_of_a_shipped_record_says_the_same(path: Path, key: str):
    shipped = SHIPPED[key]

    copy = own.change(path, key, {"hint": "Mine."}, base=shipped)

    assert copy == replace(shipped, hint="Mine.", is_own=True)
    assert read_own(path)[key] == copy


def test_added_record_leaves_the_others_as_they_were_typed(typed: Path):
    own.add(typed, "firma", FIELDS)

    assert typed.read_text().startswith(TYPED)
    assert set(read_own(typed)) == {"work", "firma"}


def test_changed_record_keeps_what_was_not_named(typed: Path):
    base = read_own(typed)["work"]

    changed = own.change(typed, "work", {"notes": ["Ask Ann."]}, base=base)

    assert (changed.smtp, changed.notes) == (base.smtp, ("Ask Ann.",))
    assert "# since 2020" in typed.read_text()


def test_removed_record_leaves_the_others(typed: Path):
    own.add(typed, "firma", FIELDS)
    own.remove(typed, "work")

    assert list(read_own(typed)) == ["firma"]


def test_file_is_for_its_owner_alone(path: Path):
    own.add(path, "firma", FIELDS)

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda path: own.add(path, "work", FIELDS), ProblemCode.PRESET_EXISTS),
        (lambda path: own.add(path, "No Key", FIELDS), ProblemCode.SETTING_INVALID),
        (lambda path: own.add(path, "firma", {"smtp": []}), ProblemCode.SETTING_INVALID),
        (
            lambda path: own.change(path, "work", {"mx": ["no host"]}, base=SHIPPED["ovh"]),
            ProblemCode.SETTING_INVALID,
        ),
        (lambda path: own.remove(path, "ovh"), ProblemCode.PRESET_UNKNOWN),
    ],
    ids=["taken", "key", "servers", "field", "not-own"],
)
def test_refused_change_leaves_the_file_byte_for_byte(typed: Path, change, code):
    with pytest.raises(FluenzrError) as caught:
        change(typed)

    assert caught.value.problem.code is code
    assert typed.read_text() == TYPED


@pytest.mark.parametrize("content", ["[work\n", "[work]\nsmtp = 1\n", "x = 1\n", "[a]\n[a]\n"])
def test_broken_file_is_not_touched(path: Path, content: str):
    path.parent.mkdir()
    path.write_text(content)

    with pytest.raises(FluenzrError) as caught:
        own.add(path, "firma", FIELDS)

    assert caught.value.problem.code is ProblemCode.PRESET_INVALID
    assert path.read_text() == content


def test_folder_that_may_not_be_written_is_told(typed: Path):
    """Of an ordinary user; what root may is nobody's case."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            own.add(typed, "firma", FIELDS)
        except FluenzrError as error:
            status = 0 if error.problem.code.value.startswith("file-") else 2
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(ended) == 0
    assert typed.read_text() == TYPED


@pytest.mark.parametrize(
    "fields",
    [
        {"domains": [f"mail-domain-{number}.example" for number in range(400)]},
        {"notes": ["x" * 2000, "y" * 2000, "z" * 2000]},
    ],
    ids=["many domains", "long notes"],
)
def test_what_is_long_can_be_read_again(typed: Path, fields):
    own.add(typed, "firma", FIELDS | fields)

    assert read_own(typed).keys() == {"work", "firma"}


@pytest.mark.parametrize(
    "fields", [{"hint": "x" * 5000}, {"notes": ["x" * 9000]}, {"notes": ["x" * 3000] * 100}], ids=len
)
def test_what_could_not_be_read_again_is_refused(typed: Path, fields):
    with pytest.raises(FluenzrError) as caught:
        own.add(typed, "firma", FIELDS | fields)

    assert caught.value.problem.code is ProblemCode.PRESET_INVALID
    assert typed.read_text() == TYPED


def test_line_ends_and_readers_stay(typed: Path):
    typed.write_bytes(TYPED.replace("\n", "\r\n").encode())
    typed.chmod(0o644)

    own.add(typed, "firma", FIELDS)

    content = typed.read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n") > TYPED.count("\n")
    assert typed.stat().st_mode & 0o777 == 0o644
    assert read_own(typed).keys() == {"work", "firma"}
