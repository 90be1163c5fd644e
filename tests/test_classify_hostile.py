"""What a hostile server says, or a person pastes by mistake, has an answer too, and soon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.classify import explain
from fluenzr_smtp.problems import MEANINGS, Stage


@given(text=st.text(), stage=st.none() | st.sampled_from(Stage), provider=st.text(max_size=20))
def test_any_text_has_an_answer(text, stage, provider):
    problem = explain(text, stage=stage, provider=provider)

    assert problem.code in MEANINGS


PIECES = [
    "550",
    "535-",
    "5.7.1",
    "(",
    ")",
    "b'",
    "'",
    "said: ",
    "\\n",
    "\n",
    " / ",
    "NO ",
    "* BYE",
    "[Errno 111]",
]
PIECES += [
    "<a@b>",
    "http://x/",
    "relay",
    "denied",
    "in reply to RCPT TO command",
    "timed out",
    "certificate",
    "#",
]


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=40), stage=st.none() | st.sampled_from(Stage))
def test_pieces_of_replies_in_any_order_have_an_answer(pieces, stage):
    problem = explain("".join(pieces), stage=stage)

    assert problem.code in MEANINGS
    assert problem.reply is None or problem.reply.code is None or 200 <= problem.reply.code <= 599


NASTY = ["a ", "user ", "550-", "550 5.1.1 ", "your ip ", "@", "a@", "(", "5.1.1 ", "\n", "\x00", "http://a "]
NASTY += [
    "1.",
    "a:",
    "not ",
    "too many ",
    "to protect our users from ",
    "for more information ",
    'File "',
    "\\n",
]
NASTY += ["é", "no such ", "sending quota ", "size exceeds ", "certificate "]


@pytest.mark.parametrize("piece", NASTY)
@pytest.mark.parametrize("begin", ["", "550 ", "NO "])
def test_ten_megabytes_have_an_answer_from_their_beginning(begin, piece):
    text = begin + piece * (10_000_000 // len(piece))

    problem = explain(text)

    assert problem == explain(text[:16_384])
    assert problem.reply is None or len(problem.reply.text) <= 4096 + len("NO ")
