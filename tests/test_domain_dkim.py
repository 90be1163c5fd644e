"""DKIM key records."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.domain.dkim import DKIMKey, parse_key
from fluenzr_smtp.domain.tags import RecordFault

SPKI, PKCS1 = PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1


def rsa_key(bits: int, form: PublicFormat = SPKI) -> bytes:
    key = rsa.generate_private_key(65537, bits).public_key()
    return key.public_bytes(Encoding.DER, form)


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


RSA_1024 = encoded(rsa_key(1024))
RSA_2048 = rsa_key(2048)
ED25519 = encoded(
    ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
)
ELLIPTIC = encoded(ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.DER, SPKI))
# A key of 512 bits, which cryptography no longer makes: SEQUENCE { INTEGER of 64 bytes, INTEGER 65537 }.
RSA_512 = encoded(bytes.fromhex("3048024100") + b"\xc1" * 64 + bytes.fromhex("0203010001"))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (f"v=DKIM1; k=rsa; p={encoded(RSA_2048)}", DKIMKey(kind="rsa", bits=2048)),
        (f"p={encoded(RSA_2048)}", DKIMKey(kind="rsa", bits=2048)),
        (f"k=rsa; p={RSA_1024};", DKIMKey(kind="rsa", bits=1024)),
        (f"v=DKIM1; p={encoded(rsa_key(2048, PKCS1))}", DKIMKey(kind="rsa", bits=2048)),
        (f"v=DKIM1; p={encoded(RSA_2048)[:100]} {encoded(RSA_2048)[100:]}", DKIMKey(kind="rsa", bits=2048)),
        (f"v=DKIM1; k=ed25519; p={ED25519}", DKIMKey(kind="ed25519", bits=256)),
        (f"v=DKIM1; t=y:s; s=email; h=sha256; p={RSA_1024}", DKIMKey(kind="rsa", bits=1024, is_testing=True)),
    ],
    ids=["full", "p-alone", "1024", "pkcs1", "folded", "ed25519", "testing"],
)
def test_good_key_is_told_by_kind_and_length(text, key):
    assert parse_key(text) == key


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "syntax"),
        ("hello", "syntax"),
        ("v=DKIM1; k=rsa", "key-missing"),
        ("v=DKIM1; p=", "key-revoked"),
        (f"v=DKIM2; p={RSA_1024}", "version"),
        (f"k=rsa; v=DKIM1; p={RSA_1024}", "version"),
        (f"v=DKIM1; k=dsa; p={RSA_1024}", "key-type"),
        (f"v=DKIM1; s=tlsrpt; p={RSA_1024}", "not-for-mail"),
        ("v=DKIM1; p=@@@", "key-unreadable"),
        ("v=DKIM1; p=QUJD", "key-unreadable"),
        (f"v=DKIM1; p={ELLIPTIC}", "key-unreadable"),
        (f"v=DKIM1; p={encoded(RSA_2048[:-9])}", "key-unreadable"),
        (f"v=DKIM1; p={encoded(RSA_2048 + b'x')}", "key-unreadable"),
        (f"v=DKIM1; k=ed25519; p={RSA_1024}", "key-unreadable"),
        (f"v=DKIM1; p={RSA_512}", "key-too-short"),
        (f"v=DKIM1; p={RSA_1024}; p={RSA_1024}", "duplicate-tag"),
    ],
)
def test_key_that_verifies_nothing_is_told_with_the_reason(text, reason):
    assert getattr(parse_key(text), "reason", None) == reason


@pytest.mark.parametrize(("text", "is_short"), [(RSA_1024, True), (encoded(RSA_2048), False)])
def test_rsa_key_below_2048_bits_is_short(text, is_short):
    assert parse_key(f"p={text}").is_short is is_short


@given(raw=st.binary(max_size=80) | st.binary(max_size=40).map(lambda tail: RSA_2048[:40] + tail))
def test_any_bytes_for_a_key_are_one_or_a_fault(raw):
    found = parse_key(f"v=DKIM1; p={encoded(raw)}")

    assert isinstance(found, DKIMKey | RecordFault)


@given(text=st.text(max_size=60))
def test_any_text_is_a_key_or_has_a_fault(text):
    found = parse_key(text)

    assert found.reason if isinstance(found, RecordFault) else found.bits
