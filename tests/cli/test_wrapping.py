"""Text in lines of a terminal's width: by columns, in any script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.cli.checks.look import cells
from fluenzr_smtp.cli.wrapping import wrapped

JAPANESE = "サーバーがユーザー名またはパスワードを拒否しました。「設定」を開いて、確認してください。"
HINDI = "सर्वर उपयोगकर्ता नाम या पासवर्ड स्वीकार नहीं करता। पहले दोनों की जाँच करें।"
LONG_WORD = 12  # no word of these texts is longer


def test_a_text_is_broken_at_blanks_with_a_hanging_indent():
    lines = wrapped("one two three four", width=12, first="  1. ", rest="     ")

    assert lines == ["  1. one two", "     three", "     four"]


def test_without_a_width_a_text_stays_one_line():
    assert wrapped("one  two " * 50, width=None, first="- ") == ["- " + " ".join(["one two"] * 50)]


def test_an_empty_text_is_one_empty_line():
    assert wrapped("", width=20, first="  ") == [""]


def test_a_long_word_keeps_its_line_and_is_whole():
    page = "https://example.org/" + "x" * 40

    assert wrapped(f"see {page} for more", width=20) == ["see", page, "for more"]


def test_ideographs_are_broken_where_a_line_may_end():
    lines = wrapped(JAPANESE, width=20, rest="  ")

    assert "".join(line.strip() for line in lines) == JAPANESE
    assert len(lines) > 3
    assert not any(line.strip()[0] in "、。」ーァ" for line in lines)
    assert not any(line.endswith("「") for line in lines)


def test_a_command_within_ideographs_is_not_cut_at_its_dashes():
    lines = wrapped("設定を変更するには'--smtp-port'を使います。", width=24)

    assert any("'--smtp-port'" in line for line in lines)


@pytest.mark.parametrize(
    "text", [JAPANESE, HINDI, "plain words and more of them " * 5], ids=["ja", "hi", "en"]
)
@pytest.mark.parametrize("width", [20, 33, 80])
def test_no_line_is_wider_than_the_terminal(text, width):
    lines = wrapped(text, width=width, first="  1. ", rest="     ")

    assert max(map(cells, lines)) <= max(width, LONG_WORD + 5)


@given(st.text(max_size=200), st.integers(min_value=1, max_value=60))
def test_no_letter_is_lost(text, width):
    lines = wrapped(text, width=width)

    assert "".join("".join(lines).split()) == "".join(text.split())
