"""Encoded words become text, in whatever charset and however broken; what is none stays as it came."""

import base64
from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.content.words import decoded, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("Monday at ten?", "Monday at ten?", id="plain"),
        pytest.param("1 =? 2 ?= 3", "1 =? 2 ?= 3", id="looks-like-a-word"),
        pytest.param("=?utf-8?q?Jos=C3=A9?=", "José", id="quoted"),
        pytest.param("=?UTF-8?Q?a_b=20c?=", "a b c", id="blanks"),
        pytest.param("=?utf-8?q?a=c3=a9?=", "aé", id="lower-case-digits"),
        pytest.param("=?utf-8?b?Sm9zw6k=?=", "José", id="base64"),
        pytest.param("=?utf-8?B?Sm9zw6k?=", "José", id="base64-without-padding"),
        pytest.param("=?utf-8*en?q?Jos=C3=A9?=", "José", id="with-language"),
        pytest.param("=?iso-8859-15?q?20_=A4?=", "20 €", id="latin-9"),
        pytest.param("=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本", id="shifting"),
        pytest.param("=?gb2312?b?xOO6ww==?=", "你好", id="chinese"),
        pytest.param("=?koi8-r?b?z9TXxdQ=?=", "ответ", id="cyrillic"),
        pytest.param("Re: =?utf-8?q?=C3=A9t=C3=A9?= 2026", "Re: été 2026", id="among-others"),
        pytest.param("x=?utf-8?q?=C3=A9?=y", "xéy", id="without-blanks"),
        pytest.param("=?utf-8?q?a?= =?utf-8?q?b?=", "ab", id="blank-between-words-goes"),
        pytest.param("=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab", id="fold-between-words-goes"),
        pytest.param("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c", id="blank-beside-text-stays"),
        pytest.param("=?utf-8?q?a=C3?= =?utf-8?q?=A9b?=", "aéb", id="split-character"),
        pytest.param("=?utf-8?b?w6nD?= =?UTF-8?q?=A9?=", "éé", id="split-between-encodings"),
        pytest.param("=?utf-8?q?=C3=A9?= =?latin-1?q?=E9?=", "éé", id="charsets-change"),
        pytest.param("=?utf-8?q??=", "", id="empty-word"),
        pytest.param("=?utf-8?q?=G1=?=", "=G1=", id="no-hex"),
        pytest.param("=?utf-8?q?a=3Db?=", "a=b", id="equals-sign"),
        pytest.param("=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=", "=?utf-8?q?x?=", id="word-in-a-word"),
        pytest.param("=?us-ascii?q?caf=C3=A9?=", "café", id="ascii-that-is-none"),
        pytest.param("=?unknown-8bit?q?caf=E9?=", "café", id="unknown-8-bit"),
        pytest.param("=?x-nobody-knows?q?caf=C3=A9?=", "café", id="unknown-charset"),
        pytest.param("=?x-nobody-knows?q?caf=E9?=", "café", id="unknown-charset-and-no-utf-8"),
        pytest.param("=?utf-8?q?caf=E9?=", "caf\ufffd", id="wrong-charset"),
        pytest.param("=?utf-8?x?abc?=", "=?utf-8?x?abc?=", id="unknown-encoding"),
        pytest.param("=?utf-8?q?abc", "=?utf-8?q?abc", id="without-end"),
        pytest.param("=?utf-8?b?!!!!?=", "", id="base64-of-nothing"),
        pytest.param("=?utf-8?b?A?=", "A", id="base64-that-cannot-be"),
        pytest.param("caf\udcc3\udca9", "café", id="raw-utf-8"),
        pytest.param("grüß", "grüß", id="text-already"),
        pytest.param("=?utf-8?q?a=00b?=", "a\0b", id="nul"),
    ],
)
def test_value_of_a_field_is_read(value, text):
    assert decoded(value) == text


@pytest.mark.parametrize(
    "charset",
    [
        "utf-8",
        "UTF8",
        "iso-8859-1",
        "cp1252",
        "big5",
        "idna",
        "undefined",
        "hex",
        "",
        "\0",
        "é",
        "a b",
        "\ud800",
    ],
)
def test_octets_become_text_whatever_the_charset_is_called(charset):
    text = text_of(b"a\xff\xfe\0b", charset)

    text.encode()


@pytest.mark.parametrize(
    ("octets", "charset", "text"),
    [
        pytest.param(b"", "x-nobody-knows", "", id="empty"),
        pytest.param(b"caf\xe9", "iso-8859-1", "café", id="told"),
        pytest.param(b"caf\xc3\xa9", "us-ascii", "café", id="told-wrongly"),
        pytest.param(b"caf\xc3\xa9", "x-nobody-knows", "café", id="utf-8-by-its-look"),
        pytest.param(b"\x93caf\xe9\x94", "x-nobody-knows", "“café”", id="windows-by-its-look"),
        pytest.param(b"+2AA-", "utf-7", "?", id="half-a-character"),
        pytest.param("x\0é".encode("utf-16"), "utf-16", "x\0é", id="wide"),
    ],
)
def test_octets_are_read_by_their_charset_or_their_look(octets, charset, text):
    assert text_of(octets, charset) == text


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("=?utf-8?q?" * 20_000, id="beginnings"),
        pytest.param("=?utf-8?q?" + "a" * 256 * 1024, id="without-end"),
        pytest.param("=?utf-8?q?a?= " * 20_000, id="many-words"),
        pytest.param("=?utf-8?q?a?=" + " " * 100_000 + "x", id="blanks-behind"),
        pytest.param("=?utf-8?b?" + "=" * 4000 + "?=", id="padding-alone"),
        pytest.param("=?" + "a" * 100_000 + "?q?b?=", id="long-charset"),
        pytest.param("\0" * 100_000, id="nul"),
        pytest.param("\ud800\udfff\udc80" * 20_000, id="lone-surrogates"),
    ],
)
def test_hostile_value_becomes_text(value):
    decoded(value).encode()


PIECES = st.sampled_from(
    [
        *("=?", "?=", "?", "=", "_", " ", "\r\n ", "utf-8", "q", "B", "=E9", "=C3", "w6k", "*en", "x"),
        *("=?utf-8?q?", "=?iso-2022-jp?b?", "=?idna?q?", "=?utf-7?q?+2AA-?=", "\udce9", "\ud800", "\0", "é"),
    ]
)


@given(st.text(max_size=200) | st.lists(PIECES, max_size=20).map("".join))
def test_any_value_becomes_text_that_can_be_written(value):
    decoded(value).encode()


@given(
    st.binary(max_size=100), st.text(max_size=20) | st.sampled_from(["utf-7", "idna", "utf-16", "shift_jis"])
)
def test_any_octets_become_text_that_can_be_written(octets, charset):
    text_of(octets, charset).encode()


READABLE = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=120)


@given(READABLE, st.integers(1, 40))
def test_words_in_base64_come_back_wherever_they_were_split(text, size):
    octets = text.encode()

    value = "\r\n ".join(
        f"=?utf-8?b?{base64.b64encode(octets[start : start + size]).decode()}?="
        for start in range(0, len(octets), size)
    )

    assert decoded(value) == text


@given(READABLE)
def test_words_of_the_standard_library_come_back(text):
    value = Header(text, "utf-8", maxlinelen=76).encode()

    assert decoded(value) == text


@given(
    st.text(st.characters(blacklist_categories=("Cs",)), max_size=100).filter(lambda text: "=?" not in text)
)
def test_text_without_encoded_words_stays_as_it_is(text):
    assert decoded(text) == text
