"""A message is encoded anew for a server without 8BITMIME: seven-bit, the same to whoever reads it."""

from __future__ import annotations

import email
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.compose.seven_bit import LIMIT_BYTES, seven_bit
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Envelope, Octets, Submission
from fluenzr_smtp.problems import Problem, ProblemCode

MIME = b"MIME-Version: 1.0\r\n"


def submission_of(content: bytes, **more) -> Submission:
    return Submission(
        envelope=Envelope(mail_from="a@b.example", recipients=("c@d.example",)),
        message_id="<x@b.example>",
        content=Octets(content),
        **{"needs_eight_bit": True, **more},
    )


def encoded(content: bytes) -> bytes:
    submission = seven_bit(submission_of(content))

    assert not submission.needs_eight_bit
    assert submission.content.whole().isascii()
    return submission.content.whole()


def reencoded(content: bytes) -> bytes | Problem:
    """Return the message, or the problem in which it ended."""
    try:
        return seven_bit(submission_of(content)).content.whole()
    except FluenzrError as error:
        return error.problem


def multipart(kind: bytes, *parts: bytes, boundary=b"b", more=b"") -> bytes:
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    start = b'Content-Type: multipart/%s; boundary="%s"\r\n%s\r\n' % (kind, boundary, more)
    return start + body + b"--" + boundary + b"--\r\n"


def leaves(content: bytes) -> list[tuple[str, bytes]]:
    """Return type and decoded content of each leaf, as Python's reader sees them."""
    parts = email.message_from_bytes(content).walk()
    return [
        (each.get_content_type(), each.get_payload(decode=True)) for each in parts if not each.is_multipart()
    ]


def test_seven_bit_message_stays_the_same():
    submission = submission_of(b"A: b\r\n\r\nx\r\n", needs_eight_bit=False)

    assert seven_bit(submission) is submission


@pytest.mark.parametrize(
    ("body", "charset", "printed"),
    [("é".encode(), b"utf-8", b"=C3=A9"), (b"\xe9", b"unknown-8bit", b"=E9")],
    ids=["utf-8", "something else"],
)
def test_message_without_mime_becomes_a_mime_message(body, charset, printed):
    assert encoded(b"Subject: x\r\n\r\n" + body + b" = 1\r\n") == (
        b"Subject: x\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: text/plain; charset="' + charset + b'"\r\n'
        b"Content-Transfer-Encoding: quoted-printable\r\n"
        b"\r\n" + printed + b" =3D 1\r\n"
    )


def test_transfer_encoding_is_told_where_it_was():
    content = (
        MIME
        + b'content-transfer-encoding:\r\n 8bit\r\nContent-Type: text/html; charset="iso-8859-1"\r\n'
        + b"X: y\r\n\r\n\xe9\r\n"
    )

    assert encoded(content) == (
        MIME
        + b'Content-Transfer-Encoding: quoted-printable\r\nContent-Type: text/html; charset="iso-8859-1"\r\n'
        + b"X: y\r\n\r\n=E9\r\n"
    )


def test_only_the_parts_with_eight_bits_change():
    plain = b"Content-Type: text/plain\r\n\r\nstays = here "
    text = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa9"
    image = b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x89PNG\r\n"
    content = MIME + multipart(
        b"mixed", plain, text, image, more=b"Content-Transfer-Encoding: 8BIT\r\nX: y\r\n"
    )

    assert encoded(content) == MIME + multipart(
        b"mixed",
        plain,
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A9",
        b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0K\r\n",
        more=b"Content-Transfer-Encoding: 7bit\r\nX: y\r\n",
    )


@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(multipart(b"alternative", b"\r\n\xc3\xa9", boundary=b"b2"), id="multipart"),
        pytest.param(b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n\xc3\xa9", id="message"),
        pytest.param(
            b"Content-Type: message/rfc822\r\n\r\n" + MIME + multipart(b"mixed", b"\r\n\xff", boundary=b"c"),
            id="multipart in a message",
        ),
        pytest.param(multipart(b"digest", b"\r\nSubject: x\r\n\r\n\xc3\xa9", boundary=b"d"), id="digest"),
        pytest.param(b"Content-Type: nonsense\r\n\r\n\xc3\xa9", id="type that is none"),
        pytest.param(b"\r\n\xc3\xa9", id="no header"),
    ],
)
def test_nested_parts_keep_their_structure_and_content(inner):
    content = MIME + multipart(b"mixed", b"\r\nfirst", inner, b"\r\nlast")

    assert leaves(encoded(content)) == leaves(content)
    assert b"first" in encoded(content)


@pytest.mark.parametrize("end", [b"", b"--b", b"--b\r\n\r\n\xe9\r\n"], ids=["cut", "empty part", "no end"])
def test_message_without_its_last_boundary_is_encoded_too(end):
    content = MIME + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\xe9\r\n" + end

    assert [each for _, each in leaves(encoded(content)) if each.strip()] == [
        each for _, each in leaves(content) if each.strip()
    ]


def test_soft_line_break_makes_no_boundary():
    body = b"x" * 72 + b"\xe9--b"  # is broken behind the encoded letter
    assert re.search(rb"^--b", encoded(MIME + b"\r\n" + body + b"\r\n"), re.MULTILINE)

    content = MIME + multipart(b"mixed", b"\r\n" + body, b"\r\nlast")

    assert leaves(encoded(content)) == leaves(content)


def test_eight_bits_in_the_header_stay():
    submission = seven_bit(
        submission_of("Subject: é\r\n\r\né\r\n".encode(), needs_smtputf8=True, needs_eight_bit=True)
    )

    assert submission.content.whole().startswith("Subject: é\r\n".encode())
    assert submission.content.whole().endswith(b"\r\n\r\n=C3=A9\r\n")
    assert submission.needs_smtputf8
    assert submission.needs_eight_bit


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (multipart(b"signed", b"\r\n\xe9", b"\r\nsignature"), "signed"),
        (multipart(b"mixed", multipart(b"SIGNED", b"\r\n\xe9", boundary=b"c")), "signed"),
        (b"Content-Type: multipart/mixed\r\n\r\n\xe9\r\n", "structure"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n\xe9\r\n", "structure"),
        (b"Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n--b\r\n\r\n\xe9\r\n", "structure"),
        (b"Content-Type: multipart/mixed; (x) boundary=b\r\n\r\n--b\r\n\r\n\xe9\r\n", "structure"),
        (b"Content-Type: multipart/mixed boundary=b\r\n\r\n--b\r\n\r\n\xe9\r\n", "structure"),
        (b"Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n\xe9\r\n", "structure"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n\xe9\r\n--b\r\n\r\nx\r\n--b--\r\n", "structure"),
        (multipart(b"mixed", b"\r\nx") + b"\xe9\r\n", "structure"),
        (b"Content-Type: message/partial\r\n\r\n\xe9\r\n", "structure"),
        (b"Content-Transfer-Encoding: base64\r\n\r\n\xe9\r\n", "encoding"),
        (b"Content-Transfer-Encoding: quoted-printable\r\n\r\n\xe9\r\n", "encoding"),
        (multipart(b"mixed", b"Content-Description: \xe9\r\n\r\n\xe9"), "header"),
        (multipart(b"mixed", b"Content-Type: message/rfc822\r\n\r\nSubject: \xe9\r\n\r\n\xe9"), "header"),
        (b"A: b\r\n\r\n" + b"\xe9" * LIMIT_BYTES, "too-big"),
    ],
    ids=[
        "signed",
        "signed within",
        "no boundary",
        "boundary that is not there",
        "two boundaries",
        "comment",
        "malformed type",
        "two types",
        "before the parts",
        "behind the parts",
        "partial message",
        "base64 that is none",
        "quoted-printable that is none",
        "header of a part",
        "header of a message within",
        "too big",
    ],
)
def test_what_cannot_be_encoded_anew_is_refused(content, reason):
    with pytest.raises(FluenzrError) as error:
        seven_bit(submission_of(MIME + content))

    assert error.value.problem.code is ProblemCode.EIGHT_BIT_NOT_OFFERED
    assert error.value.problem.facts == {"reason": reason}


def test_parts_nested_without_end_are_refused():
    content = b"\r\n\xe9"
    for number in range(200):
        content = multipart(b"mixed", content, boundary=b"b%d" % number)

    with pytest.raises(FluenzrError) as error:
        seven_bit(submission_of(MIME + content))

    assert error.value.problem.facts == {"reason": "structure"}


BODIES = st.lists(
    st.sampled_from([b"a", b" ", b"=", b"\r\n", b"--b", b"--", b"\xe9", b"\xc3\xa9", b"x" * 80])
).map(b"".join)
TYPES = st.sampled_from([b"", b"Content-Type: text/html\r\n", b"Content-Type: image/png\r\n"])
PARTS = st.builds(lambda kind, body: kind + b"\r\n" + body, TYPES, BODIES)
NESTED = st.recursive(
    PARTS,
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda parts: st.sampled_from([b"b", b"c", b"b--", b"bb"]).map(
            lambda boundary: multipart(b"mixed", *parts, boundary=boundary)
        )
    ),
    max_leaves=5,
)


@given(NESTED)
def test_reader_sees_the_same_before_and_after(part):
    content = MIME + part + b"\r\n"
    after = reencoded(content)
    if isinstance(after, Problem):
        assert after.code is ProblemCode.EIGHT_BIT_NOT_OFFERED
        return

    assert after.isascii()
    assert all(len(line) <= 998 for line in after.split(b"\r\n"))
    assert [kind for kind, _ in leaves(after)] == [kind for kind, _ in leaves(content)]
    assert [body.rstrip(b"\r\n") for _, body in leaves(after)] == [
        body.rstrip(b"\r\n") for _, body in leaves(content)
    ]
