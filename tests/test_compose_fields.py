"""Header fields: what a person may give, and that nothing can be smuggled into one."""

import base64
from email import message_from_bytes
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.compose import parse_header, parse_message_id
from fluenzr_smtp.compose.characters import printable, unfit
from fluenzr_smtp.compose.fields import (
    added_field,
    mailbox_field,
    refuse_repeated_ids,
    text_field,
    unsubscribe_fields,
)
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Mailbox
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode

PIECES = [
    " ",
    "  ",
    "é",
    "a",
    '"',
    "\\",
    ",",
    ";",
    "(",
    "<",
    ">",
    "@",
    "=?",
    "?=",
    "=?utf-8?q?a?=",
    "_",
    "日本",
    "x" * 90,
]
TEXTS = st.text(max_size=120) | st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


def outcome_of(function, *arguments, **more):
    """Return the result, or the problem in which the call ended."""
    try:
        return function(*arguments, **more)
    except FluenzrError as error:
        return error.problem


def reason_of(function, *arguments):
    with pytest.raises(FluenzrError) as caught:
        function(*arguments)
    problem = caught.value.problem
    assert problem.code is ProblemCode.HEADER_MALFORMED
    assert problem.exit_status is ExitStatus.DATA
    return problem.facts["reason"]


def decoded(octets):
    """Return the value of a field as a mail program shows it."""
    ((_, value),) = message_from_bytes(octets + b"\r\n").items()
    return str(make_header(decode_header(value.replace("\r\n", ""))))


def unspaced(text):
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("X-Campaign: may", ("X-Campaign", "may"), id="plain"),
        pytest.param("X-Empty:", ("X-Empty", ""), id="empty-value"),
        pytest.param(
            "List-Unsubscribe: <https://x.example/?a=?b>",
            ("List-Unsubscribe", "<https://x.example/?a=?b>"),
            id="colon-in-value",
        ),
        pytest.param("X-Note: olá", ("X-Note", "olá"), id="not-ascii"),
        pytest.param("message-id: <a@b>", ("message-id", "<a@b>"), id="message-id"),
        pytest.param("X-Tab: a\tb", ("X-Tab", "a\tb"), id="tab"),
        pytest.param(
            "X: =?iso-2022-jp?b?GyRCRnxLXBsoQg==?=",
            ("X", "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?="),
            id="encoded-escape",
        ),
    ],
)
def test_typed_header_is_read(text, expected):
    assert parse_header(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("no colon", "no-colon", id="no-colon"),
        pytest.param(": x", "name-invalid", id="no-name"),
        pytest.param("a b: x", "name-invalid", id="space-in-name"),
        pytest.param("é: x", "name-invalid", id="name-not-ascii"),
        pytest.param("X\r\nBcc: a@b", "control-character", id="crlf-in-name"),
        pytest.param("X: y\r\nBcc: a@b", "control-character", id="crlf"),
        pytest.param("X: y\n Bcc: a@b", "control-character", id="lf-and-space"),
        pytest.param("X: y\rz", "control-character", id="cr"),
        pytest.param("X: y\0z", "control-character", id="nul"),
        pytest.param("X: y\x0bz", "control-character", id="vertical-tab"),
        pytest.param("X: y\x85z", "control-character", id="next-line"),
        pytest.param("X: y\u2028z", "control-character", id="line-separator"),
        pytest.param("X: y\udcff", "not-utf-8", id="surrogate"),
        *(
            pytest.param(f"{name}: x", "set-by-option", id=name)
            for name in (
                "From",
                "TO",
                "Cc",
                "bcc",
                "Subject",
                "Reply-To",
                "Sender",
                "Date",
                "MIME-Version",
                "Content-Type",
            )
        ),
        *(
            pytest.param(f"{name}: x", "not-allowed", id=name)
            for name in ("Received", "Return-Path", "DKIM-Signature", "Resent-To", "Resent-Bcc")
        ),
        pytest.param("Message-ID: abc", "message-id-invalid", id="message-id-without-brackets"),
        pytest.param("Message-ID: <a@b> <c@d>", "message-id-invalid", id="two-message-ids"),
        pytest.param("References: <é@b>", "not-ascii", id="reference-not-ascii"),
        pytest.param(f"X-{'a' * 80}: x", "too-long", id="name-too-long"),
        pytest.param(f"X: {'a ' * 60_000}", "too-long", id="value-too-long"),
    ],
)
def test_unfit_header_is_refused(text, reason):
    assert reason_of(parse_header, text) == reason


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("=?utf-8?q?x=0D=0ABcc:_a@b?=", id="quoted"),
        pytest.param("=?utf-8?Q?x=0d=0aBcc: a@b?=", id="with-spaces"),
        pytest.param("=?utf-8?q?a?b=0A?=", id="question-mark-inside"),
        pytest.param("=?utf-8?b?eA0KQmNjOmFAYg==?=", id="base64"),
        pytest.param("=?utf-8?b?eA0KQmNjOmFAYg?=", id="base64-without-padding"),
        pytest.param("=?utf-8?b?eA0K*QmNj?=", id="base64-with-noise"),
        pytest.param("=?utf-8*en?q?=0A?=", id="with-language"),
        pytest.param("=?no-such-charset?q?=0A?=", id="unknown-charset"),
        pytest.param("=?utf-7?q?+AA0ACg-?=", id="utf-7"),
        pytest.param("=?utf-16-le?b?DQAKAA==?=", id="utf-16"),
        pytest.param(r"=?unicode_escape?q?\r\n?=", id="unicode-escape"),
        pytest.param("=?utf-8?q?=3D=3Futf-8=3Fq=3F=3D0A=3F=3D?=", id="encoded-twice"),
        pytest.param("=?x?q?=?utf-8?b?DQo=?=", id="word-in-word"),
        pytest.param("=?utf-8?q?ok?= =?utf-8?q?=00?=", id="second-word"),
    ],
)
def test_encoded_control_character_is_refused(value):
    assert reason_of(parse_header, f"X: {value}") == "encoded-control-character"
    assert reason_of(text_field, "Subject", value) == "encoded-control-character"
    assert reason_of(mailbox_field, "To", [Mailbox(name=value, address="a@b")]) == "encoded-control-character"


def test_words_nested_without_end_are_refused():
    text = "\n"
    for _ in range(12):
        text = f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="

    assert unfit(text) == "encoded-control-character"


def test_hostile_value_is_checked_in_linear_time():
    assert unfit("=?a?q? " * 16_000) is None
    assert unfit("=?" * 50_000) is None


@pytest.mark.parametrize("name", ["Message-ID", "References", "In-Reply-To"])
def test_field_of_its_kind_may_be_given_once(name):
    assert reason_of(refuse_repeated_ids, [(name, "<a@b>"), (name.upper(), "<c@d>")]) == "duplicate"


def test_tab_in_display_name_is_refused():
    assert reason_of(mailbox_field, "To", [Mailbox(name="a\tb", address="a@b")]) == "control-character"


def test_added_value_that_cannot_be_broken_is_refused():
    assert reason_of(added_field, "X", "a" * 1000) == "too-long"


@pytest.mark.parametrize(
    ("mailbox", "expected"),
    [
        pytest.param(Mailbox(address="a@b"), b"To: a@b\r\n", id="bare"),
        pytest.param(Mailbox(name="A B", address="a@b"), b"To: A B <a@b>\r\n", id="atoms"),
        pytest.param(Mailbox(name="B, A.", address="a@b"), b'To: "B, A." <a@b>\r\n', id="quoted"),
        pytest.param(Mailbox(name='"\\', address="a@b"), b'To: "\\"\\\\" <a@b>\r\n', id="escaped"),
        pytest.param(Mailbox(name="é", address="a@b"), b"To: =?utf-8?q?=C3=A9?= <a@b>\r\n", id="encoded"),
        pytest.param(Mailbox(name="x", address="é@b"), "To: x <é@b>\r\n".encode(), id="utf-8-address"),
    ],
)
def test_mailbox_is_written_as_rfc_5322_wants(mailbox, expected):
    assert mailbox_field("To", [mailbox]) == expected


def test_added_ascii_value_is_written_as_it_is():
    value = "<https://x.example/?a=?b>, =?utf-8?q?caf=C3=A9?="

    assert added_field("List-Unsubscribe", value) == f"List-Unsubscribe: {value}\r\n".encode()


def test_added_address_keeps_its_syntax_beside_an_encoded_name():
    octets = added_field("Disposition-Notification-To", "José <j@b.example>")

    assert octets == b"Disposition-Notification-To: =?utf-8?q?Jos=C3=A9?= <j@b.example>\r\n"


@given(TEXTS)
def test_text_is_refused_or_one_field_that_reads_the_same(text):
    octets = outcome_of(text_field, "Subject", text)
    if isinstance(octets, Problem):
        assert octets.code is ProblemCode.HEADER_MALFORMED
        assert unfit(text)
        return

    assert octets.isascii()
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    assert unspaced(decoded(octets)) == unspaced(text)


@given(st.text("é a\t日", max_size=200))
def test_white_space_within_a_text_is_kept(text):
    octets = text_field("Subject", text)

    assert decoded(octets).strip() == text.strip()


@given(TEXTS.filter(lambda text: not unfit(text) and "\t" not in text))
def test_display_name_reads_the_same_and_hides_no_address(name):
    octets = mailbox_field("To", [Mailbox(name=name, address="a@b"), Mailbox(address="c@d")])

    assert octets.isascii()
    assert octets.replace(b"\r\n", b"").endswith(b" c@d")
    assert all(len(line) <= 78 for line in octets.split(b"\r\n"))
    written = octets.replace(b"\r\n", b"").removeprefix(b"To:").removesuffix(b"<a@b>, c@d").strip().decode()
    if written.startswith('"'):
        written = written[1:-1].replace("\\\\", "\0").replace("\\", "").replace("\0", "\\")
    elif "=?" in written:
        written = str(make_header(decode_header(written)))
    assert written.strip(" ") == name.strip(" ") or not name.strip(" ")


@given(st.text() | st.text("X-: a\r\n=?é", max_size=30), TEXTS)
def test_added_header_is_refused_or_stays_one_field(name, value):
    octets = outcome_of(lambda: added_field(*parse_header(f"{name}:{value}")))
    if isinstance(octets, Problem):
        assert octets.code is ProblemCode.HEADER_MALFORMED
        return

    assert message_from_bytes(octets + b"\r\n").keys() == [name.partition(":")[0].strip(" ")]
    assert octets.isascii()


@given(st.text())
def test_what_is_shown_is_printable(text):
    assert printable(text).isprintable()
    assert len(printable(text)) <= 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("<a.1$b@c.example>", "<a.1$b@c.example>", id="brackets"),
        pytest.param(" a@b ", "<a@b>", id="no-brackets"),
        pytest.param("<a@b@c>", "<a@b@c>", id="two-at-signs-of-somebody-else"),
        pytest.param("<a@[192.0.2.1]>", "<a@[192.0.2.1]>", id="literal"),
        pytest.param(f"<{'a' * 796}@b>", f"<{'a' * 796}@b>", id="longest"),
    ],
)
def test_id_of_an_answered_message_is_read(text, expected):
    assert parse_message_id(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "message-id-invalid", id="empty"),
        pytest.param("<>", "message-id-invalid", id="nothing-in-brackets"),
        pytest.param("Re: hello", "message-id-invalid", id="subject"),
        pytest.param("abc", "message-id-invalid", id="no-at-sign"),
        pytest.param("@b", "message-id-invalid", id="nothing-before-at-sign"),
        pytest.param("<a@b> <c@d>", "message-id-invalid", id="two"),
        pytest.param("<<a@b>>", "message-id-invalid", id="brackets-twice"),
        pytest.param("é@b", "message-id-invalid", id="not-ascii"),
        pytest.param("a\t@b", "message-id-invalid", id="tab"),
        pytest.param("<a@b>\r\nBcc: x@y", "control-character", id="crlf"),
        pytest.param("a@b\udcff", "not-utf-8", id="surrogate"),
        pytest.param("=?utf-8?q?x=0D=0ABcc:x?=@b", "encoded-control-character", id="encoded-crlf"),
        pytest.param(f"{'@' * 200_000}", "message-id-invalid", id="too-long"),
    ],
)
def test_unsound_id_of_an_answered_message_is_refused(text, reason):
    assert reason_of(parse_message_id, text) == reason


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        pytest.param((), b"", id="none"),
        pytest.param(
            ("mailto:leave@b.example",), b"List-Unsubscribe: <mailto:leave@b.example>\r\n", id="mail"
        ),
        pytest.param(("http://b.example/x",), b"List-Unsubscribe: <http://b.example/x>\r\n", id="http"),
        pytest.param(
            ("https://b.example/u?id=1,2", "mailto:leave@b.example?subject=x"),
            b"List-Unsubscribe: <https://b.example/u?id=1,2>,\r\n <mailto:leave@b.example?subject=x>\r\n"
            b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
            id="one-click",
        ),
    ],
)
def test_way_to_leave_a_list_is_written(addresses, expected):
    assert b"".join(octets for _, octets in unsubscribe_fields(addresses)) == expected


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        pytest.param("", "uri-scheme", id="empty"),
        pytest.param("b.example/u", "uri-scheme", id="no-scheme"),
        pytest.param("javascript:alert(1)", "uri-scheme", id="javascript"),
        pytest.param("<https://b.example>", "uri-scheme", id="brackets"),
        pytest.param("https:", "uri-invalid", id="scheme-only"),
        pytest.param("https:///u", "uri-invalid", id="no-host"),
        pytest.param("mailto:", "uri-invalid", id="no-address"),
        pytest.param("https://b.example/a b", "uri-invalid", id="space"),
        pytest.param("https://b.example/>,<mailto:x@y", "uri-invalid", id="bracket-inside"),
        pytest.param("https://b.example/\r\nBcc:x@y", "control-character", id="crlf"),
        pytest.param("https://b.example/=?utf-8?q?=0D=0Ax?=", "encoded-control-character", id="encoded-crlf"),
        pytest.param("https://bücher.example/", "not-ascii", id="not-ascii"),
        pytest.param(f"https://b.example/{'a' * 1000}", "too-long", id="too-long"),
    ],
)
def test_unfit_way_to_leave_a_list_is_refused(address, reason):
    assert reason_of(lambda: list(unsubscribe_fields((address,)))) == reason
