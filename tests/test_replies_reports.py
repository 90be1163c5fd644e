"""Delivery status notifications are read by RFC 3464, and what is attached to reports is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.model.replies import Failed
from fluenzr_smtp.replies.parts import parsed
from fluenzr_smtp.replies.reports import (
    StatusReport,
    has_part,
    named,
    original_ids,
    quoted_ids,
    status_report,
)

REPORT = b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n"


def report(*parts):
    """Return a report of these parts, each with its own header."""
    return parsed(REPORT + b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n")


def status(*blocks, content_type=b"message/delivery-status", more=b""):
    """Return a part of groups of fields, the first of them about the message."""
    groups = ("Reporting-MTA: dns; mx.b.example", *blocks)
    body = "\r\n".join(f"{group}\r\n" for group in groups).encode()
    return b"Content-Type: " + content_type + b"\r\n" + more + b"\r\n" + body


def of_one(*fields):
    """Return what a report says of one recipient, given by these fields."""
    found = status_report(report(status("\r\n".join(fields))))
    assert found is not None
    return found


TO = "Final-Recipient: rfc822; ann@b.example"


def test_failed_recipient_has_status_words_and_meaning():
    found = of_one(
        TO,
        "Action: failed",
        "Status: 5.1.1",
        "Diagnostic-Code: smtp; 550 5.1.1 <ann@b.example>: No such user",
    )

    assert found == StatusReport(
        failed=(
            Failed(
                recipient="ann@b.example",
                status="5.1.1",
                is_permanent=True,
                diagnostic="550 5.1.1 <ann@b.example>: No such user",
                code="recipient-refused",
                topic="recipient-refused",
            ),
        )
    )


def test_delayed_recipient_is_not_given_up():
    found = of_one(TO, "Action: delayed", "Status: 4.4.1", "Will-Retry-Until: Sun, 1 Mar 2026 09:30:00 +0000")

    assert found.failed == ()
    assert [(each.recipient, each.status, each.is_permanent) for each in found.delayed] == [
        ("ann@b.example", "4.4.1", False)
    ]


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", "Delivered (to mailbox)"])
def test_delivered_recipient_is_done(action):
    found = of_one(TO, f"Action: {action}", "Status: 2.0.0")

    assert found == StatusReport(is_done=True)


@pytest.mark.parametrize(
    ("fields", "recipient"),
    [
        pytest.param([TO], "ann@b.example", id="final"),
        pytest.param(["Final-Recipient: rfc822;ANN@B.example"], "ann@b.example", id="upper-case"),
        pytest.param(["Final-Recipient: rfc822; <ann@b.example>"], "ann@b.example", id="brackets"),
        pytest.param(["Final-Recipient: ann@b.example"], "ann@b.example", id="without-type"),
        pytest.param(
            ["Original-Recipient: rfc822; list@a.example", TO], "list@a.example", id="original-before-final"
        ),
        pytest.param(["X-Actual-Recipient: rfc822; ann@b.example"], "ann@b.example", id="actual-alone"),
        pytest.param(["Final-Recipient: rfc822;\r\n ann@b.example"], "ann@b.example", id="folded"),
        pytest.param(["Final-Recipient: x400; /G=Ann/S=Lee/"], "", id="no-address"),
        pytest.param(["X-Nothing: x"], "", id="missing"),
    ],
)
def test_recipient_is_the_one_that_was_written_to(fields, recipient):
    found = of_one(*fields, "Action: failed", "Status: 5.0.0")

    assert [each.recipient for each in found.failed] == [recipient]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(["Status: 5.2.2"], "5.2.2", id="plain"),
        pytest.param(["Status: 5.2.2 (mailbox full)"], "5.2.2", id="with-a-note"),
        pytest.param(
            ["Status: 5.0.0", "Diagnostic-Code: smtp; 550 5.7.1 blocked"], "5.7.1", id="words-know-more"
        ),
        pytest.param(
            ["Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.7.1 blocked"], "5.1.1", id="both-are-clear"
        ),
        pytest.param(["Diagnostic-Code: smtp; 550 5.7.1 blocked"], "5.7.1", id="words-alone"),
        pytest.param(
            ["Status: 5.0.0", "Diagnostic-Code: smtp; 250 2.1.5 Ok"], "5.0.0", id="words-of-success"
        ),
        pytest.param(["Status: broken"], "", id="no-status"),
        pytest.param(["Diagnostic-Code: smtp; 550 no"], "", id="nothing"),
    ],
)
def test_status_is_the_most_telling(fields, expected):
    found = of_one(TO, "Action: failed", *fields)

    assert [each.status for each in found.failed] == [expected]


@pytest.mark.parametrize(
    ("fields", "is_permanent"),
    [
        pytest.param(["Action: failed", "Status: 5.1.1"], True, id="for-good"),
        pytest.param(["Action: failed", "Status: 4.4.7"], False, id="given-up-after-a-time"),
        pytest.param(["Action: delayed", "Status: 5.1.1"], False, id="late"),
        pytest.param(["Action: FAILED", "Status: 5.1.1"], True, id="upper-case"),
        pytest.param(["Status: 5.1.1"], True, id="without-action"),
        pytest.param(["Status: 4.1.1"], False, id="without-action-and-passing"),
    ],
)
def test_permanent_failure_is_told_from_a_passing_one(fields, is_permanent):
    found = of_one(TO, *fields)

    assert [each.is_permanent for each in (*found.failed, *found.delayed)] == [is_permanent]


def test_every_recipient_has_a_group_of_its_own():
    found = status_report(
        report(
            status(
                "Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1",
                "Final-Recipient: rfc822; c@b.example\r\nAction: delayed\r\nStatus: 4.4.1",
                "Final-Recipient: rfc822; d@b.example\r\nAction: delivered\r\nStatus: 2.1.5",
            )
        )
    )

    assert found is not None
    assert [each.recipient for each in found.failed] == ["a@b.example"]
    assert [each.recipient for each in found.delayed] == ["c@b.example"]
    assert found.is_done


GROUP = "Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1"


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(status(GROUP), id="plain"),
        pytest.param(status(GROUP).replace(b"\r\n", b"\n"), id="bare-line-ends"),
        pytest.param(status(GROUP, content_type=b"message/global-delivery-status"), id="international"),
        pytest.param(
            status(GROUP, more=b"Content-Transfer-Encoding: 7bit\r\n"), id="with-an-encoding-that-is-none"
        ),
        pytest.param(
            status(GROUP).replace(b"\r\n\r\nFinal", b"\r\n\r\n\r\n\r\nFinal"), id="blank-lines-between"
        ),
        pytest.param(status(GROUP).replace(b"Action", b"ACTION"), id="upper-case"),
    ],
)
def test_report_is_read_in_every_form(part):
    found = status_report(report(b"Content-Type: text/plain\r\n\r\nSorry.", part))

    assert found is not None
    assert [(each.recipient, each.status) for each in found.failed] == [("a@b.example", "5.1.1")]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(parsed(b"Subject: x\r\n\r\nAction: failed"), id="text"),
        pytest.param(report(b"Content-Type: text/plain\r\n\r\nSorry."), id="report-without-status"),
        pytest.param(
            report(b"Content-Type: message/rfc822\r\n\r\nSubject: old report\r\n\r\n" + status(GROUP)),
            id="attached-message-alone",
        ),
        pytest.param(parsed(b""), id="empty"),
    ],
)
def test_message_without_status_is_no_report(message):
    assert status_report(message) is None


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(b"Content-Type: message/delivery-status\r\n\r\n", id="empty"),
        pytest.param(status(), id="nothing-of-a-recipient"),
        pytest.param(status(f"{TO}\r\nAction: wonder"), id="unknown-action"),
        pytest.param(status(TO), id="neither-action-nor-status"),
    ],
)
def test_status_that_says_nothing_settles_nothing(part):
    found = status_report(report(part))

    assert found in {None, StatusReport()}


def test_report_of_ten_thousand_recipients_is_cut():
    blocks = [
        f"Final-Recipient: rfc822; r{at}@b.example\r\nAction: failed\r\nStatus: 5.1.1" for at in range(10_000)
    ]

    found = status_report(report(status(*blocks)))

    assert found is not None
    assert [each.recipient for each in found.failed] == [f"r{at}@b.example" for at in range(100)]


def test_endless_diagnostic_is_cut():
    found = of_one(TO, "Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; " + "x y " * 50_000)

    assert len(found.failed[0].diagnostic) <= 1000


# -- what the words mean ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "diagnostic", "meaning"),
    [
        pytest.param("5.1.1", "550 5.1.1 User unknown", "recipient-refused", id="unknown-user"),
        pytest.param("5.1.1", "", "recipient-refused", id="status-alone"),
        pytest.param("5.2.2", "552 5.2.2 Over quota", "mailbox-full", id="full"),
        pytest.param("5.0.0", "", "", id="nothing-known"),
        pytest.param("", "", "", id="nothing-said"),
        pytest.param("", "xyzzy", "", id="words-that-nobody-knows"),
    ],
)
def test_words_have_the_meaning_that_they_have_when_sending(code, diagnostic, meaning):
    found = named("a@b.example", status=code, diagnostic=diagnostic, is_permanent=True)

    assert found.code == meaning


def test_words_are_one_line():
    found = named("A@B.example", status="5.1.1", diagnostic=" 550\r\n\tno   such\nuser ", is_permanent=True)

    assert (found.recipient, found.diagnostic) == ("a@b.example", "550 no such user")


@given(
    st.text(max_size=50),
    st.text(max_size=10) | st.from_regex(r"[245]\.\d\.\d{1,2}"),
    st.text(),
    st.booleans(),
)
def test_any_words_have_a_meaning_or_none(recipient, code, diagnostic, is_permanent):
    found = named(recipient, status=code, diagnostic=diagnostic, is_permanent=is_permanent)

    assert found.is_permanent <= is_permanent
    assert bool(found.code) is bool(found.topic)


# -- what is attached ------------------------------------------------------------------------------------

MINE = b"Message-ID: <mine@a.example>\r\nSubject: Offer\r\n"


@pytest.mark.parametrize(
    ("part", "ids"),
    [
        pytest.param(
            b"Content-Type: message/rfc822\r\n\r\n" + MINE + b"\r\nhello", ("<mine@a.example>",), id="message"
        ),
        pytest.param(b"Content-Type: text/rfc822-headers\r\n\r\n" + MINE, ("<mine@a.example>",), id="header"),
        pytest.param(
            b"Content-Type: text/rfc822-headers\n\n" + MINE.replace(b"\r\n", b"\n"),
            ("<mine@a.example>",),
            id="header-with-bare-line-ends",
        ),
        pytest.param(
            b"Content-Type: message/rfc822-headers\r\n\r\n" + MINE,
            ("<mine@a.example>",),
            id="header-as-message",
        ),
        pytest.param(
            b"Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            b"TWVzc2FnZS1JRDogPG1pbmVAYS5leGFtcGxlPg0K\r\n",
            ("<mine@a.example>",),
            id="header-in-base64",
        ),
        pytest.param(b"Content-Type: text/plain\r\n\r\n" + MINE, (), id="text"),
        pytest.param(b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n", (), id="without-identifier"),
    ],
)
def test_identifier_of_the_attached_message_is_found(part, ids):
    assert original_ids(report(b"Content-Type: text/plain\r\n\r\nSorry.", part)) == ids


@pytest.mark.parametrize(
    ("octets", "ids"),
    [
        pytest.param(MINE, ("<mine@a.example>",), id="first-line"),
        pytest.param(b"Sorry.\n\n> Message-Id: <a@b>\n> To: c@d\n", ("<a@b>",), id="quoted"),
        pytest.param(b"Message-ID:\r\n <a@b>\r\n", ("<a@b>",), id="folded"),
        pytest.param(
            b"Message-ID: <a@b>\nMessage-ID: <c@d>\nMessage-ID: <a@b>", ("<a@b>", "<c@d>"), id="two"
        ),
        pytest.param(b"the Message-ID: <a@b> of yours", (), id="inside-a-line"),
        pytest.param(b"In-Reply-To: <a@b>\n", (), id="other-field"),
        pytest.param(b"Message-ID: a@b\n", (), id="without-brackets"),
        pytest.param(b"", (), id="empty"),
    ],
)
def test_identifier_of_a_quoted_header_is_found(octets, ids):
    assert quoted_ids(octets) == ids


def test_part_is_found_by_its_type():
    message = report(b"Content-Type: MESSAGE/Feedback-Report\r\n\r\nFeedback-Type: abuse\r\n")

    assert has_part(message, "message/feedback-report", "x/y")
    assert not has_part(message, "message/delivery-status")


# -- hostile reports -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\r\n" * 100_000, id="blank-lines"),
        pytest.param(b"Action: failed\r\n" * 100_000, id="one-long-group"),
        pytest.param(b"Action: failed\r\n\r\n" * 50_000, id="many-groups"),
        pytest.param(b"a" * 256 * 1024, id="one-long-line"),
        pytest.param(
            b"Final-Recipient: rfc822; " + b"a@" * 100_000 + b"\r\nAction: failed\r\n", id="at-signs"
        ),
        pytest.param(b"Action: failed\r\nStatus: " + b"5." * 100_000, id="endless-status"),
        pytest.param(b"Action: failed\r\nDiagnostic-Code: \xff\0\xfe;;;\r\n", id="octets"),
        pytest.param(b"Action: failed\r\nDiagnostic-Code: =?utf-7?q?+2AA-?=\r\n", id="half-a-character"),
        pytest.param(b" \r\n\t\r\n Action: failed\r\n", id="folds-alone"),
        pytest.param(b"Message-ID:" + b" " * 100_000 + b"\r\n" + b" Message-ID:" * 10_000, id="identifiers"),
    ],
)
@pytest.mark.parametrize("encoding", [b"7bit", b"base64", b"quoted-printable"])
def test_hostile_status_is_read_as_far_as_it_goes(body, encoding):
    part = (
        b"Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: "
        + encoding
        + b"\r\n\r\n"
        + body
    )

    found = status_report(report(part))

    quoted_ids(part)
    for each in () if found is None else (*found.failed, *found.delayed):
        each.diagnostic.encode()


LINES = st.sampled_from(
    [
        *(
            b"Action: failed",
            b"Action: delayed",
            b"Action: delivered",
            b"Action:",
            b"Status: 5.1.1",
            b"Status: 4.x",
        ),
        *(
            b"Final-Recipient: rfc822; a@b.example",
            b"Diagnostic-Code: smtp; 550 5.7.1 no",
            b"Diagnostic-Code: \xff",
        ),
        *(
            b"",
            b"",
            b" folded",
            b"--x",
            b"--x--",
            b"\xff: \xff",
            b"Content-Type: message/delivery-status",
            b"\0",
        ),
        *(
            b"Content-Type: message/rfc822",
            b"Content-Type: text/rfc822-headers",
            b"Message-ID: <a@b>",
            b"hello",
        ),
    ]
)


@given(st.lists(LINES, max_size=30).map(b"\r\n".join) | st.binary(max_size=200))
def test_any_report_is_read(body):
    message = parsed(REPORT + b"--x\r\nContent-Type: message/delivery-status\r\n\r\n" + body)

    found = status_report(message)

    assert found is None or len(found.failed) + len(found.delayed) <= 200
    assert all(
        each.startswith("<") and each.endswith(">") for each in (*original_ids(message), *quoted_ids(body))
    )
