from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp import toml_file
from fluenzr_smtp.toml_file import NotTomlError

LIMIT = 65_536
TYPED = """\
# my servers
first = 1   # the first

[oauth.google]
client_id = "g"  # of 2026
# between
[other]
key = [1, 2]

[oauth.microsoft]
client_id = "m"
"""

names = st.text("abc", min_size=1, max_size=2)
values = st.recursive(
    st.integers(0, 9) | st.text("ab\n", max_size=3) | st.lists(st.integers(0, 9), max_size=3),
    lambda inner: (
        st.dictionaries(names, inner, max_size=3) | st.lists(st.dictionaries(names, inner), max_size=2)
    ),
    max_leaves=8,
)
tables = st.dictionaries(names, values, max_size=4)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "settings.toml"


def put(path: Path, *keys: str, value: object) -> None:
    def change(found):
        for key in keys[:-1]:
            found = found.setdefault(key, {})
        found[keys[-1]] = value

    toml_file.rewrite(path, change, limit_bytes=LIMIT)


def take(path: Path, *keys: str) -> None:
    def change(found):
        for key in keys[:-1]:
            found = found[key]
        del found[keys[-1]]

    toml_file.rewrite(path, change, limit_bytes=LIMIT)


@pytest.mark.parametrize(
    ("keys", "value", "before", "after"),
    [
        (("first",), 2, "first = 1   # the first", "first = 2   # the first"),
        (("oauth", "google", "client_id"), "G", '"g"  # of 2026', '"G"  # of 2026'),
        (("oauth", "microsoft", "client_id"), "M", '"m"', '"M"'),
        (("oauth", "microsoft", "tenant"), "t", '"m"\n', '"m"\ntenant = "t"\n'),
        (("other", "key"), [3], "[1, 2]", "[3]"),
    ],
)
def test_one_change_leaves_every_other_byte(path, keys, value, before, after):
    path.write_text(TYPED)

    put(path, *keys, value=value)

    assert path.read_text() == TYPED.replace(before, after)


def test_new_choice_goes_above_the_sections(path):
    path.write_text(TYPED)

    put(path, "second", value=2)

    assert path.read_text().index("second") < path.read_text().index("[oauth.google]")
    assert tomllib.loads(path.read_text())["second"] == 2


def test_new_section_is_written_as_people_do(path):
    put(path, "oauth", "google", "client_id", value="g")
    put(path, "oauth", "login.example.org", "client_id", value="e")

    assert (
        path.read_text()
        == '[oauth.google]\nclient_id = "g"\n\n[oauth."login.example.org"]\nclient_id = "e"\n'
    )


def test_what_is_taken_out_takes_nothing_else_along(path):
    path.write_text(TYPED)

    take(path, "oauth", "google")

    assert "# my servers" in path.read_text()
    assert tomllib.loads(path.read_text()) == {
        "first": 1,
        "other": {"key": [1, 2]},
        "oauth": {"microsoft": {"client_id": "m"}},
    }


@given(tables, tables)
def test_file_holds_what_was_wanted_whatever_it_held(tmp_path_factory, present, wanted):
    path = tmp_path_factory.mktemp("toml") / "settings.toml"

    def become(content):
        return lambda found: (found.clear(), found.update(content))

    toml_file.rewrite(path, become(present), limit_bytes=LIMIT)
    toml_file.rewrite(path, become(wanted), limit_bytes=LIMIT)

    assert tomllib.loads(path.read_text()) == wanted if path.exists() else not wanted


def test_line_ends_and_mode_are_kept(path):
    path.write_bytes(TYPED.replace("\n", "\r\n").encode())
    path.chmod(0o640)

    put(path, "first", value=5)

    assert path.read_bytes() == TYPED.replace("first = 1", "first = 5").replace("\n", "\r\n").encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_no_change_writes_nothing(path):
    path.write_text(TYPED)
    inode = path.stat().st_ino

    assert toml_file.rewrite(path, lambda found: found["first"], limit_bytes=LIMIT) == 1

    assert path.stat().st_ino == inode


@pytest.mark.parametrize(
    ("value", "reason"),
    [("x" * LIMIT, "line-too-long"), (["y" * 90] * 1000, "too-big")],
    ids=["line", "whole"],
)
def test_what_would_not_be_read_again_is_not_written(path, value, reason):
    path.write_text(TYPED)

    with pytest.raises(NotTomlError, match=reason):
        put(path, "first", value=value)

    assert path.read_text() == TYPED
