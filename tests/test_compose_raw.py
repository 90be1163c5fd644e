"""Ready-made messages are completed and made fit for the wire; nothing else in them changes."""

import re
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluenzr_smtp.compose import from_raw
from fluenzr_smtp.compose.raw import HEADER_OCTETS, START_OCTETS
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Content, Mailbox
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
COMPLETE = b"From: a@b.example\r\nDate: Sun, 01 Mar 2026 09:30:00 +0000\r\nMessage-ID: <x@b.example>\r\n"


def outcome_of(function, *arguments, **more):
    """Return the result, or the problem in which the call ended."""
    try:
        return function(*arguments, **more)
    except FluenzrError as error:
        return error.problem


def submit(content, *, recipients=("to@b.example",), **more):
    return from_raw(
        content,
        mail_from="me@sender.example",
        recipients=recipients,
        default_from=Mailbox(address="me@sender.example", name="Me"),
        now=NOW,
        token="t0k3n",
        **more,
    )


def problem_of(content, **more):
    with pytest.raises(FluenzrError) as caught:
        submit(content, **more)
    assert caught.value.problem.exit_status in {ExitStatus.DATA, ExitStatus.USAGE}
    return caught.value.problem


def test_complete_message_keeps_its_octets():
    content = COMPLETE + b"subject:  two  spaces\r\n folded\r\nX-Odd:\r\n\r\nbody\r\n.\r\nFrom x\r\n\r\n"

    submission = submit(content)

    assert submission.content.whole() == content
    assert submission.message_id == "<x@b.example>"
    assert submission.envelope.mail_from == "me@sender.example"
    assert submission.envelope.recipients == ("to@b.example",)
    assert not submission.needs_smtputf8
    assert not submission.needs_eight_bit


def test_missing_fields_are_added_at_the_end_of_the_header():
    submission = submit(b"Subject: x\n\nbody")

    assert submission.content.whole() == (
        b"Subject: x\r\n"
        b"Date: Sun, 01 Mar 2026 09:30:00 +0000\r\n"
        b"From: Me <me@sender.example>\r\n"
        b"Message-ID: <t0k3n@sender.example>\r\n"
        b"\r\nbody\r\n"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(COMPLETE, COMPLETE + b"\r\n", id="header-only"),
        pytest.param(COMPLETE + b"\r\n", COMPLETE + b"\r\n", id="empty-body"),
        pytest.param(COMPLETE[:-2], COMPLETE + b"\r\n", id="no-line-end-at-all"),
        pytest.param(b"From me@x Sun Mar  1 09:30:00 2026\n" + COMPLETE, COMPLETE + b"\r\n", id="mbox"),
        pytest.param(
            COMPLETE + b"\na\nb\rc\r\rd", COMPLETE + b"\r\na\r\nb\r\nc\r\n\r\nd\r\n", id="lone-cr-lf"
        ),
        pytest.param(
            COMPLETE.replace(b"\r\n", b"\r\r\n") + b"\r\r\na\r\r\r\n\r\r\nb\r\r\n",
            COMPLETE + b"\r\na\r\n\r\nb\r\n",
            id="cr-cr-lf",
        ),
        pytest.param(COMPLETE + b"\n.\n\r.\r\n", COMPLETE + b"\r\n.\r\n\r\n.\r\n", id="smuggling"),
    ],
)
def test_line_ends_and_mbox_line_are_made_right(content, expected):
    assert submit(content).content.whole() == expected


@pytest.mark.parametrize("body", [b"body", b"See this: x", b"https://b.example/", b": x"])
def test_message_without_a_header_gets_one(body):
    submission = submit(b"\n" + body + b"\n")

    assert submission.content.whole().startswith(b"Date: ")
    assert submission.content.whole().endswith(b">\r\n\r\n" + body + b"\r\n")


def test_doubled_carriage_returns_do_not_let_blind_copies_into_the_body():
    content = b"Subject: x\r\r\nBcc: secret@b.example\r\r\n\r\r\nbody\r\r\n"

    submission = submit(content)

    assert b"secret" not in submission.content.whole()
    assert submission.content.whole().endswith(b"\r\n\r\nbody\r\n")


def test_separators_of_other_alphabets_end_no_header_line():
    field = "X-Odd: a\u2028Bcc: b@c\x85Bcc: d@e\r\n".encode()

    submission = submit(COMPLETE + field + b"\r\nbody\r\n", recipients=None, extra=("to@b.example",))

    assert submission.content.whole() == COMPLETE + field + b"\r\nbody\r\n"
    assert submission.envelope.recipients == ("to@b.example",)


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(b"Bcc: secret@b.example\r\n", id="plain"),
        pytest.param(
            b"bCC:secret@b.example,\r\n\tsecret2@b.example\r\n  ,\r\n secret3@b.example\r\n", id="folded"
        ),
        pytest.param(b"Bcc: secret@b.example\r\nBcc: secret2@b.example\r\n", id="twice"),
        pytest.param(b"Bcc: " + b", ".join([b"secret@b.example"] * 80) + b"\r\n", id="long-line"),
        pytest.param("Bcc: Séc <secret@b.example>\r\n".encode(), id="utf-8"),
        pytest.param(b"Resent-Bcc: secret@b.example\r\n", id="resent"),
    ],
)
@pytest.mark.parametrize("recipients", [None, ("to@b.example",)], ids=["from-header", "given"])
def test_blind_copies_leave_the_header(field, recipients):
    submission = submit(field + COMPLETE + b"Cc: c@d\r\n\r\nbody\r\n", recipients=recipients)

    assert submission.content.whole() == COMPLETE + b"Cc: c@d\r\n\r\nbody\r\n"
    assert not submission.needs_eight_bit
    assert ("secret@b.example" in submission.envelope.recipients) is (recipients is None)


def test_recipients_are_taken_from_the_header():
    to = b"To: A <a@b>, Team: t@b;,\r\n =?utf-8?q?Jos=C3=A9?= <j@b>\r\n"
    content = to + b"Cc: A@B\r\nBcc: c@d (note)\r\n\r\nTo: no@b\r\n"

    submission = submit(content, recipients=None, extra=("x@y", "c@d"))

    assert submission.envelope.recipients == ("a@b", "t@b", "j@b", "c@d", "x@y")


def test_resent_message_goes_to_its_new_recipients_only():
    content = b"To: old@b\r\nResent-To: new@b\r\nResent-Bcc: blind@b\r\n\r\n"

    submission = submit(content, recipients=None)

    assert submission.envelope.recipients == ("new@b", "blind@b")


@pytest.mark.parametrize("recipients", [None, ()])
def test_nobody_named_asks_for_a_recipient(recipients):
    problem = problem_of(b"To: undisclosed-recipients:;\n\nx", recipients=recipients)

    assert problem.code is ProblemCode.INPUT_REQUIRED
    assert problem.facts["options"] == ("--to",)


@pytest.mark.parametrize("address", [b"a@b@c", b"nobody", b"a <b@c> d"])
def test_unsound_address_in_the_header_is_refused(address):
    problem = problem_of(b"To: " + address + b"\n\nx", recipients=None)

    assert problem.code is ProblemCode.ADDRESS_MALFORMED


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        pytest.param(b"", {"reason": "empty"}, id="empty"),
        pytest.param(b"\r\n \n", {"reason": "empty"}, id="blank"),
        pytest.param(b"A: b\n\nx\0y", {"reason": "nul", "line": 3}, id="nul"),
        pytest.param(b"hello world\n", {"reason": "no-colon", "line": 1}, id="no-header"),
        pytest.param(b"A: b\nhello\n\nx", {"reason": "no-colon", "line": 2}, id="no-colon"),
        pytest.param(b"From x y\nA: b\nhello\n", {"reason": "no-colon", "line": 3}, id="no-colon-after-mbox"),
        pytest.param(b"Subject : x\n\n", {"reason": "field-name-invalid", "line": 1}, id="space-in-name"),
        pytest.param(b"From : x@y\n\n", {"reason": "field-name-invalid", "line": 1}, id="from-is-not-mbox"),
        pytest.param(b" A: b\n\n", {"reason": "field-name-invalid", "line": 1}, id="continuation-first"),
        pytest.param(b"\nBcc: c@d\nA: b\n\nx", {"reason": "header-empty", "line": 1}, id="blank-first"),
        pytest.param(
            b"\r\n \r\n\n\rBcc : c@d\n\nx", {"reason": "header-empty", "line": 1}, id="blanks-first"
        ),
        pytest.param(
            b"From x y\n\nTo: c@d\n\nx", {"reason": "header-empty", "line": 2}, id="mbox-blank-first"
        ),
        pytest.param(b"A: b\x1b\n\n", {"reason": "control-character", "line": 1}, id="control"),
        pytest.param(b"A: x\nB: \xe9\n\n", {"reason": "not-utf-8", "line": 2, "header": "B"}, id="latin-1"),
        pytest.param(
            b"Message-ID: x\n\n", {"reason": "message-id-invalid", "header": "Message-ID", "line": 1}, id="id"
        ),
        pytest.param(
            b"A: " + b"b\r\n " * 300_000 + b"\n\n", {"reason": "header-too-long"}, id="header-too-long"
        ),
        *(
            pytest.param(
                b"%b: a@b\n%b: a@b\n\n" % (name, name.upper()),
                {"reason": "duplicate-field", "header": name.decode().lower()},
                id=name.decode(),
            )
            for name in (b"From", b"To", b"Subject", b"Date", b"Message-ID")
        ),
    ],
)
def test_malformed_message_is_refused(content, facts):
    problem = problem_of(content)

    assert problem.code is ProblemCode.MESSAGE_MALFORMED
    assert dict(problem.facts) == facts


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(b"A: b\nC: " + b"x" * 996 + b"\n\n", 2, id="header"),
        pytest.param(b"A: b\n\nx\n" + b"x" * 999 + b"\n", 4, id="body"),
        pytest.param(b"From x y\nBcc: a@b\nA: b\n\n" + b"x" * 999, 5, id="after-dropped-lines"),
    ],
)
def test_line_too_long_is_named_by_its_number(content, line):
    problem = problem_of(content)

    assert problem.code is ProblemCode.MESSAGE_LINE_TOO_LONG
    assert problem.facts["line"] == line


def test_longest_line_is_accepted():
    assert b"x" * 998 + b"\r\n" in submit(b"A: b\n\n" + b"x" * 998).content.whole()


@pytest.mark.parametrize(
    ("content", "smtputf8", "eight_bit"),
    [
        pytest.param(b"A: b\n\n\xe9\n", False, True, id="body"),
        pytest.param("A: é\n\nx\n".encode(), True, True, id="header"),
        pytest.param("Bcc: é@b\n\nx\n".encode(), True, False, id="recipient"),
    ],
)
def test_octets_above_127_name_the_extensions_they_need(content, smtputf8, eight_bit):
    recipients = None if content.startswith(b"Bcc") else ("to@b.example",)

    submission = submit(content, recipients=recipients)

    assert submission.needs_smtputf8 is smtputf8
    assert submission.needs_eight_bit is eight_bit


def test_header_of_many_fields_is_read_in_linear_time():
    submission = submit(b"A:\n" * 200_000 + b"\nx")

    assert submission.content.whole().startswith(b"A:\r\nA:\r\n")


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["lone", "line end"])
def test_many_carriage_returns_are_read_in_linear_time(end):
    submission = submit(COMPLETE + b"\r\n" + b"\r" * 3_000_000 + end)

    assert len(submission.content.whole()) < 7_000_000


NAMES = st.sampled_from([b"X-A", b"Bcc", b"BCC", b"Resent-Bcc", b"Subject", b"From", b"To", b"Date"])
VALUES = st.sampled_from([b" a@b", b" a@b,\n\tc@d", b"", b" \xc3\xa9 <e@f>", b" x\n Bcc: y@z"])
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
HEADERS = st.lists(st.tuples(NAMES, VALUES, ENDS), max_size=5, unique_by=lambda field: field[0]).map(
    lambda fields: b"".join(name + b":" + value + end for name, value, end in fields)
)
BODIES = st.lists(
    st.sampled_from([b"a", b".", b"\r", b"\n", b"\r\n", b"From x", b"Bcc: q@r", b"\xff", b" "])
).map(b"".join)
MESSAGES = st.builds(lambda header, body: header + b"\n" + body, HEADERS, BODIES) | st.binary(max_size=200)


@given(MESSAGES)
def test_message_is_refused_or_fit_for_the_wire_and_stays_the_same(content):
    submission = outcome_of(submit, content)
    if isinstance(submission, Problem):
        assert submission.code in {ProblemCode.MESSAGE_MALFORMED, ProblemCode.MESSAGE_LINE_TOO_LONG}
        return

    wire = submission.content.whole()
    assert wire.endswith(b"\r\n")
    assert b"\0" not in wire
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", wire)
    assert all(len(line) <= 998 for line in wire.split(b"\r\n"))
    assert not re.search(rb"^(resent-)?bcc:", wire.partition(b"\r\n\r\n")[0], re.IGNORECASE | re.MULTILINE)
    assert submit(wire).content.whole() == wire
    assert submit(wire).message_id == submission.message_id


@given(BODIES)
def test_body_is_the_same_but_for_its_line_ends(body):
    submission = submit(COMPLETE + b"\r\n" + body)

    lines = re.sub(rb"\r+\n|\r", b"\n", body)
    arrived = submission.content.whole().removeprefix(COMPLETE + b"\r\n").replace(b"\r\n", b"\n")
    assert arrived in {lines, lines + b"\n"}


# -- messages in blocks ----------------------------------------------------------------------------------


class Split(Content):
    """Octets in blocks with borders at the given places."""

    def __init__(self, octets, borders):
        self._octets, self._borders = octets, borders

    @property
    def size_bytes(self):
        return len(self._octets)

    def blocks(self):
        places = [0, *sorted(min(each, len(self._octets)) for each in self._borders), len(self._octets)]
        for start, end in pairwise(places):
            if start < end:
                yield self._octets[start:end]


def result_of(content):
    """Return all that can be told of a message, or of its refusal."""
    outcome = outcome_of(submit, content)
    if isinstance(outcome, Problem):
        return outcome.code, dict(outcome.facts)
    assert outcome.content.size_bytes == len(outcome.content.whole())
    return outcome.content.whole(), outcome.message_id, outcome.envelope, outcome.needs_eight_bit


@given(MESSAGES, st.lists(st.integers(0, 200), max_size=12))
def test_message_is_the_same_whatever_the_borders(content, borders):
    assert result_of(Split(content, borders)) == result_of(content)


LONG = COMPLETE + b"X: y\r\n z\r\n" * 1000 + b"\r\n" + b"a line\r\n" * (START_OCTETS // 8)
TAILS = st.lists(
    st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\xff", b"x" * 990, b"\0", b"."]), max_size=12
).map(b"".join)


@settings(max_examples=15, deadline=None)
@given(TAILS, st.lists(st.integers(-40, 40), max_size=6), st.integers(0, 9))
def test_long_message_is_the_same_whatever_the_borders(tail, borders, shift):
    content = LONG + b"b" * shift + tail
    near = [place + each for place in (len(LONG), START_OCTETS) for each in borders]

    outcome = result_of(Split(content, near))

    assert outcome == result_of(content)
    lines = re.sub(rb"\r+\n|\r|\n", b"\r\n", content)
    long = [number for number, line in enumerate(lines.split(b"\r\n"), 1) if len(line) > 998]
    if b"\0" in tail:
        assert outcome == (
            ProblemCode.MESSAGE_MALFORMED,
            {"reason": "nul", "line": lines[: lines.index(b"\0")].count(b"\n") + 1},
        )
    elif long:
        assert outcome == (ProblemCode.MESSAGE_LINE_TOO_LONG, {"line": long[0]})
    else:
        assert outcome[0] == (lines if lines.endswith(b"\r\n") else lines + b"\r\n")
        assert outcome[3] is (b"\xff" in tail)


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (b"A: " + b"b\r\n " * 900_000 + b"\n\n", {"reason": "header-too-long"}),
        (b"From x y" + b"z" * HEADER_OCTETS + b"\n" + b"A:\r\n" * 300_000, {"reason": "header-too-long"}),
        (b"\n" * START_OCTETS + b"\0", {"reason": "nul", "line": START_OCTETS + 1}),
    ],
    ids=["header", "mbox line", "NUL behind blank lines"],
)
def test_long_malformed_message_is_refused(content, facts):
    assert result_of(content) == (ProblemCode.MESSAGE_MALFORMED, facts)
