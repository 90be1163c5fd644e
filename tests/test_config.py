from __future__ import annotations

import os
import stat
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp import config
from fluenzr_smtp.config import Config
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ExitStatus, ProblemCode

choices = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)
ages = st.none() | st.integers(min_value=1, max_value=2**63 - 1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config" / "config.toml"


def test_no_file_is_no_choice(path):
    assert config.load(path) == Config()
    assert not path.parent.exists()


@given(choices, choices, ages)
def test_every_choice_comes_back(tmp_path_factory, account, language, days):
    path = tmp_path_factory.mktemp("config") / "config.toml"
    chosen = Config(default_account=account, language=language, secret_max_age_days=days)

    config.change(path, lambda _: chosen)

    assert config.load(path) == chosen


def test_file_and_folder_are_private(path):
    config.change(path, lambda _: Config(language="pt-BR"))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_keys_of_others_are_kept_and_choices_taken_back(path):
    path.parent.mkdir()
    path.write_text('language = "en"\nlater = 5\ndefault_account = "work"\n[table]\nkey = [1, 2]\n')

    config.change(path, lambda _: Config(default_account="home"))

    document = tomllib.loads(path.read_text())
    assert document == {"default_account": "home", "later": 5, "table": {"key": [1, 2]}}


def test_symbolic_link_stays(path, tmp_path):
    dotfile = tmp_path / "dotfiles.toml"
    dotfile.write_text('language = "en"\n')
    path.parent.mkdir()
    path.symlink_to(dotfile)

    config.change(path, lambda _: Config(language="pt-BR"))

    assert path.is_symlink()
    assert config.load(dotfile) == Config(language="pt-BR")


def test_byte_order_mark_is_passed_over(path):
    path.parent.mkdir()
    path.write_bytes(b'\xef\xbb\xbflanguage = "en"\n')

    assert config.load(path) == Config(language="en")


@pytest.mark.parametrize(
    "content",
    [
        b"language = ",
        b"language en",
        b'language = "en"\nlanguage = "pt"',
        b"language = 5",
        b"default_account = ['work']",
        b"language = true",
        b"secret_max_age_days = 0",
        b"secret_max_age_days = -1",
        b"secret_max_age_days = 1.5",
        b"secret_max_age_days = true",
        b'secret_max_age_days = "365"',
        b'language = "\xff"',
        b"\x00",
        b"a = [" + b"[\n" * 20_000,
        b"secret_max_age_days = " + b"9" * 5000,
        b"a" + b".a" * 20_000 + b" = 1",
    ],
    ids=lambda content: ascii(content[:40]),
)
def test_malformed_file_is_told(path, content):
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(FluenzrError) as caught:
        config.load(path)

    assert caught.value.problem.code is ProblemCode.CONFIG_INVALID
    assert caught.value.problem.exit_status is ExitStatus.CONFIG
    assert caught.value.problem.facts["path"] == str(path)
    assert caught.value.problem.facts["reason"]


def test_malformed_file_is_not_overwritten(path):
    path.parent.mkdir()
    path.write_text("language = ")

    with pytest.raises(FluenzrError) as caught:
        config.change(path, lambda _: Config(language="en"))

    assert caught.value.problem.code is ProblemCode.CONFIG_INVALID
    assert path.read_text() == "language = "


def test_choices_that_are_nested_too_deep_to_be_written_are_left_as_they_are(path):
    path.parent.mkdir()
    content = "a" + ".a" * 1900 + " = 1\n"
    path.write_text(content)

    with pytest.raises(FluenzrError) as caught:
        config.change(path, lambda _: Config(language="en"))

    assert caught.value.problem.code is ProblemCode.CONFIG_INVALID
    assert caught.value.problem.facts["reason"] == "nested-too-deep"
    assert path.read_text() == content


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.write_bytes(b"#\n" * 40_000)],
    ids=["pipe", "device", "too big"],
)
def test_what_is_no_settings_file_is_told_without_waiting(path, make):
    path.parent.mkdir()
    make(path)

    with pytest.raises(FluenzrError) as caught:
        config.load(path)

    assert caught.value.problem.code is ProblemCode.FILE_UNREADABLE


def test_folder_in_the_place_of_the_file_is_told(path):
    path.mkdir(parents=True)

    with pytest.raises(FluenzrError) as caught:
        config.load(path)

    assert caught.value.problem.code is ProblemCode.FILE_UNREADABLE
