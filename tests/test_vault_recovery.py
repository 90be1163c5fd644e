from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ExitStatus, ProblemCode
from fluenzr_smtp.vault.recovery import ALPHABET, RecoveryCode

KNOWN = "0123-4567-89AB-CDEF-GHJK-MNPQ-RSWJ-M3C2"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

codes = st.text(ALPHABET, min_size=26, max_size=26).map(RecoveryCode)


def bare(code: RecoveryCode) -> str:
    return code.reveal().replace("-", "")


def reason_of(text: str) -> str:
    with pytest.raises(FluenzrError) as caught:
        RecoveryCode.parse(text)
    problem = caught.value.problem
    assert problem.code is ProblemCode.RECOVERY_CODE_MALFORMED
    assert problem.exit_status is ExitStatus.DATA
    assert problem.facts.keys() == {"reason"}
    return problem.facts["reason"]


def bech32m_remainder(prefix: str, text: str) -> int:
    """The reference implementation of BIP 350, as far as it is needed."""
    values = [ord(x) >> 5 for x in prefix] + [0] + [ord(x) & 31 for x in prefix]
    values += [BECH32.find(x) for x in text]
    generator = [0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3]
    chk = 1
    for value in values:
        top = chk >> 25
        chk = (chk & 0x1FFFFFF) << 5 ^ value
        for i in range(5):
            chk ^= generator[i] if ((top >> i) & 1) else 0
    return chk


def test_reference_takes_a_known_string():
    # From the test vectors of BIP 350.
    assert bech32m_remainder("abcdef", "l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx") == 0x2BC830A3


@given(codes)
def test_code_is_bech32m_in_another_alphabet(code):
    text = bare(code).translate(str.maketrans(ALPHABET, BECH32))

    assert bech32m_remainder("fluenzr", text) == 0x2BC830A3


@given(codes)
def test_every_code_comes_back(code):
    again = RecoveryCode.parse(code.reveal())

    assert again.random_part == code.random_part


def test_known_code_has_its_checksum():
    assert RecoveryCode("0123456789ABCDEFGHJKMNPQRS").reveal() == KNOWN


def test_new_code_is_random_and_in_groups():
    made = {RecoveryCode.generate().reveal() for _ in range(100)}

    assert len(made) == 100
    assert all(re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}", each) for each in made)
    assert {character for each in made for character in each} == {*ALPHABET, "-"}


@pytest.mark.parametrize(
    "typed",
    [
        KNOWN.lower(),
        KNOWN.replace("-", ""),
        KNOWN.replace("-", " "),
        f"\t{KNOWN}\r\n",
        KNOWN.replace("-", "–"),
        KNOWN.replace("0", "O").replace("1", "l"),
        KNOWN.replace("0", "o").replace("1", "I"),
    ],
)
def test_code_is_read_as_people_type_it(typed):
    assert RecoveryCode.parse(typed).reveal() == KNOWN


@given(codes, st.integers(0, 31), st.integers(1, 31))
def test_every_mistyped_character_is_refused(code, at, off):
    text = bare(code)
    wrong = ALPHABET[(ALPHABET.index(text[at]) + off) % 32]

    assert reason_of(text[:at] + wrong + text[at + 1 :]) == "checksum"


@given(codes, st.integers(0, 31), st.integers(0, 31))
def test_exchanged_characters_are_refused(code, one, other):
    characters = list(bare(code))
    characters[one], characters[other] = characters[other], characters[one]
    exchanged = "".join(characters)

    if exchanged != bare(code):
        assert reason_of(exchanged) == "checksum"


@given(codes, st.dictionaries(st.integers(0, 31), st.integers(1, 31), min_size=1, max_size=4))
def test_any_four_mistakes_are_refused(code, mistakes):
    characters = list(bare(code))
    for at, off in mistakes.items():
        characters[at] = ALPHABET[(ALPHABET.index(characters[at]) + off) % 32]

    assert reason_of("".join(characters)) == "checksum"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "empty"),
        (" - ", "empty"),
        (KNOWN[:-1], "too-short"),
        (f"{KNOWN}0", "too-long"),
        (KNOWN.replace("Q", "U"), "not-in-alphabet"),
        (KNOWN.replace("3", "ß"), "not-in-alphabet"),
        (KNOWN.replace("3", "\N{FULLWIDTH DIGIT THREE}"), "not-in-alphabet"),
        ("open sesame", "too-short"),
        ("0" * 100_000, "too-long"),
    ],
    ids=["empty", "dashes", "short", "long", "letter", "sharp s", "full width", "passphrase", "huge"],
)
def test_what_is_no_code_is_refused_and_not_repeated(typed, reason):
    assert reason_of(typed) == reason


@given(st.text(max_size=60))
def test_any_text_is_refused_by_name(text):
    assert reason_of(text) in {"empty", "not-in-alphabet", "too-short", "too-long", "checksum"}


def test_code_does_not_show_itself():
    code = RecoveryCode.parse(KNOWN)

    assert f"{code!r} {code}" == "RecoveryCode(…) RecoveryCode(…)"
