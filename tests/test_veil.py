"""A secret that a server repeats is not shown, in whatever form it repeats it."""

from __future__ import annotations

import base64
import quopri
import time
import tracemalloc
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.model import Secret
from fluenzr_smtp.veil import Veil
from tests.sessions import SECRET, USERNAME


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _each(form: str, secret: str = SECRET.reveal()) -> str:
    """Return the secret with every character written in the form of a format string for its number."""
    return "".join(form.format(ord(character)) for character in secret)


def _hex(parted: str = "") -> str:
    return parted.join(f"{octet:02x}" for octet in SECRET.reveal().encode())


def _full_width(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


WRITTEN = {
    "percent": "%{:02x}",
    "percent-in-capitals": "%{:02X}",
    "quoted-printable": "={:02X}",
    "quoted-printable-over-lines": "={:02X}=\n",
    "backslash-x": "\\x{:02x}",
    "backslash-x-quoted": "\\\\x{:02x}",
    "zero-x": "0x{:02x},",
    "octal": "\\{:03o}",
    "unicode": "\\u{:04x}",
    "unicode-in-braces": "\\u{{{:x}}}",
    "entity": "&#{};",
    "entity-in-hex": "&#x{:x};",
    "entity-padded": "&#{:07};",
    "entity-without-end": "&#{}",
}


def _struck(text: str, secret: str = SECRET.reveal()) -> str:
    return Veil(Secret(secret)).over(text)


class TestVeil:
    @pytest.mark.parametrize(
        "repeated",
        [
            pytest.param(SECRET.reveal(), id="in-clear"),
            pytest.param(SECRET.reveal().upper(), id="in-capitals"),
            pytest.param(SECRET.reveal()[:-4], id="cut-short"),
            pytest.param(SECRET.reveal()[4:], id="without-its-beginning"),
            pytest.param(_base64(SECRET.reveal().encode()), id="as-in-login"),
            pytest.param(_base64(f"\0{USERNAME}\0{SECRET.reveal()}".encode()), id="as-in-plain"),
            pytest.param(_base64(f"\0u\0{SECRET.reveal()}".encode()), id="as-in-plain-one-byte-on"),
            pytest.param(_base64(f"\0us\0{SECRET.reveal()}".encode()), id="as-in-plain-two-bytes-on"),
            pytest.param(_base64(SECRET.reveal().encode()).upper(), id="base64-in-capitals"),
            pytest.param(_base64(SECRET.reveal().encode())[3:13], id="part-of-base64"),
        ],
    )
    def test_secret_that_a_server_repeats_is_struck_out(self, repeated):
        assert _struck(f"Unknown command: AUTH {repeated}, sorry") == "Unknown command: AUTH …, sorry"

    @pytest.mark.parametrize("form", WRITTEN.values(), ids=WRITTEN)
    def test_secret_with_every_character_escaped_is_struck_out(self, form):
        shown = _struck(f"No <{_each(form)}> here")

        assert shown.translate(dict.fromkeys(map(ord, "\\=,\n"))) == "No <…> here"

    @pytest.mark.parametrize(
        "repeated",
        [
            pytest.param(_hex(), id="hex"),
            pytest.param(_hex().upper(), id="hex-in-capitals"),
            pytest.param(_hex(":"), id="hex-with-colons"),
            pytest.param(_hex(":").upper(), id="hex-with-colons-in-capitals"),
            pytest.param(_hex(" "), id="hex-with-spaces"),
            pytest.param(f"00{_hex()}0a", id="hex-within-hex"),
            pytest.param(base64.b32encode(SECRET.reveal().encode()).decode().rstrip("="), id="base32"),
            pytest.param(base64.b32encode(SECRET.reveal().encode()).decode().lower(), id="base32-in-small"),
            *(
                pytest.param(
                    base64.b32encode(b"u" * ahead + SECRET.reveal().encode() + b"end").decode(),
                    id=f"base32-{ahead}-on",
                )
                for ahead in range(1, 5)
            ),
            pytest.param(_full_width(SECRET.reveal()), id="full-width"),
            pytest.param(_full_width(SECRET.reveal()).upper(), id="full-width-in-capitals"),
            pytest.param(urllib.parse.quote(_full_width(SECRET.reveal())), id="full-width-in-percent"),
            pytest.param(SECRET.reveal().replace("s", "%73").replace("e", "&#101;"), id="escaped-in-part"),
        ],
    )
    def test_secret_that_is_written_otherwise_is_struck_out(self, repeated):
        assert _struck(f"No <{repeated}> here") == "No <…> here"

    @pytest.mark.parametrize(
        "secret", ["pä&s<w>", "пароль", "パスワード", "ﬁsh-Ⅷ", "a=41%41b", "p w", "pass"]
    )
    @pytest.mark.parametrize(
        "write",
        [
            pytest.param(str, id="in-clear"),
            pytest.param(lambda secret: urllib.parse.quote(secret, safe=""), id="percent"),
            pytest.param(lambda secret: quopri.encodestring(secret.encode()).decode(), id="quoted-printable"),
            pytest.param(lambda secret: "".join(f"\\x{each:02x}" for each in secret.encode()), id="bytes"),
            pytest.param(lambda secret: _each("&#{};", secret), id="entities"),
        ],
    )
    def test_secret_of_few_or_other_letters_is_struck_out_where_it_stands_alone(self, secret, write):
        assert _struck(f"No <{write(secret)}> here", secret) == "No <…> here"

    def test_bytes_that_are_no_utf_8_are_latin_1(self):
        assert _struck(r"No <\xfcmlaut> here", "ümlaut") == "No <…> here"

    def test_full_width_secret_is_struck_out_in_plain_letters(self):
        assert _struck(f"No {SECRET.reveal()}", _full_width(SECRET.reveal())) == "No …"

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("id 170612 of 7061626300", id="hex-of-a-short-secret"),
            pytest.param("100%70%61per, =70=61rt, &#112;&#97;y", id="within-a-word"),
            pytest.param("see https://help.test/?p=70&a=61%20x &amp; y", id="links"),
        ],
    )
    def test_short_secret_strikes_out_no_part_of_a_word_or_number(self, text):
        assert _struck(text, "pa") == text

    def test_base32_of_a_short_secret_is_no_word(self):
        assert _struck("the mfrg line, 5 mfrggza x", "abc") == "the mfrg line, 5 mfrggza x"

    @pytest.mark.parametrize("width", [1, 5, 7, 9])
    @pytest.mark.parametrize(
        "said",
        [SECRET.reveal(), _base64(f"\0{USERNAME}\0{SECRET.reveal()}".encode())],
        ids=["clear", "base64"],
    )
    def test_secret_that_is_broken_over_lines_is_struck_out(self, said, width):
        broken = "\n".join(said[start : start + width] for start in range(0, len(said), width))

        shown = _struck(f"No: {broken}").replace("\n", "")

        assert SECRET.reveal() not in shown
        assert _base64(SECRET.reveal().encode())[4:12] not in shown

    @pytest.mark.parametrize(
        "repeated", ['!q"uo\\te!', '!q\\"uo\\\\te!', '!Q\\"UO\\\\TE!'], ids=["clear", "quoted", "capitals"]
    )
    def test_secret_with_quotes_is_struck_out_as_imap_quotes_it(self, repeated):
        assert _struck(f'LOGIN "user" "{repeated}"', '!q"uo\\te!') == 'LOGIN "user" "…"'

    def test_short_secret_is_struck_out_where_it_stands_alone(self):
        assert _struck("535 pa: Bad password pa", "pa") == "535 …: Bad password …"

    @pytest.mark.parametrize("secret", ["", " ", "\n"])
    def test_secret_of_nothing_strikes_out_nothing(self, secret):
        assert _struck("535 5.7.8 No\nand no", secret) == "535 5.7.8 No\nand no"

    def test_words_of_the_server_stay(self):
        text = "5.7.8 Username and Password not accepted.\nSee https://support.shop.test/?p=BadCredentials"

        assert _struck(text) == text

    @given(
        secret=st.text(
            st.characters(codec="ascii", exclude_categories=["Cc", "Zs"], exclude_characters="\\"), min_size=8
        ),
        user=st.text(st.characters(codec="utf-8"), max_size=20),
    )
    def test_no_secret_gets_through(self, secret, user):
        said = _base64(f"\0{user}\0{secret}".encode())

        shown = _struck(f"No: {user}:{secret} {said}", secret)

        assert secret not in shown
        assert said not in shown

    def test_secret_is_in_no_representation(self):
        assert SECRET.reveal() not in repr(Veil(SECRET))

    def test_long_reply_of_nothing_but_the_secret_is_struck_out(self):
        text = "aaaaaaaaa\n \\" * 20_000

        shown = _struck(text, "a" * 40)

        assert "a" not in shown

    def test_letters_that_stand_for_many_cost_little_memory(self):
        veil = Veil(SECRET)
        text = "ﷺ" * 80_000

        tracemalloc.start()
        veil.over(text)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert peak < 50_000_000

    @pytest.mark.parametrize(
        "unit", ["%61", "=61", "=\n", "\\x61", "\\141", "&#97;", "&", "=", "\\", "%", "ﷺ", "ａ\n ", "6 1:"]
    )
    def test_time_grows_no_faster_than_the_text(self, unit):
        veil = Veil(Secret("a" * 40))
        texts = [unit * size for size in (2_000, 32_000)]

        short, long = (min(_seconds(veil, text) for _ in range(3)) for text in texts)

        assert long < 16 * 4 * short + 0.1


def _seconds(veil: Veil, text: str) -> float:
    before = time.process_time()
    veil.over(text)
    return time.process_time() - before
