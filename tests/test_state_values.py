from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage
from fluenzr_smtp.state import values

TEXTS = st.text(st.characters(exclude_categories=()), max_size=3000)
FACTS = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), TEXTS, st.lists(TEXTS).map(tuple))


@given(st.datetimes(timezones=st.just(UTC)))
def test_time_comes_back_as_it_was(moment):
    assert values.moment(values.micros(moment)) == moment


def test_time_of_another_zone_is_the_same_moment():
    local = datetime(2026, 1, 1, 5, tzinfo=timezone(timedelta(hours=5)))

    assert values.moment(values.micros(local)) == datetime(2026, 1, 1, tzinfo=UTC)


def test_no_time_is_none():
    assert values.micros_or_none(None) is None
    assert values.moment_or_none(None) is None


@given(st.builds(ServerReply, st.none() | st.integers(200, 599), st.none() | st.just("5.1.1"), TEXTS))
def test_reply_comes_back_cut_to_what_is_kept(reply):
    text = values.reply_text(reply)

    back = values.reply_of(text)
    assert len(text) <= values.LONGEST_BYTES
    assert (back.code, back.enhanced) == (reply.code, reply.enhanced)
    assert reply.text.startswith(back.text)
    assert len(reply.text) > 100 or back.text == reply.text


@given(
    st.builds(
        Problem,
        code=st.sampled_from(ProblemCode),
        stage=st.sampled_from(Stage),
        reply=st.none() | st.builds(ServerReply, st.just(550), st.none(), TEXTS),
        facts=st.dictionaries(st.text(max_size=300), FACTS, max_size=30),
    )
)
def test_problem_comes_back_and_is_never_too_long(problem):
    text = values.problem_text(problem)

    back = values.problem_of(text)
    assert len(text) <= values.LONGEST_BYTES
    assert (back.code, back.stage) == (problem.code, problem.stage)
    assert set(back.facts) <= set(problem.facts)


def test_facts_keep_their_types():
    facts = {"host": "x", "port": 465, "names": ("a", "b"), "none": None, "yes": True}
    problem = Problem(code=ProblemCode.CONNECT_REFUSED, stage=Stage.CONNECT, facts=facts)

    assert values.problem_of(values.problem_text(problem)).facts == facts


def test_code_and_stage_of_a_newer_version_stand_for_something_unknown():
    text = '{"code": "of-tomorrow", "stage": "beyond", "reply": null, "facts": {}}'

    assert values.problem_of(text) == Problem(code=ProblemCode.UNEXPECTED_REPLY, stage=Stage.OUTBOX)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "1", '{"code": 1}', '{"code":"bug","stage":"usage","reply":{},"facts":{}}', "{"]
)
def test_text_that_nobody_wrote_is_a_misreading(text):
    with pytest.raises(values.MisreadError), values.misreading():
        values.problem_of(text)


@pytest.mark.parametrize("text", ['{"code": "2", "enhanced": null, "text": ""}', '{"code": 2}', "null"])
def test_reply_that_nobody_wrote_is_a_misreading(text):
    with pytest.raises(values.MisreadError), values.misreading():
        values.reply_of(text)
