"""Formless reports of mail servers are told from people's words, and tell of whom and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.replies.bounces import failures, is_delay, is_mail_system, report_text
from fluenzr_smtp.replies.header import Header
from fluenzr_smtp.replies.parts import parsed

OURS = "me@sender.example"


def mail(body="", *, subject="Undelivered mail", sender="MAILER-DAEMON@mx.b.example", headers=()):
    """Return a message of one text."""
    fields = {"From": sender, "To": OURS, "Subject": subject} | dict(headers)
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{lines}\r\n{body}".replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "surrogatepass")


def failed(octets, *, is_permanent=True, own=frozenset({OURS})):
    message = parsed(octets)
    return failures(Header(message), octets, report_text(message), is_permanent=is_permanent, own=own)


@pytest.mark.parametrize(
    "sender",
    [
        pytest.param("MAILER-DAEMON@mx.b.example", id="daemon"),
        pytest.param("Mailer-Daemon@b.example (Mail Delivery System)", id="daemon-with-comment"),
        pytest.param("Mail Delivery System <x17@b.example>", id="name-alone"),
        pytest.param("=?utf-8?q?Mail_Delivery_Subsystem?= <x17@b.example>", id="encoded-name"),
        pytest.param("postmaster@b.example", id="postmaster"),
        pytest.param(
            "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@b.example>", id="exchange"
        ),
        pytest.param("builders-bounces@lists.b.example", id="list"),
        pytest.param("MAILER-DAEMON", id="without-domain"),
        pytest.param("mail_daemon@b.example", id="underscore"),
    ],
)
def test_mail_system_is_known_by_its_name(sender):
    assert is_mail_system(Header(parsed(mail(sender=sender))))


@pytest.mark.parametrize(
    "sender",
    [
        "ann@b.example",
        "Ann Post <ann@b.example>",
        "sales@delivery.example",
        "Mailin Dae <m@b.example>",
        "",
        "<>",
    ],
)
def test_person_is_no_mail_system(sender):
    assert not is_mail_system(Header(parsed(mail(sender=sender))))


@pytest.mark.parametrize(
    ("subject", "words", "is_late"),
    [
        pytest.param("delayed 24 hours", "", True, id="subject"),
        pytest.param("Mail report", "your message has not yet been delivered", True, id="words"),
        pytest.param("Undelivered mail", "it was delayed, then returned to sender", False, id="given-up"),
        pytest.param(
            "Mail report", "delayed, but could not be delivered at last", False, id="given-up-in-words"
        ),
        pytest.param("Mail report", "nothing of it", False, id="neither"),
        pytest.param("Zustellung verzögert", "", True, id="german"),
    ],
)
def test_report_of_a_late_message_is_told_from_one_that_gave_up(subject, words, is_late):
    assert is_delay(Header(parsed(mail(subject=subject))), words) is is_late


@pytest.mark.parametrize(
    "border",
    [
        "--- Below this line is a copy of it.",
        "------ This is a copy of what came. ------",
        "Return-Path: <me@sender.example>",
        "Received: from mx.sender.example by mx.b.example",
        "----- Original message -----",
        "X-Mailer: Fluenzr",
    ],
)
def test_report_ends_where_the_message_begins_that_it_is_about(border):
    octets = mail(f"bob@b.example: no such user\n\n{border}\n\nDear Bob,\ncarl@b.example waits.\n")

    text = report_text(parsed(octets))

    assert "Dear Bob" not in text
    assert "no such user" in text


def test_report_that_begins_with_the_message_is_kept():
    text = report_text(parsed(mail("Return-Path: <me@sender.example>\nSubject: Offer\n")))

    assert text.startswith("Return-Path")


@pytest.mark.parametrize(
    ("body", "recipient", "status", "code"),
    [
        pytest.param(
            "Your message could not be delivered.\n\n<bob@b.example>: host mx.b.example[192.0.2.1] said:\n"
            "    550 5.1.1 <bob@b.example>: Recipient address rejected: User unknown (in reply to RCPT TO)",
            "bob@b.example",
            "5.1.1",
            "recipient-refused",
            id="postfix",
        ),
        pytest.param(
            "What you sent could not be delivered.\n\n  bob@b.example\n"
            "    SMTP error of mx.b.example at RCPT TO:<bob@b.example>:\n"
            "    550 5.1.1 No such user here",
            "bob@b.example",
            "5.1.1",
            "recipient-refused",
            id="exim",
        ),
        pytest.param(
            "Hello, qmail at b.example speaks.\n"
            "I am unable to deliver what you sent.\n"
            "I am giving up on it.\n\n<bob@b.example>:\n"
            "There is no such mailbox at this place. (#5.1.1)\n",
            "bob@b.example",
            "5.1.1",
            "recipient-refused",
            id="qmail",
        ),
        pytest.param(
            "   ----- Addresses with fatal errors -----\n<bob@b.example>\n\n"
            "   ----- What was said -----\n... while talking to mx.b.example.:\n"
            ">>> RCPT To:<bob@b.example>\n<<< 552 5.2.2 Mailbox full\n",
            "bob@b.example",
            "5.2.2",
            "mailbox-full",
            id="sendmail",
        ),
        pytest.param(
            "** Nobody there **\n\nWhat you sent to bob@b.example was not delivered, for the address\n"
            "is not known.\n\nThe server said:\n550 5.1.1 There is no such account.",
            "bob@b.example",
            "5.1.1",
            "recipient-refused",
            id="gmail",
        ),
        pytest.param(
            "Delivery has failed for:\n\nbob@b.example\nThe mailbox is full.\n\n"
            "For those who run the server:\n#552 5.2.2 mailbox full",
            "bob@b.example",
            "5.2.2",
            "mailbox-full",
            id="exchange",
        ),
    ],
)
def test_formless_report_tells_of_whom_and_why(body, recipient, status, code):
    found = failed(mail(body))

    assert [(each.recipient, each.status, each.code) for each in found] == [(recipient, status, code)]


def test_own_address_is_not_the_one_that_failed():
    found = failed(mail(f"The message of {OURS} to bob@b.example failed: 550 5.1.1 unknown"))

    assert [each.recipient for each in found] == ["bob@b.example"]


def test_own_address_in_the_title_case_of_others_is_not_the_one_that_failed():
    found = failed(mail("The message of Me@Sender.Example to bob@b.example failed: 550 5.1.1 unknown"))

    assert [each.recipient for each in found] == ["bob@b.example"]


def test_identifier_of_a_message_is_no_address():
    found = failed(mail("Message-ID: <offer-1@a.example>\nbob@b.example: 550 5.1.1 unknown"))

    assert [each.recipient for each in found] == ["bob@b.example"]


def test_recipients_are_named_by_a_field():
    octets = mail(
        "It failed for somebody: 550 5.1.1 unknown. Ask help@b.example.",
        headers={"X-Failed-Recipients": "Bob@b.example,\r\n carl@b.example"},
    )

    found = failed(octets)

    assert [each.recipient for each in found] == ["bob@b.example", "carl@b.example"]


def test_report_without_address_tells_the_words_alone():
    found = failed(mail("Your message was refused:\n554 5.7.1 Spam message rejected"))

    assert [(each.recipient, each.status) for each in found] == [("", "5.7.1")]


def test_empty_report_tells_nothing():
    assert failed(mail(" \n")) == ()


def test_each_recipient_has_the_words_that_stand_by_it():
    found = failed(
        mail(
            "<bob@b.example>: host mx said: 550 5.1.1 User unknown\n\n\n\n\n"
            "<carl@b.example>: host mx said: 552 5.2.2 Mailbox full\n"
        )
    )

    assert {each.recipient: each.status for each in found} == {
        "bob@b.example": "5.1.1",
        "carl@b.example": "5.2.2",
    }


def test_late_recipient_is_not_given_up():
    found = failed(mail("bob@b.example: 450 4.2.0 greylisted, will be retried"), is_permanent=False)

    assert [each.is_permanent for each in found] == [False]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("a" * 256 * 1024, id="one-long-line"),
        pytest.param("a@" * 100_000, id="at-signs"),
        pytest.param("a@b." * 60_000, id="domains-without-end"),
        pytest.param("bob@b.example\n" * 20_000, id="same-address"),
        pytest.param("".join(f"r{at}@b.example\n" for at in range(10_000)), id="many-addresses"),
        pytest.param("----- " * 40_000, id="dashes"),
        pytest.param("5.1." * 60_000, id="statuses"),
        pytest.param("550 " * 60_000, id="codes"),
        pytest.param("host " * 50_000, id="hosts"),
        pytest.param("\0" * 100_000, id="nul"),
        pytest.param("\ud800 bob@b.example 550", id="lone-surrogate"),
        pytest.param("bob@b.example" + " " * 200_000 + "550", id="blanks"),
        pytest.param("\n" * 200_000 + "bob@b.example", id="blank-lines"),
        pytest.param("message-id:" * 20_000, id="identifiers"),
    ],
)
def test_hostile_report_names_no_more_than_twenty(body):
    found = failed(mail(body))

    assert len(found) <= 20
    assert all(len(each.diagnostic) <= 1000 for each in found)


PIECES = st.sampled_from(
    [
        *(
            "\n",
            " ",
            "bob@b.example",
            "<carl@b.example>:",
            OURS,
            "550",
            "5.1.1",
            "#5.2.2",
            "host mx said:",
            "\0",
        ),
        *(
            "----- original message",
            "Return-Path: <",
            "Message-ID: <a@b>",
            "user unknown",
            "ü",
            "\ud800",
            "@",
            ".",
        ),
    ]
)


@given(st.text(max_size=200) | st.lists(PIECES, max_size=30).map("".join), st.booleans())
def test_any_report_names_strangers_alone(body, is_permanent):
    found = failed(mail(body), is_permanent=is_permanent)

    assert OURS not in {each.recipient for each in found}
    assert len({each.recipient for each in found}) == len(found)
    assert is_permanent or not any(each.is_permanent for each in found)
