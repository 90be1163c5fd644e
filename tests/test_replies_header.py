"""The header of an incoming message is read as values; what cannot be read is an empty one."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.replies.header import FIELDS, LONGEST_VALUE, Header, ids_in
from fluenzr_smtp.replies.parts import header_of


def header(*lines):
    """Return the header of these lines, each text or octets."""
    octets = (line if isinstance(line, bytes) else line.encode() for line in lines)
    return Header(header_of(b"\r\n".join(octets) + b"\r\n\r\n"))


@pytest.mark.parametrize(
    ("line", "subject"),
    [
        pytest.param("Subject: Offer", "Offer", id="plain"),
        pytest.param("SUBJECT:Offer", "Offer", id="upper-case"),
        pytest.param("Subject: =?utf-8?q?R=C3=A9ponse?=", "Réponse", id="encoded"),
        pytest.param("Subject: a\r\n\tb\r\n  c", "a b c", id="folded"),
        pytest.param("Subject: =?utf-8?b?w6k=?=\r\n =?utf-8?b?w6k=?=", "éé", id="folded-between-words"),
        pytest.param("Subject: =?utf-8?q?a=0D=0Ab?=", "a b", id="line-break-inside-a-word"),
        pytest.param("Subject:   a \t b  ", "a b", id="blanks"),
        pytest.param("Subject: été", "été", id="raw-utf-8"),
        pytest.param("Subject:", "", id="empty"),
        pytest.param("X-Subject: no", "", id="missing"),
    ],
)
def test_subject_is_one_line_of_text(line, subject):
    assert header(line).subject == subject


@pytest.mark.parametrize(
    ("line", "address", "name"),
    [
        pytest.param("From: a@b.example", "a@b.example", "", id="bare"),
        pytest.param("From: Ann Lee <Ann@B.Example>", "ann@b.example", "Ann Lee", id="named"),
        pytest.param('From: "Lee, Ann" <a@b.example>', "a@b.example", "Lee, Ann", id="quoted"),
        pytest.param("From: =?utf-8?q?Jos=C3=A9?= <j@b.example>", "j@b.example", "José", id="encoded"),
        pytest.param("From: a@b.example (Ann Lee)", "a@b.example", "Ann Lee", id="comment"),
        pytest.param("From: A <a@b.example>, B <b@b.example>", "a@b.example", "A", id="first-of-two"),
        pytest.param("From: Ann\r\n Lee\r\n <a@b.example>", "a@b.example", "Ann Lee", id="folded"),
        pytest.param("From: <>", "", "", id="null"),
        pytest.param("From: MAILER-DAEMON", "mailer-daemon", "", id="without-domain"),
        pytest.param("X-From: a@b.example", "", "", id="missing"),
    ],
)
def test_sender_is_the_first_author(line, address, name):
    found = header(line)

    assert (found.sender, found.sender_name) == (address, name)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        pytest.param("", (), id="empty"),
        pytest.param("<a@b>", ("<a@b>",), id="one"),
        pytest.param("<a@b> <c@d>", ("<a@b>", "<c@d>"), id="two"),
        pytest.param("<a@b><c@d>", ("<a@b>", "<c@d>"), id="without-blank"),
        pytest.param("<a@b>\t<a@b>", ("<a@b>",), id="twice-the-same"),
        pytest.param("your message <a@b> of Monday", ("<a@b>",), id="among-words"),
        pytest.param("a@b", ("<a@b>",), id="without-brackets"),
        pytest.param("a@b, c@d", ("<a@b>", "<c@d>"), id="without-brackets-and-commas"),
        pytest.param("<weird id>", (), id="blank-inside"),
        pytest.param("<no-at-sign>", ("<no-at-sign>",), id="no-at-sign"),
        pytest.param("your message of Monday", (), id="words-alone"),
        pytest.param("<>", (), id="empty-brackets"),
        pytest.param("<<a@b>>", ("<a@b>",), id="doubled-brackets"),
    ],
)
def test_identifiers_are_found_in_a_text(text, ids):
    assert ids_in(text) == ids


def test_identifiers_are_no_more_than_a_hundred():
    text = " ".join(f"<{number}@b>" for number in range(1000))

    assert len(ids_in(text)) == 100


def test_references_come_nearest_first():
    found = header("References: <first@b>\r\n <second@b>", "In-Reply-To: <second@b>", "Message-ID: <mine@b>")

    assert found.references == ("<second@b>", "<first@b>")
    assert found.in_reply_to == ("<second@b>",)
    assert found.message_id == "<mine@b>"


def test_identifiers_are_not_decoded():
    found = header("Message-ID: <=?utf-8?q?a?=@b>")

    assert found.message_id == "<=?utf-8?q?a?=@b>"


def test_header_without_fields_has_empty_values():
    found = header()

    assert (found.message_id, found.in_reply_to, found.references) == ("", (), ())
    assert (found.sender, found.sender_name, found.subject, found.date) == ("", "", "", None)
    assert not found.has_null_return_path
    assert found.addresses("To") == ()


@pytest.mark.parametrize(
    ("value", "date"),
    [
        pytest.param("Sun, 01 Mar 2026 09:30:00 +0000", datetime(2026, 3, 1, 9, 30, tzinfo=UTC), id="utc"),
        pytest.param("1 Mar 2026 09:30 +0230", datetime(2026, 3, 1, 7, 0, tzinfo=UTC), id="zone"),
        pytest.param("Sun, 1 Mar 2026 09:30:00 -0000", datetime(2026, 3, 1, 9, 30, tzinfo=UTC), id="no-zone"),
        pytest.param("Sun, 1 Mar 2026 09:30:00 EST", datetime(2026, 3, 1, 14, 30, tzinfo=UTC), id="old-zone"),
        pytest.param(
            "Sun, 1 Mar 2026 09:30:00 +0000 (UTC)", datetime(2026, 3, 1, 9, 30, tzinfo=UTC), id="note"
        ),
        pytest.param("yesterday", None, id="word"),
        pytest.param("", None, id="empty"),
        pytest.param("Mon, 31 Feb 2026 09:30:00 +0000", None, id="no-such-day"),
        pytest.param("31 Dec 9999 23:00:00 -2300", None, id="past-the-last-year"),
        pytest.param("1 Jan 99999 00:00:00 +0000", None, id="after-time"),
        pytest.param("1 Mar 2026 09:30:00 +9999", None, id="no-such-zone"),
        pytest.param("1 Mar 2026 " + "9" * 10_000, None, id="long-number"),
    ],
)
def test_date_is_aware_or_none(value, date):
    found = header(f"Date: {value}").date

    assert found == date
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("lines", "is_null"),
    [
        pytest.param(["Return-Path: <>"], True, id="null"),
        pytest.param(["Return-Path:  <> "], True, id="blanks"),
        pytest.param(["Return-Path: <MAILER-DAEMON>"], True, id="daemon"),
        pytest.param(["Return-Path: <a@b>", "Return-Path: <>"], True, id="second"),
        pytest.param(["Return-Path: <a@b>"], False, id="address"),
        pytest.param(["Return-Path:"], False, id="empty"),
        pytest.param(["Return-Receipt-To: <>"], False, id="other-field"),
    ],
)
def test_null_return_path_is_seen(lines, is_null):
    assert header(*lines).has_null_return_path is is_null


def test_addresses_of_all_occurrences_are_found_in_lower_case():
    found = header(
        "To: A <A@B.example>,\r\n b@b.example", "to: Team: c@b.example, nobody;", "Cc: d@b.example"
    )

    assert found.addresses("To") == ("a@b.example", "b@b.example", "c@b.example")


def test_field_is_known_to_be_there_though_it_is_empty():
    found = header("X-Autoreply:")

    assert found.has("x-autoreply")
    assert not found.has("X-Vacation")


def test_value_is_cut_at_its_longest():
    found = header("Subject: " + "a" * (2 * LONGEST_VALUE))

    assert found.text("Subject") == "a" * LONGEST_VALUE


def test_fields_that_are_asked_for_tell_what_a_message_answers():
    assert {"From", "Message-ID", "In-Reply-To", "References", "Return-Path"} <= set(FIELDS)


def values_of(found):
    """Return everything that is read of a header."""
    names = ("From", "To", "Subject", "Date", "References", "X-A")
    return (
        *(found.message_id, found.in_reply_to, found.references, found.sender, found.sender_name),
        *(found.subject, found.date, found.has_null_return_path),
        *((found.text(name), found.texts(name), found.raw(name), found.addresses(name)) for name in names),
    )


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b"X-A: b"] * 100_000, id="many-lines"),
        pytest.param([b"From: " + b"(" * 10_000], id="comments"),
        pytest.param([b"From: " + b'"' * 9_999 + b"<a@b>"], id="quotes"),
        pytest.param([b"From: " + b"a@b," * 5_000], id="many-authors"),
        pytest.param([b"From: " + b"<" * 10_000], id="brackets"),
        pytest.param([b"References: " + b"<" * 300_000], id="open-identifiers"),
        pytest.param([b"References: " + b"a@" * 100_000], id="bare-identifiers"),
        pytest.param([b"Date: " + b"\xff" * 999], id="date-of-octets"),
        pytest.param([b"Subject: " + b"=?utf-8?q?" * 10_000], id="words-without-end"),
        pytest.param([b"Subject: \xff\xfe\0", b"From: \xff <\xff@\xff>", b"To: \xff@b"], id="octets"),
        pytest.param(["Subject: \ud800".encode("utf-8", "surrogatepass")], id="lone-surrogate"),
        pytest.param([b"no field at all", b": nameless", b" folded first", b"Subject: x"], id="no-fields"),
        pytest.param([b"Subject" + b" " * 1000 + b": x"], id="blanks-before-the-colon"),
    ],
)
def test_hostile_header_has_values(lines):
    values_of(header(*lines))


LINES = st.sampled_from(
    [
        *(b"From: ", b"To: ", b"Subject: ", b"Date: ", b"References: ", b"In-Reply-To: ", b"Return-Path: "),
        *(
            b"\r\n ",
            b"\r\n",
            b"<a@b>",
            b"a@b",
            b"(",
            b")",
            b'"',
            b"\\",
            b",",
            b";",
            b":",
            b"<",
            b">",
            b"@",
            b"[",
        ),
        *(b"=?utf-8?q?=E9?=", b"=?utf-7?q?+2AA-?=", b"1 Mar 2026 25:61", b"\xff", b"\0", b"\r", b"-0000"),
    ]
)


@given(st.binary(max_size=200) | st.lists(LINES, max_size=30).map(b"".join))
def test_any_octets_have_values(octets):
    values_of(header(octets))


NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Z")), max_size=30)


@given(NAMES)
def test_name_that_was_encoded_comes_back(name):
    from email.header import Header as Encoded

    found = header(f"From: {Encoded(name, 'utf-8').encode()} <a@b.example>")

    assert (found.sender, found.sender_name) == ("a@b.example", name)
