"""The sentences: complete, well formed, and readable with all facts, some, or none."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp import messages
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.messages import PLACEHOLDERS, Catalogue, available, choose_language, require_language
from fluenzr_smtp.problems import Problem, ProblemCode, Stage

CODES = pytest.mark.parametrize("code", list(ProblemCode), ids=str)
LANGUAGES = pytest.mark.parametrize("language", messages.available())
ALL_FACTS = dict.fromkeys(PLACEHOLDERS, "fact")


def told(code: ProblemCode, **facts: object) -> messages.Told:
    return Catalogue.load().sentence(Problem(code=code, stage=Stage.USAGE, facts=facts))


def table_of(language: str) -> dict[str, dict[str, object]]:
    return tomllib.loads(Path(messages.__file__).with_name(f"{language}.toml").read_text(encoding="utf-8"))


def test_english_has_a_row_for_every_code_and_no_other():
    assert set(table_of("en")["problem"]) == {code.value for code in ProblemCode}


@LANGUAGES
def test_a_language_holds_only_known_codes_and_placeholders(language):
    messages.check(table_of(language))


@pytest.mark.parametrize(
    "row",
    [
        {"no-such-code": {"title": "a", "fix": "b"}},
        {"bug": {"title": "{nonsense}", "fix": "b"}},
        {"bug": {"title": "a"}},
        {"bug": {"title": "a", "fix": "b", "cause": "c"}},
    ],
    ids=["unknown code", "unknown placeholder", "no fix", "another column"],
)
def test_a_wrong_row_is_refused(row):
    with pytest.raises(ValueError, match=next(iter(row))):
        messages.check({"problem": row})


@CODES
@pytest.mark.parametrize("facts", [{}, ALL_FACTS], ids=["no facts", "all facts"])
def test_a_sentence_reads_without_traces_of_its_template(code, facts):
    sentence = told(code, **facts)

    for text in (sentence.title, sentence.fix):
        assert not re.search(r"[{}|…]|\[\[|\]\]|  | [,.;:)]|\( |\(\)|''", text), text
        assert text == text.strip()
    assert sentence.title


@CODES
def test_a_sentence_keeps_the_house_style(code):
    sentence = told(code)

    assert sentence.title[0].isupper()
    assert not sentence.title.endswith((".", "!"))
    assert sentence.fix == "" or (sentence.fix[0].isupper() and sentence.fix.endswith("."))
    assert not re.search(
        r"!|\bplease\b|\bsorry\b|\binvalid\b|\boops\b", sentence.title + sentence.fix, re.IGNORECASE
    )


def test_known_facts_stand_in_the_sentence():
    sentence = told(ProblemCode.CONNECT_REFUSED, host="smtp.example.org", port=587)

    assert sentence.title == "smtp.example.org refuses connections on port 587"


def test_a_missing_fact_drops_the_part_that_needs_it():
    assert (
        told(ProblemCode.CONNECT_REFUSED, host="smtp.example.org").title
        == "smtp.example.org refuses connections"
    )


def test_the_first_alternative_that_is_known_is_taken():
    named = told(ProblemCode.PRESET_UNKNOWN, key="ovg", near=("ovh", "ovh-ca"))

    assert named.title == "There is no preset named 'ovg'"
    assert named.fix.startswith("Did you mean ovh, ovh-ca? ")
    assert told(ProblemCode.PRESET_UNKNOWN).title == "There is no such preset"


@pytest.mark.parametrize(
    ("reason", "shown"),
    [("no-at-sign", "it has no @"), ("something-new", "something-new"), ("", "")],
    ids=["known", "unknown", "empty"],
)
def test_a_reason_is_put_into_words_where_it_is_known(reason, shown):
    sentence = told(ProblemCode.ADDRESS_MALFORMED, address="anna", reason=reason)

    assert sentence.title == "'anna' is not an email address" + (f": {shown}" if shown else "")


def test_every_reason_of_the_program_is_in_words():
    source = Path(messages.__file__).parents[1]
    word = r'"([a-z0-9]+(?:-[a-z0-9]+)+)"'
    pattern = re.compile(
        rf"(?:reason=|(?:malformed|invalid|damaged|_locked|_unavailable)\((?:[^()\"]*, )?){word}"
    )

    used = {reason for path in source.rglob("*.py") for reason in pattern.findall(path.read_text())}

    assert len(used) > 30
    assert used - set(Catalogue.load().reasons) == set()


def test_a_fact_with_the_marks_of_a_template_is_text():
    assert "[[{port}|x]]" in told(ProblemCode.FILE_MISSING, path="[[{port}|x]]", port=1).title


def test_a_long_list_and_a_long_fact_are_cut():
    names = tuple(f"host{number}.example.org" for number in range(1000))

    assert len(told(ProblemCode.TLS_CERTIFICATE_WRONG_HOST, host="h", names=names).title) < 400
    assert len(told(ProblemCode.FILE_MISSING, path="x" * 10_000).title) < 400


@given(facts=st.dictionaries(st.sampled_from(sorted(PLACEHOLDERS)), st.text(max_size=20) | st.integers()))
def test_any_facts_make_a_sentence(facts):
    for code in ProblemCode:
        assert told(code, **facts).title


def test_an_unknown_language_is_english():
    assert Catalogue.load("tlh") == Catalogue.load("en")


@pytest.mark.parametrize(
    ("wanted", "environ"),
    [
        ("en", {"FLUENZR_LANG": "xx"}),
        ("xx", {"FLUENZR_LANG": "en"}),
        (None, {"LC_ALL": "en_GB.UTF-8"}),
        (None, {"LANG": "EN"}),
        (None, {"LANG": "C"}),
        (None, {}),
    ],
    ids=["option", "variable", "locale", "language alone", "C", "nothing"],
)
def test_the_language_is_chosen_from_option_variable_and_locale(wanted, environ):
    assert choose_language(wanted, environ) == "en"


def test_a_language_without_a_file_is_refused_by_name():
    with pytest.raises(FluenzrError) as caught:
        require_language("xx")

    assert caught.value.problem.code is ProblemCode.SETTING_INVALID
    assert caught.value.problem.facts["choices"] == available()


@pytest.mark.parametrize("tag", ["en", "en-GB", "EN_us"])
def test_a_region_of_a_language_is_that_language(tag):
    assert require_language(tag) == tag
