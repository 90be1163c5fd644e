"""A draft becomes a message: one header, the right envelope, and text and files that arrive unchanged."""

import email
import re
from datetime import UTC, datetime, timedelta, timezone
from email import policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.compose import compose
from fluenzr_smtp.compose.characters import unfit
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Attachment, Draft, Mailbox, Octets, Priority
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=-3)))
SENDER = Mailbox(address="ana@sender.example", name="Ana")
TO = Mailbox(address="to@b.example")
BARE = ["Date", "From", "To", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]
LINES = st.text("a. \tFé=\r\n\u2028\x0b~" + "ü", max_size=300) | st.text(max_size=200)


def outcome_of(function, *arguments, **more):
    """Return the result, or the problem in which the call ended."""
    try:
        return function(*arguments, **more)
    except FluenzrError as error:
        return error.problem


def submit(**parts):
    draft = Draft(**{"sender": SENDER, "to": (TO,), **parts})
    return compose(draft, now=NOW, token="t0k3n")


def read(submission):
    return email.message_from_bytes(submission.content.whole(), policy=policy.default)


def problem_of(**parts):
    with pytest.raises(FluenzrError) as caught:
        submit(**parts)
    return caught.value.problem


def normalised(text):
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return lines + "\n" if lines and not lines.endswith("\n") else lines


def assert_fit_for_the_wire(content):
    assert content.endswith(b"\r\n")
    assert b"\0" not in content
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", content)
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))


def test_short_message_is_plain_and_readable():
    submission = submit(subject="Hello", text="Hi.\n.\nFrom me\n")

    assert submission.content.whole() == (
        b"Date: Sun, 01 Mar 2026 09:30:00 -0300\r\n"
        b"From: Ana <ana@sender.example>\r\n"
        b"To: to@b.example\r\n"
        b"Subject: Hello\r\n"
        b"Message-ID: <t0k3n@sender.example>\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Hi.\r\n.\r\nFrom me\r\n"
    )
    assert submission.message_id == "<t0k3n@sender.example>"
    assert submission.envelope.mail_from == "ana@sender.example"
    assert not submission.needs_smtputf8
    assert not submission.needs_eight_bit


def test_blind_copies_are_in_the_envelope_only():
    submission = submit(
        cc=(Mailbox(address="cc@b.example"),), bcc=(Mailbox(name="Sec", address="bcc@b.example"),)
    )

    assert submission.envelope.recipients == ("to@b.example", "cc@b.example", "bcc@b.example")
    assert b"bcc" not in submission.content.whole().lower()
    assert b"Sec" not in submission.content.whole()


def test_message_of_blind_copies_only_says_so():
    submission = submit(to=(), bcc=(TO,))

    assert read(submission)["To"] == "undisclosed-recipients:;"
    assert b"to@b.example" not in submission.content.whole()


def test_same_recipient_twice_is_in_the_envelope_once():
    submission = submit(to=(TO, Mailbox(address="TO@B.example")), cc=(TO,), bcc=(TO,))

    assert submission.envelope.recipients == ("to@b.example",)


def test_nobody_named_asks_for_a_recipient():
    problem = problem_of(to=())

    assert problem.code is ProblemCode.INPUT_REQUIRED
    assert problem.facts["options"] == ("--to",)


def test_own_headers_replies_and_message_id_are_written():
    submission = submit(
        headers=(("X-Campaign", "may"), ("Message-Id", "<own@x.example>"), ("X-Campaign", "june")),
        reply_to=(Mailbox(address="r@b.example"),),
    )

    message = read(submission)
    assert message.get_all("X-Campaign") == ["may", "june"]
    assert message.get_all("Message-ID") == ["<own@x.example>"]
    assert submission.message_id == "<own@x.example>"
    assert message["Reply-To"] == "r@b.example"


def test_message_id_has_the_domain_as_a_labels():
    submission = submit(sender=Mailbox(address="a@bücher.example"))

    assert submission.message_id == "<t0k3n@xn--bcher-kva.example>"
    assert submission.content.whole().isascii()
    assert not submission.needs_smtputf8


@pytest.mark.parametrize("place", ["to", "cc", "bcc", "sender", "reply_to"])
def test_international_local_part_needs_smtputf8(place):
    mailbox = Mailbox(address="josé@b.example", name="José")

    submission = submit(**{place: mailbox if place == "sender" else (mailbox,)})

    assert submission.needs_smtputf8
    assert submission.needs_eight_bit is (place != "bcc")
    assert submission.needs_eight_bit is not submission.content.whole().isascii()


@pytest.mark.parametrize(
    ("parts", "header"),
    [
        pytest.param({"subject": "x\r\nBcc: a@b"}, "Subject", id="subject"),
        pytest.param({"subject": "=?utf-8?q?x=0D=0ABcc:a@b?="}, "Subject", id="encoded-subject"),
        pytest.param({"to": (Mailbox(address="a@b", name="x\nBcc: c@d"),)}, "To", id="name"),
        pytest.param({"sender": Mailbox(address="a@b", name="=?utf-8?b?DQo=?=")}, "From", id="encoded-name"),
        pytest.param({"headers": (("X", "y\r\nBcc: a@b"),)}, "X", id="value"),
        pytest.param({"headers": (("X: y\r\nBcc", "a@b"),)}, "X: y\\r\\nBcc", id="header-name"),
        pytest.param({"headers": (("Bcc", "a@b"),)}, "Bcc", id="set-by-option"),
        pytest.param({"headers": (("Message-ID", "<a@b>\r\nBcc: a@b"),)}, "Message-ID", id="message-id"),
        pytest.param({"headers": (("Message-ID", "<a@b>"),) * 2}, "Message-ID", id="message-id-twice"),
        pytest.param(
            {"attachments": (Attachment(filename="a\r\nb", content=Octets(b"")),)},
            "Content-Disposition",
            id="filename",
        ),
        pytest.param(
            {
                "attachments": (
                    Attachment(filename="a", content=Octets(b""), media_type="text/plain\r\nX: y"),
                )
            },
            "Content-Type",
            id="media-type",
        ),
    ],
)
def test_header_injection_is_refused(parts, header):
    problem = problem_of(**parts)

    assert problem.code is ProblemCode.HEADER_MALFORMED
    assert problem.exit_status is ExitStatus.DATA
    assert problem.facts["header"] == header


def test_unsound_address_in_a_draft_is_refused():
    problem = problem_of(to=(Mailbox(address="a@b\r\nRCPT TO:<c@d>"),))

    assert problem.code is ProblemCode.ADDRESS_MALFORMED


@pytest.mark.parametrize(("text", "reason"), [("a\0b", "nul"), ("a\udce9", "not-utf-8")])
@pytest.mark.parametrize("part", ["text", "html"])
def test_text_that_cannot_travel_is_refused(part, text, reason):
    problem = problem_of(**{part: text})

    assert problem.code is ProblemCode.MESSAGE_MALFORMED
    assert problem.facts["reason"] == reason


def test_time_without_zone_is_a_bug():
    with pytest.raises(ValueError, match="aware"):
        compose(Draft(sender=SENDER, to=(TO,)), now=NOW.replace(tzinfo=None), token="t")


@pytest.mark.parametrize("token", ["", "a b", "a\r\n", "a@b", "a" * 65])
def test_token_that_is_no_token_is_a_bug(token):
    with pytest.raises(ValueError, match="token"):
        compose(Draft(sender=SENDER, to=(TO,)), now=NOW.astimezone(UTC), token=token)


@pytest.mark.parametrize(
    ("parts", "types"),
    [
        pytest.param({}, ["text/plain"], id="nothing"),
        pytest.param({"text": "a"}, ["text/plain"], id="text"),
        pytest.param({"html": "a"}, ["text/html"], id="html"),
        pytest.param(
            {"text": "a", "html": "b"}, ["multipart/alternative", "text/plain", "text/html"], id="both"
        ),
        pytest.param(
            {"html": "b", "attachments": (Attachment(filename="a.pdf", content=Octets(b"%PDF")),)},
            ["multipart/mixed", "text/html", "application/pdf"],
            id="html-and-file",
        ),
        pytest.param(
            {"text": "a", "html": "b", "attachments": (Attachment(filename="a", content=Octets(b"x")),)},
            [
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "text/html",
                "application/octet-stream",
            ],
            id="all",
        ),
    ],
)
def test_structure_follows_what_is_given(parts, types):
    message = read(submit(**parts))

    assert [part.get_content_type() for part in message.walk()] == types
    assert not any(part.defects for part in message.walk())


@pytest.mark.parametrize(
    ("filename", "media_type", "expected"),
    [
        ("a.csv", "", "text/csv"),
        ("a.tar.gz", "", "application/gzip"),
        ("a.tar.bz2", "", "application/octet-stream"),
        ("a.no-such-ending", "", "application/octet-stream"),
        ("data:text/html,x", "", "application/octet-stream"),
        ("a.bin", "Image/PNG", "image/png"),
        ("a.eml", "", "application/octet-stream"),
        ("a", "multipart/mixed", "application/octet-stream"),
    ],
)
def test_media_type_is_given_or_guessed(filename, media_type, expected):
    attachment = Attachment(filename=filename, content=Octets(b"\xff\0"), media_type=media_type)

    (part,) = read(submit(attachments=(attachment,))).iter_attachments()

    assert part.get_content_type() == expected
    assert part.get_payload(decode=True) == b"\xff\0"


def test_plain_message_is_attached_as_a_message():
    inner = b"Subject: inner\n\nbody\n"

    (part,) = read(
        submit(attachments=(Attachment(filename="a.eml", content=Octets(inner)),))
    ).iter_attachments()

    assert part.get_content_type() == "message/rfc822"
    assert part.get_content()["Subject"] == "inner"
    assert part.get_content().get_content() == "body\r\n"


def test_text_file_says_utf_8_only_where_it_is():
    utf8 = Attachment(filename="a.txt", content=Octets("é".encode()))
    latin1 = Attachment(filename="b.txt", content=Octets("é".encode("latin-1")))

    first, second = read(submit(attachments=(utf8, latin1))).iter_attachments()

    assert first.get_content_charset() == "utf-8"
    assert second.get_content_charset() is None


def test_boundary_stands_in_no_part():
    boundary = re.search(rb'boundary="([^"]+)"', submit(text="a", html="b").content.whole())
    assert boundary is not None

    message = read(submit(text=f"--{boundary[1].decode()}--\n", html="b"))

    assert message.get_body(("plain",)).get_content() == f"--{boundary[1].decode()}--\r\n"
    assert message.get_body(("html",)).get_content() == "b\r\n"


@given(LINES | st.just("x" * 2000), st.none() | LINES)
def test_text_arrives_unchanged(text, html):
    submission = outcome_of(submit, text=text, html=html)
    if isinstance(submission, Problem):
        assert submission.code is ProblemCode.MESSAGE_MALFORMED
        assert "\0" in text + (html or "")
        return

    assert_fit_for_the_wire(submission.content.whole())
    assert submission.content.whole().isascii()
    message = email.message_from_bytes(submission.content.whole())
    parts = message.get_payload() if message.is_multipart() else [message]
    arrived = [part.get_payload(decode=True).replace(b"\r\n", b"\n").decode() for part in parts]
    assert arrived == [normalised(each) for each in (text, html) if each is not None]


@given(st.binary(max_size=500), st.text(min_size=1, max_size=100) | st.text("aé\"\\% ;=?'*", min_size=1))
def test_file_arrives_unchanged_under_its_name(content, filename):
    submission = outcome_of(
        submit,
        attachments=(Attachment(filename=filename, content=Octets(content), media_type="application/x"),),
    )
    if isinstance(submission, Problem):
        assert submission.code is ProblemCode.HEADER_MALFORMED
        assert unfit(filename) or "\t" in filename
        return

    assert_fit_for_the_wire(submission.content.whole())
    _, part = email.message_from_bytes(submission.content.whole()).get_payload()
    assert part.get_payload(decode=True) == content
    assert part.get_filename() == filename.strip()


@given(subject=st.text(max_size=100), name=st.text(max_size=60), value=st.text(max_size=100))
def test_no_header_can_be_injected(subject, name, value):
    draft = {
        "subject": subject,
        "sender": Mailbox(address="a@b.example", name=name),
        "headers": (("X-Own", value),),
    }
    submission = outcome_of(submit, **draft)
    if isinstance(submission, Problem):
        assert submission.code is ProblemCode.HEADER_MALFORMED
        return

    assert_fit_for_the_wire(submission.content.whole())
    expected = [*BARE[:3], *(["Subject"] if subject else []), "Message-ID", "X-Own", *BARE[4:]]
    for each in (policy.default, policy.compat32):
        assert email.message_from_bytes(submission.content.whole(), policy=each).keys() == expected
    assert submission.envelope.recipients == ("to@b.example",)


def names_and_values(submission):
    header = submission.content.whole().partition(b"\r\n\r\n")[0].decode()
    return [tuple(line.split(": ", 1)) for line in header.replace("\r\n ", " ").split("\r\n")]


def test_answer_names_the_message_and_its_thread():
    submission = submit(in_reply_to="<c@d>", references=("<a@b>",))

    assert ("In-Reply-To", "<c@d>") in names_and_values(submission)
    assert ("References", "<a@b> <c@d>") in names_and_values(submission)


def test_thread_names_the_answered_message_once():
    submission = submit(in_reply_to="<a@b>", references=("<a@b>", "<c@d>"))

    assert ("References", "<a@b> <c@d>") in names_and_values(submission)


def test_thread_may_be_named_without_an_answered_message():
    names = dict(names_and_values(submit(references=("<a@b>",))))

    assert names["References"] == "<a@b>"
    assert "In-Reply-To" not in names


def test_long_thread_is_folded():
    thread = tuple(f"<{number:060}@thread.example>" for number in range(50))

    submission = submit(in_reply_to=thread[-1], references=thread)

    assert_fit_for_the_wire(submission.content.whole())
    assert max(map(len, submission.content.whole().split(b"\r\n"))) < 100
    assert dict(names_and_values(submission))["References"] == " ".join(thread)


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        (Priority.HIGH, ["Importance: high", "X-Priority: 1 (Highest)", "Priority: urgent"]),
        (Priority.NORMAL, []),
        (Priority.LOW, ["Importance: low", "X-Priority: 5 (Lowest)", "Priority: non-urgent"]),
    ],
)
def test_priority_is_told_to_every_mail_program(priority, expected):
    fields = [": ".join(each) for each in names_and_values(submit(priority=priority))]

    assert [each for each in fields if "riority" in each or "Importance" in each] == expected


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        pytest.param(NOW.replace(year=2027), "Mon, 01 Mar 2027 09:30:00 -0300", id="minutes"),
        pytest.param(
            datetime(1900, 1, 1, 12, tzinfo=timezone(timedelta(minutes=19, seconds=32))),
            "Mon, 01 Jan 1900 11:40:28 +0000",
            id="offset-with-seconds",
        ),
    ],
)
def test_date_of_a_draft_is_used(date, expected):
    assert ("Date", expected) in names_and_values(submit(date=date))


def test_date_without_zone_is_a_bug():
    with pytest.raises(ValueError, match="aware"):
        submit(date=NOW.replace(tzinfo=None))


def test_list_can_be_left_in_one_click():
    fields = names_and_values(submit(list_unsubscribe=("https://b.example/u", "mailto:u@b.example")))

    assert ("List-Unsubscribe", "<https://b.example/u>, <mailto:u@b.example>") in fields
    assert ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click") in fields


@pytest.mark.parametrize(
    ("parts", "header"),
    [
        pytest.param({"in_reply_to": "<a@b>"}, "In-Reply-To", id="in-reply-to"),
        pytest.param({"in_reply_to": "<a@b>"}, "references", id="thread-and-in-reply-to"),
        pytest.param({"references": ("<a@b>",)}, "References", id="references"),
        pytest.param({"priority": Priority.HIGH}, "Importance", id="importance"),
        pytest.param({"priority": Priority.LOW}, "X-Priority", id="x-priority"),
        pytest.param({"list_unsubscribe": ("mailto:a@b",)}, "List-Unsubscribe", id="list-unsubscribe"),
    ],
)
def test_field_is_not_set_by_option_and_header_both(parts, header):
    problem = problem_of(**parts, headers=((header, "<x@y>"),))

    assert problem.code is ProblemCode.HEADER_MALFORMED
    assert (problem.facts["header"], problem.facts["reason"]) == (header, "set-by-option")


def test_header_alone_may_name_the_thread():
    headers = (("In-Reply-To", "<a@b>"), ("References", "<a@b>"), ("X-Priority", "1"))

    assert set(headers) < set(names_and_values(submit(headers=headers)))


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"in_reply_to": "a@b"}, id="no-brackets"),
        pytest.param({"in_reply_to": "<a@b>\r\nBcc: x@y"}, id="in-reply-to"),
        pytest.param({"references": ("<a@b>\nBcc: x@y",)}, id="references"),
        pytest.param({"references": ("<=?utf-8?q?=0D=0Ax?=@b>",)}, id="encoded"),
        pytest.param({"references": ("<a@b>",) * 20_000}, id="endless-thread"),
        pytest.param({"list_unsubscribe": ("https://b.example/\r\nBcc:x@y",)}, id="list-unsubscribe"),
    ],
)
def test_injection_through_a_field_of_an_option_is_refused(parts):
    assert problem_of(**parts).code is ProblemCode.HEADER_MALFORMED


@given(
    st.text() | st.text("<>@a=?\r\n :/", max_size=20), st.text() | st.text("htps:/@mailo.<>\n", max_size=20)
)
def test_no_header_can_be_injected_through_an_option(message_id, address):
    submission = outcome_of(submit, in_reply_to=message_id, list_unsubscribe=(f"https://{address}",))
    if isinstance(submission, Problem):
        assert submission.code is ProblemCode.HEADER_MALFORMED
        return

    own = ["In-Reply-To", "References"] if message_id else []
    own += ["List-Unsubscribe", "List-Unsubscribe-Post"]
    assert_fit_for_the_wire(submission.content.whole())
    assert read(submission).keys() == [*BARE[:3], *own, *BARE[3:]]
