"""What a language must hold; each language that is there does."""

from __future__ import annotations

import copy

import pytest

from fluenzr_smtp.messages import GUIDE_FILE, PROBLEMS_FILE, available, placeholders, table
from fluenzr_smtp.messages.checks import (
    PLACEHOLDERS,
    faults,
    guide_faults,
    problem_faults,
    untranslated,
)
from fluenzr_smtp.problems import TOPICS, ProblemCode

PROBLEMS = table("en", PROBLEMS_FILE)
GUIDE = table("en", GUIDE_FILE)


def changed(source, path, value):
    """Return a copy of a table with one entry set, or taken away where the value is None."""
    copied = copy.deepcopy(source)
    row = copied
    for key in path[:-1]:
        row = row[key]
    if value is None:
        del row[path[-1]]
    else:
        row[path[-1]] = value
    return copied


@pytest.mark.parametrize("language", available())
def test_a_language_is_complete_and_well_formed(language):
    assert faults(language) == []


def test_english_names_every_code_and_every_topic():
    assert set(PROBLEMS["problem"]) == {code.value for code in ProblemCode}
    assert set(GUIDE["topic"]) == set(TOPICS)


def test_english_names_no_other_placeholder_than_those_that_problems_have():
    rows = [text for row in PROBLEMS["problem"].values() for text in row.values()]
    rows += [text for row in GUIDE["topic"].values() for text in (row["title"], row["cause"], *row["fix"])]

    assert {name for text in rows for name in placeholders(text)} == PLACEHOLDERS


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("problem", "bug"), None, "problem: bug is missing"),
        (("problem", "no-such-code"), {"title": "A", "fix": "B."}, "problem: there is no no-such-code"),
        (("problem", "bug", "fix"), None, "problem bug: fix is missing"),
        (("problem", "dns-host-unknown", "cause"), None, "problem dns-host-unknown: cause is missing"),
        (("problem", "bug", "hint"), "C.", "problem bug: there is no hint"),
        (("problem", "bug", "title"), " ", "problem bug: title is no text"),
        (("problem", "bug", "title"), 1, "problem bug: title is no text"),
        (("problem", "vault-busy", "title"), "{nonsense}", "vault-busy: title has {nonsense}, which English"),
        (("problem", "connect-refused", "title"), "{host}", "connect-refused: title lacks {port}"),
        (("problem", "connect-refused", "title"), "{host}[[ {port}", "title has brackets that do not match"),
        (("problem", "connect-refused", "title"), "{host}[[ {port}[[ x]]]]", "brackets that do not match"),
        (("problem", "connect-refused", "title"), "{host} {port", "brackets that do not match"),
        (("problem", "vault-busy", "title"), "In use.", "problem vault-busy: the title ends in a full stop"),
        (("problem", "vault-busy", "title"), "使用中です。", "the title ends in a full stop"),
        (("problem", "vault-busy", "fix"), "Wait", "problem vault-busy: fix ends without a full stop"),
        (("problem", "vault-busy", "fix"), "Wait!", "problem vault-busy: fix has an exclamation mark"),
        (("problem", "vault-busy", "fix"), "¡Espere.", "problem vault-busy: fix has an exclamation mark"),
        (("labels", "works"), None, "labels: works is missing"),
        (("labels", "works"), "{protocol} {port}", "labels: works lacks {encryption}"),
        (("words", "host"), None, "words: host is missing"),
        (("reasons", "timeout"), "", "reasons: timeout is no text"),
        (("labels",), None, "the file: labels is missing"),
        (("more",), {}, "the file: there is no more"),
    ],
)
def test_a_fault_among_the_problems_is_named(path, value, fault):
    found = problem_faults(changed(PROBLEMS, path, value), PROBLEMS)

    assert any(fault in each for each in found), found


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("topic", "timeout"), None, "topic: timeout is missing"),
        (("topic", "no-such-topic"), {"title": "A"}, "topic: there is no no-such-topic"),
        (("topic", "timeout", "cause"), None, "topic timeout: a section has a title, a cause and a list"),
        (("topic", "timeout", "fix"), "One.", "topic timeout: a section has a title, a cause and a list"),
        (("topic", "timeout", "fix"), [], "topic timeout: a section has a title, a cause and a list"),
        (("topic", "timeout", "fix"), ["Wait."], "topic timeout: fix lacks {account}"),
        (("topic", "timeout", "title"), "Too slow!", "topic timeout: title has an exclamation mark"),
        (("topic", "files", "fix"), ["Look."] * 3 + ["Wait"], "topic files: step 4 ends without a full stop"),
        (("groups", "login"), None, "groups: login is missing"),
        (("groups", "other"), "Other", "groups: there is no other"),
    ],
)
def test_a_fault_of_the_guide_is_named(path, value, fault):
    found = guide_faults(changed(GUIDE, path, value), GUIDE)

    assert any(fault in each for each in found), found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("problem", "connect-refused", "title"), "[[Port {port} of {host}|{host}]] is closed"),
        (("problem", "vault-busy", "fix"), "終わるまで待ってください。"),
        (("problem", "vault-busy", "fix"), "प्रतीक्षा करें।"),
        (("problem", "dns-host-unknown", "title"), "{host}"),
    ],
    ids=["other optional parts", "Japanese full stop", "Hindi full stop", "fewer optional parts"],
)
def test_a_translation_is_free_in_its_structure(path, value):
    assert problem_faults(changed(PROBLEMS, path, value), PROBLEMS) == []


def test_the_number_of_steps_is_free():
    guide = changed(GUIDE, ("topic", "files", "fix"), ["Look at the file."])

    assert guide_faults(guide, GUIDE) == []


def test_a_sentence_left_in_english_is_named():
    found = untranslated(
        "problem", {"bug": {"title": "Bug", "fix": "Same."}}, {"bug": {"title": "Fault", "fix": "Same."}}
    )

    assert found == ["problem bug: fix is still in English"]
