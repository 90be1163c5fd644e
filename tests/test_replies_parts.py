"""A message is taken apart into what is to be read, however its MIME is broken."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.replies.parts import (
    LONGEST_TEXT,
    MOST_PARTS,
    attached,
    body_texts,
    has_attached,
    header_of,
    is_attachment,
    is_text,
    octets_of,
    parsed,
    parts_of,
    text_in,
)

MIXED = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
INNER = (
    b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nMessage-ID: <i@a.example>\r\n\r\ninner text\r\n"
)


def leaf(content_type=b"text/plain", body=b"hello", *more):
    """Return a message of one part."""
    lines = (b"Content-Type: " + content_type, *more, b"", body)
    return b"\r\n".join(lines)


def mixed(*parts, boundary=b"x", subtype=b"mixed"):
    """Return a message of several parts."""
    start = b"Content-Type: multipart/" + subtype + b"; boundary=" + boundary + b"\r\n\r\n"
    return (
        start
        + b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
        + b"--%b--\r\n" % boundary
    )


def types_in(octets):
    return [part.get_content_type() for part in parts_of(parsed(octets))]


@pytest.mark.parametrize(
    ("octets", "plain", "html"),
    [
        pytest.param(b"Subject: x\r\n\r\nhello", "hello", "", id="no-type"),
        pytest.param(b"Subject: x\n\nhello\n", "hello\n", "", id="bare-line-ends"),
        pytest.param(leaf(b"text/html", b"<p>hi"), "", "<p>hi", id="html-alone"),
        pytest.param(
            mixed(leaf(), leaf(b"text/html", b"<p>hi"), subtype=b"alternative"), "hello", "<p>hi", id="both"
        ),
        pytest.param(
            mixed(leaf(b"text/html", b"<p>hi"), leaf(), subtype=b"alternative"),
            "hello",
            "<p>hi",
            id="html-first",
        ),
        pytest.param(mixed(leaf(body=b"one"), leaf(body=b"two")), "one", "", id="first-text"),
        pytest.param(mixed(leaf(body=b" \r\n"), leaf(body=b"two")), "two", "", id="first-that-is-not-blank"),
        pytest.param(
            mixed(leaf(b"text/plain", b"notes", b"Content-Disposition: attachment"), leaf(body=b"two")),
            "two",
            "",
            id="attachment-is-passed-over",
        ),
        pytest.param(
            mixed(leaf(b"text/plain; name=a.txt", b"notes"), leaf(body=b"two")),
            "two",
            "",
            id="file-by-its-name",
        ),
        pytest.param(
            mixed(leaf(b"text/plain", b"two", b"Content-Disposition: inline")), "two", "", id="inline"
        ),
        pytest.param(mixed(INNER, leaf(body=b"outer")), "outer", "", id="attached-message-is-passed-over"),
        pytest.param(
            mixed(leaf(b"application/pdf", b"JVBERi0="), leaf(body=b"two")),
            "two",
            "",
            id="data-is-passed-over",
        ),
        pytest.param(
            mixed(mixed(leaf(body=b"deep"), boundary=b"y", subtype=b"alternative")), "deep", "", id="nested"
        ),
        pytest.param(leaf(b"text/enriched", b"<bold>x"), "<bold>x", "", id="other-text"),
        pytest.param(leaf(b"nonsense", b"x"), "x", "", id="no-type-at-all"),
        pytest.param(MIXED + b"no border", "no border", "", id="border-never-comes"),
        pytest.param(MIXED + b"--x\r\n\r\ncut off", "cut off", "", id="end-never-comes"),
        pytest.param(
            b"Content-Type: multipart/mixed\r\n\r\nno name", "no name", "", id="border-without-name"
        ),
        pytest.param(b"", "", "", id="empty"),
        pytest.param(b"\r\n\r\n", "\n", "", id="blank"),
    ],
)
def test_texts_to_be_read_are_found(octets, plain, html):
    assert body_texts(parsed(octets)) == (plain, html)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        pytest.param(leaf(b"text/plain; charset=iso-8859-1", b"caf\xe9"), "café", id="latin-1"),
        pytest.param(leaf(b'text/plain; charset="utf-8"', b"caf\xc3\xa9"), "café", id="quoted-charset"),
        pytest.param(leaf(b"text/plain; charset*=us-ascii'en'iso-8859-1", b"caf\xe9"), "café", id="rfc-2231"),
        pytest.param(leaf(b"text/plain; charset=x-nobody", b"caf\xe9"), "café", id="unknown-charset"),
        pytest.param(leaf(b"text/plain; charset=idna", b"caf\xe9"), "café", id="codec-that-is-no-charset"),
        pytest.param(leaf(b"text/plain; charset=hex", b"caf\xc3\xa9"), "café", id="codec-of-octets"),
        pytest.param(leaf(b"text/plain; charset=\xff", b"caf\xc3\xa9"), "café", id="charset-of-octets"),
        pytest.param(leaf(b"text/plain; charset=", b"caf\xc3\xa9"), "café", id="empty-charset"),
        pytest.param(
            leaf(b"text/plain", b"caf=C3=A9=\r\n!", b"Content-Transfer-Encoding: quoted-printable"),
            "café!",
            id="quoted-printable",
        ),
        pytest.param(
            leaf(b"text/plain", b"Y2Fmw6k=", b"Content-Transfer-Encoding: base64"), "café", id="base64"
        ),
        pytest.param(
            leaf(b"text/plain", b"Y2Fm\r\n w6k\r\n", b"Content-Transfer-Encoding: BASE64"),
            "café",
            id="base64-in-disorder",
        ),
        pytest.param(
            leaf(b"text/plain", b"plain words", b"Content-Transfer-Encoding: nonsense"),
            "plain words",
            id="unknown-encoding",
        ),
        pytest.param(leaf(body=b"a\r\nb\rc\nd"), "a\nb\nc\nd", id="line-ends"),
        pytest.param(leaf(body=b"a\0b"), "a\0b", id="nul"),
    ],
)
def test_text_of_a_leaf_is_decoded(octets, text):
    assert text_in(parsed(octets)) == text


@pytest.mark.parametrize(
    "body",
    [b"=" * 1000, b"A", b"\xff" * 999, b"!" * 998, b"AAAA=AAAA", b"\0"],
    ids=lambda body: repr(body[:9]),
)
@pytest.mark.parametrize("encoding", [b"base64", b"quoted-printable", b"x-uuencode", b"\xff"])
def test_undecodable_leaf_is_still_a_text(body, encoding):
    message = parsed(leaf(b"text/plain", body, b"Content-Transfer-Encoding: " + encoding))

    text_in(message).encode()


def test_long_leaf_is_cut():
    octets = octets_of(parsed(leaf(body=b"a" * (2 * LONGEST_TEXT))))

    assert octets == b"a" * LONGEST_TEXT


def test_parts_come_in_their_order():
    octets = mixed(leaf(), mixed(leaf(b"text/html"), leaf(b"image/png"), boundary=b"y"), leaf(b"text/csv"))

    assert types_in(octets) == ["text/plain", "text/html", "image/png", "text/csv"]


def test_parts_of_an_attached_message_are_its_own_affair():
    octets = mixed(leaf(), b"Content-Type: message/rfc822\r\n\r\n" + mixed(leaf(b"text/html"), boundary=b"y"))

    assert types_in(octets) == ["text/plain", "message/rfc822"]


def test_no_more_parts_are_looked_at_than_the_limit():
    octets = mixed(*[leaf()] * (3 * MOST_PARTS))

    assert len(types_in(octets)) < MOST_PARTS


def test_attached_message_is_opened():
    message = parsed(mixed(leaf(), INNER))

    inner = [found for part in parts_of(message) if (found := attached(part)) is not None]

    assert [each["Message-ID"] for each in inner] == ["<i@a.example>"]
    assert has_attached(message)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(leaf(), id="text"),
        pytest.param(mixed(leaf(), leaf(b"application/octet-stream")), id="file"),
        pytest.param(mixed(leaf(b"text/rfc822-headers", b"Subject: x")), id="header-as-text"),
        pytest.param(MIXED, id="empty"),
    ],
)
def test_nothing_is_attached_where_no_message_is(octets):
    assert not has_attached(parsed(octets))


@pytest.mark.parametrize(
    ("fields", "is_file"),
    [
        pytest.param(b"Content-Disposition: attachment", True, id="said"),
        pytest.param(b"Content-Disposition: ATTACHMENT; filename=a", True, id="upper-case"),
        pytest.param(b"Content-Disposition: inline; filename=a.txt", True, id="file-name"),
        pytest.param(b"Content-Disposition: inline", False, id="inline"),
        pytest.param(b"Content-Disposition: ", False, id="empty"),
        pytest.param(b"X-Nothing: x", False, id="not-said"),
    ],
)
def test_attachment_is_told_from_text(fields, is_file):
    assert is_attachment(parsed(leaf(b"text/plain", b"x", fields))) is is_file


@pytest.mark.parametrize(
    ("octets", "is_one"),
    [
        pytest.param(leaf(), True, id="plain"),
        pytest.param(leaf(b"text/html"), True, id="html"),
        pytest.param(leaf(b"image/png"), False, id="image"),
        pytest.param(MIXED + b"no border", True, id="parts-without-border"),
        pytest.param(mixed(leaf()), False, id="parts"),
    ],
)
def test_text_is_told_from_data(octets, is_one):
    assert is_text(parsed(octets)) is is_one


def test_header_is_read_without_the_body():
    header = header_of(b"Subject: x\r\nTo: a@b.example\r\n\r\nSubject: body\r\n")

    assert header.get_all("Subject") == ["x"]
    assert header["To"] == "a@b.example"


NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (at, at) for at in range(5000)
)

HOSTILE = {
    "nested-multiparts": NESTED + leaf(),
    "nested-messages": b"Content-Type: message/rfc822\r\n\r\n" * 5000 + b"Subject: x\r\n\r\nhello",
    "same-border-again": b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" * 2000,
    "many-parts": mixed(*[leaf()] * 5000),
    "many-header-lines": b"X-A: b\r\n" * 100_000 + b"\r\nhello",
    "many-folds": b"X-A: b\r\n" + b" c\r\n" * 50_000 + b"\r\nhello",
    "one-long-line": leaf(body=b"a" * LONGEST_TEXT),
    "long-line-of-borders": MIXED + b"--x" * (LONGEST_TEXT // 3),
    "long-border": b"Content-Type: multipart/mixed; boundary=" + b"x" * 100_000 + b"\r\n\r\n--x\r\n\r\nhello",
    "many-parameters": b"Content-Type: text/plain" + b"; a=b" * 20_000 + b"\r\n\r\nhello",
    "quotes": b'Content-Type: text/plain; charset="' + b'\\"' * 20_000 + b"\r\n\r\nhello",
    "base64-garbage": leaf(b"text/plain", b"=\xff" * 100_000, b"Content-Transfer-Encoding: base64"),
    "quoted-printable-garbage": leaf(
        b"text/plain", b"=" * 250_000, b"Content-Transfer-Encoding: quoted-printable"
    ),
    "nul": b"\0" * 200_000,
    "nul-in-the-header": b"Content-Type: text/\0plain; charset=\0\r\nSub\0ject: \0\r\n\r\n\0",
    "no-header-line": b"\xff" * 200_000,
    "carriage-returns": b"Subject: x\r\n\r\n" + b"\r" * 200_000,
    "surrogates": leaf(b"text/plain", "a\ud800\udfff".encode("utf-8", "surrogatepass")),
    "rfc-2231-without-end": leaf(b"text/plain; charset*0*=utf-8''%; charset*9999999999999=x"),
}


@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE)
def test_hostile_message_is_read_as_far_as_it_goes(octets):
    message = parsed(octets)

    plain, html = body_texts(message)

    (plain + html).encode()
    has_attached(message)


LINES = st.sampled_from(
    [
        *(b"Content-Type: multipart/mixed; boundary=x", b"Content-Type: multipart/alternative; boundary=y"),
        *(
            b"Content-Type: message/rfc822",
            b"Content-Type: text/html; charset=utf-7",
            b"Content-Type: \xff/\xff",
        ),
        *(
            b"Content-Type: multipart/mixed",
            b"Content-Type: text/plain; charset*=idna''%ff",
            b"Content-Type:",
        ),
        *(
            b"Content-Transfer-Encoding: base64",
            b"Content-Transfer-Encoding: \xff",
            b"Content-Disposition: \xff",
        ),
        *(b"Content-Type: message/delivery-status", b"Content-Type: message/partial", b"Content-Type: ;;;"),
        *(b"--x", b"--x--", b"--y", b"--y--", b"", b"", b"hello", b"aGVsbG8=", b"\xff", b" folded", b"\0"),
    ]
)
MESSAGES = st.binary(max_size=300) | st.lists(LINES, max_size=30).map(b"\r\n".join)


@given(MESSAGES)
def test_any_octets_are_a_message(octets):
    message = parsed(octets)

    plain, html = body_texts(message)

    (plain + html).encode()
    assert all(part.get_content_type() for part in parts_of(message))


@given(st.binary(max_size=300), st.sampled_from(["utf-8", "iso-8859-1", "x-unknown"]))
def test_base64_is_decoded_to_the_octets_that_were_encoded(octets, charset):
    body = base64.encodebytes(octets)

    message = parsed(
        leaf(f"text/plain; charset={charset}".encode(), body, b"Content-Transfer-Encoding: base64")
    )

    assert octets_of(message) == octets


@pytest.mark.parametrize("charset", ["idna", "undefined", "a\0b", "punycode", "zip", "rot13", "x" * 5000])
def test_charset_that_cannot_decode_text_does_no_harm(charset):
    octets = f'Content-Type: text/plain; charset="{charset}"\r\n\r\nx'.encode() + b"\xe9\r\n"

    message = parsed(octets)

    assert list(parts_of(message)) == [message]
    assert "x" in body_texts(message)[0] or body_texts(message)[0] == ""


def test_parts_that_are_nested_too_deeply_are_not_taken_apart():
    depth = 500
    opened = "".join(
        f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n' for level in range(depth)
    )
    octets = b"Subject: deep\r\n" + opened.encode() + b"\r\n" * 100_000

    message = parsed(octets)

    assert message["Subject"] == "deep"
    assert body_texts(message) == ("", "")
