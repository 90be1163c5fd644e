"""Bodies in MIME parts: paragraphs that flow, images within the HTML, files given out in blocks."""

from __future__ import annotations

import email
import os
import re
from datetime import UTC, datetime
from email import policy
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fluenzr_smtp.compose import compose
from fluenzr_smtp.compose.flowed import flowed
from fluenzr_smtp.content import opened
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Attachment, Content, Draft, Mailbox, Octets
from fluenzr_smtp.problems import ProblemCode

ME = Mailbox(address="a@b.example")


class Drops(Content):
    """Octets given out in blocks of a few each."""

    def __init__(self, octets: bytes, size: int) -> None:
        self._octets, self._size = octets, size

    @property
    def size_bytes(self) -> int:
        return len(self._octets)

    def blocks(self):
        for start in range(0, len(self._octets), self._size):
            yield self._octets[start : start + self._size]


def composed(**parts) -> bytes:
    content = compose(
        Draft(sender=ME, to=(ME,), **parts), now=datetime(2026, 3, 1, tzinfo=UTC), token="t0k3n"
    ).content
    assert content.size_bytes == len(content.whole())
    return content.whole()


def body_of(text: str) -> tuple[str, list[str]]:
    """Return the Content-Type and the lines of the body as they travel."""
    message = email.message_from_bytes(composed(text=text))
    return message["Content-Type"], message.get_payload().split("\r\n")[:-1]


def image(content_id: str, octets: bytes = b"\x89PNG") -> Attachment:
    return Attachment(filename="a.png", content=Octets(octets), content_id=content_id)


def paragraphs(lines: list[str]) -> list[str]:
    """Read format=flowed as RFC 3676 §4 says, DelSp=no; quotes do not occur."""
    read, is_open = [], False
    for line in lines:
        assert not line.startswith(">")
        plain = line.removeprefix(" ")
        read[-1:] = [read[-1] + plain] if is_open and plain != "-- " else [*read[-1:], plain]
        is_open = plain.endswith(" ") and plain != "-- "
    return read


# -- paragraphs ------------------------------------------------------------------------------------------


def test_long_paragraph_flows():
    text = "From the first word on this paragraph is longer than a line, " * 3 + "and it ends here.\n"

    kind, lines = body_of(text)

    assert kind == 'text/plain; charset="utf-8"; format=flowed'
    assert lines == [
        " From the first word on this paragraph is longer than a line, From the ",
        "first word on this paragraph is longer than a line, From the first word ",
        "on this paragraph is longer than a line, and it ends here.",
    ]


@pytest.mark.parametrize(
    ("line", "travels"),
    [
        ("> quoted", " > quoted"),
        (">", " >"),
        (" indented", "  indented"),
        ("From me", " From me"),
        ("From", "From"),
        ("-- ", "-- "),
        ("--", "--"),
        ("", ""),
        ("\tx", "\tx"),
    ],
)
def test_line_that_would_mean_something_else_is_stuffed(line, travels):
    long = "word " * 20 + "end"

    _, lines = body_of(f"{long}\n{line}\n{long}\n")

    assert lines[2] == travels
    assert paragraphs(lines) == [long, line, long]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 78 + "\n",
        "short \n> quoted\n -- \n",
        "x" * 900 + "\n",
        "word " * 20 + "end\nends in a space \n",
        "x" * 100 + "\n-- \n",
    ],
    ids=["short", "short with spaces", "no space", "line end in a space", "signature"],
)
def test_text_that_cannot_flow_or_need_not_stays_plain(text):
    kind, lines = body_of(text)

    assert kind == 'text/plain; charset="utf-8"'
    assert lines == text.split("\n")[:-1]


@pytest.mark.parametrize(
    "text", ["some words with é " * 30, "x" * 999 + " y", "word " * 300], ids=["not ASCII", "word", "end"]
)
def test_what_no_line_holds_is_encoded(text):
    message = email.message_from_bytes(composed(text=text))

    assert message["Content-Transfer-Encoding"] == "quoted-printable"
    assert message.get_payload(decode=True).decode() == f"{text}\r\n"


def test_html_does_not_flow():
    assert b"flowed" not in composed(html="word " * 100 + "end")


WORDS = st.sampled_from(
    ["a", "From", ">", "--", "word", "x" * 40, "x" * 73, "x" * 77, "x" * 400, " ", "", "\t"]
)
LINES = st.lists(WORDS, max_size=40).map(" ".join) | st.sampled_from(["-- ", ""])


@given(st.lists(LINES, min_size=1, max_size=6))
@example(["-- " + "x" * 90 + " y"])
@example(["x" * 69 + " -- " + "y" * 90 + " z"])
@example(["a" + " " * 300 + "b"])
def test_reader_of_flowed_text_gets_exactly_the_paragraphs(lines):
    text = flowed("\n".join(lines))
    if text is None:
        ends_in_space = any(line.endswith(" ") and line != "-- " for line in lines)
        assert ends_in_space or all(len(line) <= 78 or " " not in line.removeprefix("-- ") for line in lines)
        return

    travels = text.split("\n")
    assert paragraphs(travels) == lines
    assert max(map(len, travels)) <= 998
    assert all(len(line) <= 78 or " " not in line.strip(" ").removeprefix("-- ") for line in travels)


# -- images within the HTML ------------------------------------------------------------------------------


def test_images_are_one_part_with_the_html():
    file = Attachment(filename="f.pdf", content=Octets(b"%PDF"))

    octets = composed(text="x", html="<img src=cid:logo>", attachments=(image("logo"), file, image("b@c")))

    message = email.message_from_bytes(octets, policy=policy.default)
    assert [each.get_content_type() for each in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "image/png",
        "application/pdf",
    ]
    related = next(each for each in message.walk() if each.get_content_type() == "multipart/related")
    first, second = list(related.iter_attachments())
    assert related.get_param("type") == "text/html"
    assert (first["Content-ID"], second["Content-ID"]) == ("<logo>", "<b@c>")
    assert first.get_content_disposition() == "inline"
    assert first.get_filename() == "a.png"
    assert first.get_content() == b"\x89PNG"
    assert not any(each.defects for each in message.walk())


def test_images_without_html_are_attachments():
    message = email.message_from_bytes(composed(text="x", attachments=(image("logo"),)))

    _, part = message.get_payload()
    assert message.get_content_type() == "multipart/mixed"
    assert part.get_content_disposition() == "attachment"
    assert part["Content-ID"] == "<logo>"


@pytest.mark.parametrize(
    ("content_ids", "reason"),
    [
        (("a b",), "content-id-invalid"),
        (("<a@b>",), "content-id-invalid"),
        (("a\r\nBcc: c@d",), "content-id-invalid"),
        (("é",), "content-id-invalid"),
        (("a%20b",), "content-id-invalid"),
        (("a@b@c",), "content-id-invalid"),
        (("x" * 201,), "content-id-invalid"),
        (("a", "b", "a"), "duplicate"),
    ],
)
@pytest.mark.parametrize("html", [None, "x"])
def test_content_id_that_is_unfit_or_given_twice_is_refused(html, content_ids, reason):
    with pytest.raises(FluenzrError) as error:
        composed(html=html, attachments=tuple(map(image, content_ids)))

    assert error.value.problem.code is ProblemCode.HEADER_MALFORMED
    assert error.value.problem.facts["header"] == "Content-ID"
    assert error.value.problem.facts["reason"] == reason


# -- files in blocks -------------------------------------------------------------------------------------

OCTETS = st.lists(
    st.sampled_from([b"Subject: x", b"\r", b"\n", b"\r\n", "é".encode(), b"\xc3", b"x" * 500, b"\0", b"a"])
).map(b"".join)


@given(OCTETS, st.integers(1, 9), st.sampled_from(["a.txt", "a.eml", "a.bin"]))
def test_file_is_attached_the_same_whatever_the_borders(octets, size, filename):
    whole = composed(text="x", attachments=(Attachment(filename=filename, content=Octets(octets)),))

    drops = composed(text="x", attachments=(Attachment(filename=filename, content=Drops(octets, size)),))

    assert drops == whole
    assert all(len(line) <= 998 for line in whole.split(b"\r\n"))
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", whole)


def test_file_that_changed_is_told_while_it_is_sent(tmp_path: Path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"x" * 3_000_000)
    file = opened(str(path), os.open(path, os.O_RDONLY))
    draft = Draft(sender=ME, to=(ME,), attachments=(Attachment(filename="file.bin", content=file),))
    submission = compose(draft, now=datetime(2026, 3, 1, tzinfo=UTC), token="t")

    os.truncate(path, 2_999_999)
    with pytest.raises(FluenzrError) as error:
        submission.content.whole()

    assert error.value.problem.facts == {"path": str(path), "reason": "changed"}


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_boundary_stands_in_no_attached_message(size):
    message = b"Subject: x\r\n\r\n--=_m0_t0k3n--\r\n"
    attachment = Attachment(filename="a.eml", content=Drops(message, size))

    _, part = email.message_from_bytes(composed(text="x", attachments=(attachment,))).get_payload()

    assert part.get_payload(0).get_payload() == "--=_m0_t0k3n--\r\n"
