"""DKIM key records (RFC 6376 §3.6.1, RFC 8301, RFC 8463): strict, pure, total."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from fluenzr_smtp.domain.tags import RecordFault, parse_tags

WEAKEST_RSA_BITS = 1024  # RFC 8301 §3.2: verifiers must not take fewer
GOOD_RSA_BITS = 2048
_ED25519_BYTES = 32
_WHITE_SPACE = re.compile(r"[ \t\r\n]+")
_RSA_ENCRYPTION = bytes.fromhex("06092a864886f70d010101")  # OID 1.2.840.113549.1.1.1
_SEQUENCE, _INTEGER, _BIT_STRING = 0x30, 0x02, 0x03


@dataclass(frozen=True, slots=True, kw_only=True)
class DKIMKey:
    """A usable public key: ``kind`` is ``rsa`` or ``ed25519``."""

    kind: str
    bits: int
    is_testing: bool = False

    @property
    def is_short(self) -> bool:
        """Say whether it is shorter than signers should use (RFC 8301 §3.2)."""
        return self.kind == "rsa" and self.bits < GOOD_RSA_BITS

    def __str__(self) -> str:
        return f"{self.kind} {self.bits}" if self.kind == "rsa" else self.kind


def parse_key(text: str) -> DKIMKey | RecordFault:
    """Read a key record.

    Reasons of a fault: ``syntax``, ``duplicate-tag``, ``version``, ``key-missing``, ``key-revoked``,
    ``key-type``, ``key-unreadable``, ``key-too-short``, ``not-for-mail``.
    """
    tags = parse_tags(text)
    if isinstance(tags, RecordFault):
        return tags
    if "v" in tags and (next(iter(tags)) != "v" or tags["v"] != "DKIM1"):
        return RecordFault("version", tags["v"])
    if "p" not in tags:
        return RecordFault("key-missing")
    services = [each.strip() for each in tags.get("s", "*").split(":")]
    if not {"*", "email"} & set(services):
        return RecordFault("not-for-mail", tags["s"])
    if not tags["p"]:
        return RecordFault("key-revoked")
    return _key(tags.get("k", "rsa"), tags["p"], flags=tags.get("t", ""))


def _key(kind: str, encoded: str, *, flags: str) -> DKIMKey | RecordFault:
    if kind not in {"rsa", "ed25519"}:
        return RecordFault("key-type", kind)
    try:
        raw = base64.b64decode(_WHITE_SPACE.sub("", encoded), validate=True)
    except (binascii.Error, ValueError):
        return RecordFault("key-unreadable")
    bits = _rsa_bits(raw) if kind == "rsa" else 256 * (len(raw) == _ED25519_BYTES)
    if not bits:
        return RecordFault("key-unreadable")
    if kind == "rsa" and bits < WEAKEST_RSA_BITS:
        return RecordFault("key-too-short", str(bits))
    is_testing = "y" in (each.strip() for each in flags.split(":"))
    return DKIMKey(kind=kind, bits=bits, is_testing=is_testing)


def _rsa_bits(der: bytes) -> int:
    """Return the length of an RSA modulus, or 0; a SubjectPublicKeyInfo or a bare RSAPublicKey (RFC 8017).

    cryptography would refuse, or warn of, the very keys whose length is to be told.
    """
    outer = _content(der, _SEQUENCE)
    if outer is None:
        return 0
    algorithm = _content(outer, _SEQUENCE, is_last=False)
    if algorithm is None:
        return _modulus_bits(outer)
    if not algorithm.startswith(_RSA_ENCRYPTION):
        return 0
    wrapped = _content(outer[_length(outer) :], _BIT_STRING)
    key = _content(wrapped[1:], _SEQUENCE) if wrapped and wrapped[0] == 0 else None
    return 0 if key is None else _modulus_bits(key)


def _modulus_bits(key: bytes) -> int:
    modulus = _content(key, _INTEGER, is_last=False)
    exponent = _content(key[_length(key) :], _INTEGER) if modulus is not None else None
    if not modulus or not exponent or modulus[0] & 0x80:
        return 0
    return int.from_bytes(modulus, "big").bit_length()


def _content(der: bytes, tag: int, *, is_last: bool = True) -> bytes | None:
    """Return the content of the element at the start if it has this tag, and nothing follows the last one."""
    end = _length(der)
    if not end or der[0] != tag or (is_last and end != len(der)):
        return None
    return der[_header(der) : end]


def _length(der: bytes) -> int:
    """Return how many bytes the element at the start takes, or 0 where it is cut off or not DER (X.690)."""
    header = _header(der)
    if not header:
        return 0
    size = der[1] if header == 2 else int.from_bytes(der[2:header], "big")
    return header + size if header + size <= len(der) else 0


def _header(der: bytes) -> int:
    if len(der) < 2:
        return 0
    if der[1] < 0x80:
        return 2
    header = 2 + (der[1] & 0x7F)
    return header if der[1] in {0x81, 0x82} and len(der) >= header else 0
