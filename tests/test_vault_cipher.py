from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.model import Secret
from fluenzr_smtp.vault import cipher
from fluenzr_smtp.vault.format import Argon2Cost, PassphraseKDF

FLOOR = Argon2Cost(memory_kib=19 * 1024, passes=2, lanes=1)

# The Galois/Counter Mode of Operation (McGrew, Viega), test case 16.
GCM_KEY = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
GCM_NONCE = bytes.fromhex("cafebabefacedbaddecaf888")
GCM_ASSOCIATED = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
GCM_PLAIN = bytes.fromhex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
GCM_SEALED = bytes.fromhex(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    "76fc6ece0f4e1768cddf8853bb2d551b"
)


def test_sealing_is_aes_256_gcm():
    sealed = cipher.seal(GCM_KEY, GCM_PLAIN, nonce=GCM_NONCE, associated=GCM_ASSOCIATED)

    assert sealed == GCM_SEALED


def test_sealed_text_opens():
    plain = cipher.unseal(GCM_KEY, GCM_SEALED, nonce=GCM_NONCE, associated=GCM_ASSOCIATED)

    assert plain == GCM_PLAIN


@given(st.integers(0, 8 * len(GCM_SEALED) - 1))
def test_any_flipped_bit_is_noticed(bit):
    flipped = bytearray(GCM_SEALED)
    flipped[bit // 8] ^= 1 << bit % 8

    assert cipher.unseal(GCM_KEY, bytes(flipped), nonce=GCM_NONCE, associated=GCM_ASSOCIATED) is None


@pytest.mark.parametrize(
    ("key", "nonce", "associated"),
    [
        (secrets.token_bytes(32), GCM_NONCE, GCM_ASSOCIATED),
        (GCM_KEY, bytes(12), GCM_ASSOCIATED),
        (GCM_KEY, GCM_NONCE, b""),
    ],
    ids=["key", "nonce", "associated"],
)
def test_other_key_nonce_or_associated_data_does_not_open(key, nonce, associated):
    assert cipher.unseal(key, GCM_SEALED, nonce=nonce, associated=associated) is None


def test_derivation_is_argon2id():
    # From the test suite of the reference implementation: version 19, t=2, m=2^16, p=1.
    kdf = PassphraseKDF(salt=b"somesalt", cost=Argon2Cost(memory_kib=65536, passes=2, lanes=1))

    key = cipher.derive(Secret("password"), kdf)

    assert key.hex() == "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"


def test_spelling_of_an_accent_does_not_change_the_key():
    kdf = PassphraseKDF(salt=bytes(16), cost=FLOOR)

    composed, decomposed = (cipher.derive(Secret(text), kdf) for text in ("s\u00e9same", "se\u0301same"))

    assert composed == decomposed


def test_bytes_that_are_no_utf_8_are_taken_as_they_are():
    kdf = PassphraseKDF(salt=bytes(16), cost=FLOOR)
    from_environment = b"\xff\xfe".decode("utf-8", "surrogateescape")

    assert len(cipher.derive(Secret(from_environment), kdf)) == 32
