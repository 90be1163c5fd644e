"""A secret that a server repeats is not shown, in whatever form it repeats it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.model import Secret
from fluenzr_smtp.veil import Veil
from tests.sessions import SECRET, USERNAME


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


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
