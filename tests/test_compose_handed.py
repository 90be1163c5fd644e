"""Messages that programs hand over as to sendmail: completed as a mail server of the machine would."""

from __future__ import annotations

import quopri
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default as modern

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.compose import author, from_raw
from fluenzr_smtp.compose.handed import ENCODED_LIMIT_BYTES, at_home, quoted_printable
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Content, Mailbox, Octets, Submission
from fluenzr_smtp.problems import ProblemCode

HOME = Mailbox(address="me@shop.example", name="Me")
LONG = b"x" * 3000


def handed(
    content: bytes, *, recipients: tuple[str, ...] | None = ("to@b.example",), extra: tuple[str, ...] = ()
) -> Submission:
    return from_raw(
        content,
        mail_from=HOME.address,
        recipients=recipients,
        default_from=HOME,
        now=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        token="t0k3n",
        extra=extra,
        is_handed=True,
    )


def problem_of(content: bytes, recipients: tuple[str, ...] | None = ("to@b.example",)) -> ProblemCode:
    with pytest.raises(FluenzrError) as caught:
        handed(content, recipients=recipients)
    return caught.value.problem.code


def field_of(content: bytes, name: str) -> str:
    found = message_from_bytes(handed(content).content.whole(), policy=modern)
    return str(found[name])


# -- fields that a program wrote twice -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"To: a@b.example\nSubject: x\nTo: C <c@d.example>\n\n", "To", "a@b.example, C <c@d.example>"),
        (b"To: a@b.example\nTO: a@b.example\n\n", "To", "a@b.example"),
        (b"To: \nTo: a@b.example\n\n", "To", "a@b.example"),
        (b"To: a@b.example,\n root\nTo: \n\n", "To", "a@b.example, root <me@shop.example>"),
        (
            b"Cc: a@b.example\nCc: c@d.example,\n e@f.example\n\n",
            "Cc",
            "a@b.example, c@d.example, e@f.example",
        ),
        (b"Subject: x\nSubject: x\n\n", "Subject", "x"),
    ],
    ids=["PHP's mail()", "the same", "empty first", "empty last", "folded", "same subject"],
)
def test_field_that_stands_twice_becomes_one(content: bytes, name: str, expected: str):
    found = message_from_bytes(handed(content).content.whole(), policy=modern)

    assert [str(each) for each in found.get_all(name)] == [expected]


def test_addresses_of_both_fields_get_the_message():
    sent = handed(
        b"To: a@b.example\nTo: c@d.example\nBcc: e@f.example\nBcc: g@h.example\n\nx", recipients=None
    )

    assert sent.envelope.recipients == ("a@b.example", "c@d.example", "e@f.example", "g@h.example")


@pytest.mark.parametrize("name", ["From", "Subject", "Date", "Message-ID"])
def test_field_that_stands_twice_with_two_meanings_is_refused(name: str):
    content = f"{name}: <a@b.example>\n{name}: <c@d.example>\n\n".encode()

    assert problem_of(content) is ProblemCode.MESSAGE_MALFORMED


# -- users of this machine -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("root", "root <me@shop.example>"),
        ("root (Cron Daemon)", "Cron Daemon <me@shop.example>"),
        ('"(Cron Daemon)" <root>', '"(Cron Daemon)" <me@shop.example>'),
        ("Anacron <root>", "Anacron <me@shop.example>"),
        ("mdadm monitoring <root>", "mdadm monitoring <me@shop.example>"),
        ("<root>", "root <me@shop.example>"),
        ("root@localhost", "root <me@shop.example>"),
        ("Charlie Root <root@localhost.localdomain>", "Charlie Root <me@shop.example>"),
        ("www-data@web1", "www-data <me@shop.example>"),
        ("=?utf-8?q?J=C3=BCrgen?= <joe@web1>", "=?utf-8?q?J=C3=BCrgen?= <me@shop.example>"),
        ("joe@web1.example.com", ""),
        ('"Joe, Root" <joe@b.example>', ""),
        ("joe@[192.0.2.1]", ""),
        ('"open <root>', ""),
        ("", ""),
    ],
    ids=[
        "Debian's cron, sender", "Debian's cron", "cronie", "Anacron", "mdadm", "angle brackets",
        "localhost", "localhost.localdomain", "host without a domain", "encoded word",
        "full host", "another address", "literal", "open quote", "empty",
    ],
)  # fmt: skip
def test_an_author_of_this_machine_is_the_accounts_address(value, expected):
    assert at_home(value, HOME, is_author=True) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("root, a@b.example", "root <me@shop.example>,\r\n a@b.example"),
        ('"Last, First" <a@b.example>, root', '"Last, First" <a@b.example>,\r\n root <me@shop.example>'),
        ("ops@mailserver", ""),
        ("Team: root, joe;", ""),
        ("undisclosed-recipients:;", ""),
    ],
    ids=["mixed", "comma in a name", "host nearby", "group", "empty group"],
)
def test_a_recipient_is_only_changed_where_no_other_server_can_be_meant(value, expected):
    assert at_home(value, HOME) == expected


def test_recipients_of_the_header_are_found_at_home():
    submission = handed(b"To: root\nCc: a@b.example, joe@localhost\n\nx\n", recipients=None)

    assert submission.envelope.recipients == ("me@shop.example", "a@b.example")


def test_words_of_the_command_line_may_hold_several_addresses():
    submission = handed(b"Subject: x\n\n", recipients=("root, A <a@b.example>", "c@d.example"))

    assert submission.envelope.recipients == ("me@shop.example", "a@b.example", "c@d.example")


def test_further_recipients_are_added_to_those_of_the_header():
    submission = handed(b"To: a@b.example\n\nx\n", recipients=None, extra=("root", "c@d.example"))

    assert submission.envelope.recipients == ("a@b.example", "me@shop.example", "c@d.example")


def test_without_it_a_name_without_a_domain_is_refused():
    with pytest.raises(FluenzrError) as caught:
        from_raw(
            b"To: root\n\nx\n",
            mail_from=HOME.address,
            recipients=None,
            default_from=HOME,
            now=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
            token="t0k3n",
        )

    assert caught.value.problem.code is ProblemCode.ADDRESS_MALFORMED


@given(st.text(st.sampled_from('ab@.,<>"() \t\\:;ü='), max_size=40))
def test_whatever_stands_in_an_address_field_its_characters_are_kept(value):
    fit = at_home(value, HOME)

    # What is not rewritten is not lost: every address of elsewhere is still there.
    for word in value.replace(",", " ").split():
        if word.count("@") == 1 and word.strip("ab@.").isascii() and not word.strip("ab@."):
            assert not fit or word in fit.replace("\r\n", "")


# -- headers that are not as they should be --------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (b"The disk is full.\n", b"The disk is full.\r\n"),
        (b"\nError: disk full\n", b"Error: disk full\r\n"),
        (b"Warning: disk\n95 % used\n", b"95 % used\r\n"),
        (b" indented\nNote: x\n", b" indented\r\nNote: x\r\n"),
        (b"Subject: x\n\nbody\n", b"body\r\n"),
        (b"From root Mon Jan 1\nSubject: x\nno field\n", b"no field\r\n"),
    ],
    ids=["no header", "empty line first", "header without its end", "white space first", "sound", "mbox"],
)
def test_the_first_line_that_is_no_field_begins_the_text(content, body):
    whole = handed(content).content.whole()

    assert whole.partition(b"\r\n\r\n")[2] == body
    assert whole.count(b"Message-ID:") == 1


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: x\nno field\nBcc: hidden@b.example\n\ntext\n",
        b"\nTo: a@b.example\nbcc : hidden@b.example\n\ntext\n",
        b"no field\nResent-Bcc: hidden@b.example\n",
    ],
    ids=["behind a broken line", "behind an empty line", "resent"],
)
def test_a_blind_copy_is_never_shown_in_the_text(content):
    assert problem_of(content) is ProblemCode.MESSAGE_MALFORMED


def test_recipients_are_not_taken_from_a_broken_header():
    assert problem_of(b"no field\nTo: a@b.example\n\n", None) is ProblemCode.MESSAGE_MALFORMED


@pytest.mark.parametrize(
    ("content", "name", "value"),
    [
        ("Subject: Grüße\n\n".encode(), "Subject", "Grüße"),
        ("Subject: Grüße\n\n".encode("latin-1"), "Subject", "Grüße"),
        ("X-Cron-Env: <LANG=ü>\n\n".encode(), "X-Cron-Env", "<LANG=ü>"),
        ("From: Jürgen <joe@b.example>\n\n".encode(), "From", "Jürgen <joe@b.example>"),
        ('To: "J, ü" <j@b.example>, root\n\n'.encode(), "To", '"J, ü" <j@b.example>, root <me@shop.example>'),
        ("From: joe@b.example (Jürgen)\n\n".encode(), "From", "Jürgen <joe@b.example>"),
    ],
    ids=["UTF-8", "Latin-1", "X- field", "name", "quoted name", "comment"],
)  # fmt: skip
def test_plain_text_in_a_header_needs_no_smtputf8(content, name, value):
    submission = handed(content)

    assert submission.content.whole().isascii()
    assert not submission.needs_smtputf8
    assert field_of(content, name) == value


def test_a_sound_header_keeps_its_octets():
    header = (
        b'From: "A, B" <a@b.example>\r\nTo: c@d.example,\r\n\te@f.example\r\n'
        b"subject:  two  =?utf-8?q?=C3=BC?=\r\nDate: Sun, 01 Mar 2026 09:30:00 +0000\r\nMessage-ID: <x@b>\r\n"
    )

    assert handed(header + b"\r\nx\r\n").content.whole() == header + b"\r\nx\r\n"


@pytest.mark.parametrize(
    ("content", "address"),
    [
        (b"From: A <a@b.example>\nno field\n", "a@b.example"),
        (b"From: J\xfcrgen <a@b.example>\n\n", "a@b.example"),
        (b'From: "(Cron Daemon)" <root>\n\n', ""),
        (b"no field\nFrom: a@b.example\n", ""),
    ],
    ids=["no end", "Latin-1", "local", "text"],
)
def test_the_author_is_found_where_the_header_is_not_as_it_should_be(content, address):
    assert author(Octets(content)) == address


# -- long lines ------------------------------------------------------------------------------------------

CRON = (
    b"Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
    b"Content-Transfer-Encoding: 8bit\n\n"
)


@pytest.mark.parametrize("header", [b"Subject: x\n\n", CRON, b""], ids=["plain", "as cron's", "no header"])
def test_a_long_line_arrives_as_it_was(header):
    text = LONG + "ü\n".encode() + b"short \n.\n"

    submission = handed(header + text)

    whole = submission.content.whole()
    found = message_from_bytes(whole, policy=modern)
    assert max(map(len, whole.split(b"\r\n"))) <= 76 + len("Content-Type: text/plain")
    assert quopri.decodestring(whole.partition(b"\r\n\r\n")[2]).replace(b"\r\n", b"\n") == text
    assert found.get_content().replace("\r\n", "\n") == text.decode()
    assert found.get_all("Content-Transfer-Encoding") == ["quoted-printable"]
    assert not submission.needs_eight_bit


def test_a_long_line_of_unknown_characters_is_said_to_be_that():
    found = message_from_bytes(handed(b"\n" + LONG + b"\xfc\n").content.whole(), policy=modern)

    assert found["Content-Type"] == 'text/plain; charset="unknown-8bit"'
    assert found.get_payload(decode=True) == LONG + b"\xfc\r\n"


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Type: multipart/mixed; boundary=x\n\n",
        b"Content-Transfer-Encoding: base64\n\n",
        b"Subject: " + LONG + b"\n\n",
    ],
    ids=["parts", "encoded", "header"],
)
def test_a_long_line_that_cannot_be_encoded_is_refused(header):
    assert problem_of(header + LONG + b"\n") is ProblemCode.MESSAGE_LINE_TOO_LONG


def test_what_is_too_big_for_the_memory_is_not_encoded():
    class Huge(Content):
        size_bytes = ENCODED_LIMIT_BYTES + 1

        def blocks(self):
            raise AssertionError("not to be read")

    assert quoted_printable({}, Huge()) is None


@pytest.mark.parametrize(
    "value", ["a" + " " * 200_000 + "b", "(" * 200_000, "a<" * 100_000, '"' + "\\" * 200_000, "a, " * 60_000]
)
def test_a_hostile_address_field_takes_no_time(value):
    written = at_home(value, HOME)

    assert written.count("a <me@shop.example>") == value.count("a, ")
