from __future__ import annotations

import hmac
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.model import Secret
from fluenzr_smtp.vault import cipher
from fluenzr_smtp.vault.format import Argon2Cost, PassphraseKDF, RecoveryKDF

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


# NIST CAVP, gcmEncryptExtIV256.rsp: 96-bit nonces and 128-bit tags, the first of each length.
# (key, nonce, plain text, associated data, cipher text, tag)
NIST = [
    (
        "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
        "516c33929df5a3284ff463d7",
        "",
        "",
        "",
        "bdc1ac884d332457a1d2664f168c76f0",
    ),
    (
        "78dc4e0aaf52d935c3c01eea57428f00ca1fd475f5da86a49c8dd73d68c8e223",
        "d79cf22d504cc793c3fb6c8a",
        "",
        "b96baa8c1c75a671bfb2d08d06be5f36",
        "",
        "3e5d486aa2e30b22e040b85723a06e76",
    ),
    (
        "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22",
        "0d18e06c7c725ac9e362e1ce",
        "2db5168e932556f8089a0622981d017d",
        "",
        "fa4362189661d163fcd6a56d8bf0405a",
        "d636ac1bbedd5cc3ee727dc2ab4a9489",
    ),
    (
        "69b458f2644af9020463b40ee503cdf083d693815e2659051ae0d039e606a970",
        "8d1da8ab5f91ccd09205944b",
        "f3e0e09224256bf21a83a5de8d",
        "036ad5e5494ef817a8af2f5828784a4bfedd1653",
        "c0a62d77e6031bfdc6b13ae217",
        "a794a9aaee48cd92e47761bf1baff0af",
    ),
    (
        "5853c020946b35f2c58ec427152b840420c40029636adcbb027471378cfdde0f",
        "eec313dd07cc1b3e6b068a47",
        "ce7458e56aef9061cb0c42ec2315565e6168f5a6249ffd31610b6d17ab64935e",
        "1389b522c24a774181700553f0246bbabdd38d6f",
        "eadc3b8766a77ded1a58cb727eca2a9790496c298654cda78febf0da16b6903b",
        "3d49a5b32fde7eafcce90079217ffb57",
    ),
    (
        "148579a3cbca86d5520d66c0ec71ca5f7e41ba78e56dc6eebd566fed547fe691",
        "b08a5ea1927499c6ecbfd4e0",
        "9d0b15fdf1bd595f91f8b3abc0f7dec927dfd4799935a1795d9ce00c9b879434"
        "420fe42c275a7cd7b39d638fb81ca52b49dc41",
        "e4f963f015ffbb99ee3349bbaf7e8e8e6c2a71c230a48f9d59860a29091d2747"
        "e01a5ca572347e247d25f56ba7ae8e05cde2be3c97931292c02370208ecd097e"
        "f692687fecf2f419d3200162a6480a57dad408a0dfeb492e2c5d",
        "2097e372950a5e9383c675e89eea1c314f999159f5611344b298cda45e628437"
        "16f215f82ee663919c64002a5c198d7878fd3f",
        "adbecdb0d5c2224d804d2886ff9a5760",
    ),
]
# NIST CAVP, gcmDecrypt256.rsp: what has to fail. (key, nonce, cipher text, associated data, tag)
NIST_REFUSED = [
    (
        "e5a8123f2e2e007d4e379ba114a2fb66e6613f57c72d4e4f024964053028a831",
        "51e43385bf533e168427e1ad",
        "",
        "",
        "38fe845c66e66bdd884c2aecafd280e6",
    ),
    (
        "9a0343f850a6427120f764789ffec6d237447b898fbf51d2182f065d3861497d",
        "3deef6f453dd70d92143adcd",
        "e93165935ac18e3a2845d15fe31a9286",
        "dbb8226a624520863db6897017b2a4f8",
        "f5fc50d18766bc3d9e16dd136d45816b",
    ),
    (
        "e9d381a9c413bee66175d5586a189836e5c20f5583535ab4d3f3e612dc21700e",
        "23e81571da1c7821c681c7ca",
        "a25f3f580306cd5065d22a6b7e9660110af7204bb77d370f7f34bee547feeff7b32a596fce29c9040e68b1589aad48da881990",
        "6f39c9ae7b8e8a58a95f0dd8ea6a9087cbccdfd6",
        "5b6dcd70eefb0892fab1539298b92a4b",
    ),
]
# What the Wycheproof suite does to a tag ("ModifiedTag"): bits at the ends of bytes and words, and all of it.
TAG_BITS = (0, 1, 7, 8, 31, 32, 33, 63, 64, 71, 77, 80, 96, 97, 103, 120, 121, 126, 127)
CHANGED_TAGS = {f"bit {bit}": lambda tag, bit=bit: flip(tag, bit) for bit in TAG_BITS} | {
    "all bits": lambda tag: bytes(byte ^ 0xFF for byte in tag),
    "all zero": lambda tag: bytes(16),
    "all ones": lambda tag: b"\xff" * 16,
    "first bit of each byte": lambda tag: bytes(byte ^ 0x80 for byte in tag),
    "last bit of each byte": lambda tag: bytes(byte ^ 0x01 for byte in tag),
    "one byte less": lambda tag: tag[:-1],
    "twelve bytes": lambda tag: tag[:12],
    "none": lambda tag: b"",
    "one byte more": lambda tag: tag + b"\x00",
}


def flip(tag: bytes, bit: int) -> bytes:
    changed = bytearray(tag)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("vector", NIST, ids=lambda vector: f"{len(vector[2]) // 2}+{len(vector[3]) // 2}")
def test_known_answers_hold_both_ways(vector):
    key, nonce, plain, associated, text, tag = map(bytes.fromhex, vector)

    assert cipher.seal(key, plain, nonce=nonce, associated=associated) == text + tag
    assert cipher.unseal(key, text + tag, nonce=nonce, associated=associated) == plain


@pytest.mark.parametrize("vector", NIST_REFUSED, ids=lambda vector: f"{len(vector[2]) // 2} bytes")
def test_known_forgeries_are_refused(vector):
    key, nonce, text, associated, tag = map(bytes.fromhex, vector)

    assert cipher.unseal(key, text + tag, nonce=nonce, associated=associated) is None


@pytest.mark.parametrize("change", CHANGED_TAGS.values(), ids=CHANGED_TAGS)
def test_changed_tag_is_refused(change):
    for vector in NIST:
        key, nonce, _, associated, text, tag = map(bytes.fromhex, vector)

        assert cipher.unseal(key, text + change(tag), nonce=nonce, associated=associated) is None


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.binary(max_size=50))
def test_everything_sealed_opens_and_is_as_long_as_it_was_and_the_tag(key, plain, associated):
    nonce = secrets.token_bytes(12)

    sealed = cipher.seal(key, plain, nonce=nonce, associated=associated)

    assert len(sealed) == len(plain) + 16
    assert cipher.unseal(key, sealed, nonce=nonce, associated=associated) == plain


@given(
    st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26), st.binary(min_size=16, max_size=16)
)
def test_recovery_key_is_hkdf_sha_256(characters, salt):
    extracted = hmac.digest(salt, characters.encode(), "sha256")
    expanded = hmac.digest(extracted, b"fluenzr-recovery\x01", "sha256")

    assert cipher.expand(Secret(characters), RecoveryKDF(salt=salt)) == expanded
