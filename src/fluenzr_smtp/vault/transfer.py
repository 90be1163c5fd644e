"""Accounts on the way to another computer: one payload under a passphrase, in a file of its own kind.

::

    magic     8 bytes   "FLUENZX" and a zero byte
    version   2 bytes   big-endian, 1
    length    4 bytes   big-endian, of the header
    header    JSON      written as the vault's: ASCII, keys sorted, no spaces
    payload   rest      AES-256-GCM, the tag at its end; all before it is its associated data

As in the vault a random data key seals the payload, and Argon2id of the passphrase wraps that key: so a wrong
passphrase can be told from a file that was damaged.
"""

from __future__ import annotations

import base64
import json
import secrets
import struct
from dataclasses import dataclass, field

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault import cipher
from fluenzr_smtp.vault.format import (
    FILE_LIMIT_BYTES,
    HEADER_LIMIT_BYTES,
    KEY_BYTES,
    NONCE_BYTES,
    SALT_BYTES,
    TAG_BYTES,
    WRAPPED_BYTES,
    Argon2Cost,
    PassphraseKDF,
    canonical,
    kdf_fields,
    parse_bytes,
    parse_kdf,
)

MAGIC = b"FLUENZX\x00"
VERSION = 1

_PREFIX = struct.Struct(">8sHI")
_BOUND = b"fluenzr-export\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Envelope:
    kdf: PassphraseKDF
    key_nonce: bytes
    wrapped: bytes = field(repr=False)
    nonce: bytes


def is_export(content: bytes) -> bool:
    """Say whether these bytes claim to be an export."""
    return content.startswith(MAGIC)


def seal_export(payload: bytes, passphrase: Secret, *, cost: Argon2Cost | None = None) -> bytes:
    """Return a file that only the passphrase opens.

    Raises:
        FluenzrError: ``secret-empty``, ``file-not-written`` (too big to be read again).
    """
    if not passphrase.reveal():
        raise failure(ProblemCode.SECRET_EMPTY, Stage.VAULT)
    kdf = PassphraseKDF(salt=secrets.token_bytes(SALT_BYTES), cost=cost or Argon2Cost())
    data_key, key_nonce = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(NONCE_BYTES)
    key = cipher.derive(passphrase, kdf)
    envelope = _Envelope(
        kdf=kdf,
        key_nonce=key_nonce,
        wrapped=cipher.seal(key, data_key, nonce=key_nonce, associated=_bound(kdf)),
        nonce=secrets.token_bytes(NONCE_BYTES),
    )
    associated = _render(envelope)
    if len(associated) + len(payload) + TAG_BYTES > FILE_LIMIT_BYTES:
        raise failure(ProblemCode.FILE_NOT_WRITTEN, Stage.VAULT, reason="too-big")
    return associated + cipher.seal(data_key, payload, nonce=envelope.nonce, associated=associated)


def open_export(content: bytes, passphrase: Secret, *, path: str = "") -> bytes:
    """Return the payload of an export; ``path`` is only for what is told.

    Raises:
        FluenzrError: ``export-damaged``, ``export-newer``, ``export-passphrase-wrong``, ``secret-empty``.
    """
    if not passphrase.reveal():
        raise failure(ProblemCode.SECRET_EMPTY, Stage.VAULT)
    try:
        return _opened(content, passphrase)
    except FluenzrError as error:
        raise FluenzrError(error.problem.with_facts(path=path or None)) from error


def _opened(content: bytes, passphrase: Secret) -> bytes:
    envelope, end = _parse(content)
    key = cipher.derive(passphrase, envelope.kdf)
    bound = _bound(envelope.kdf)
    data_key = cipher.unseal(key, envelope.wrapped, nonce=envelope.key_nonce, associated=bound)
    if data_key is None:
        raise failure(ProblemCode.EXPORT_PASSPHRASE_WRONG, Stage.VAULT)
    payload = cipher.unseal(data_key, content[end:], nonce=envelope.nonce, associated=content[:end])
    if payload is None:
        raise export_damaged("payload")
    return payload


def export_damaged(reason: str) -> FluenzrError:
    """Build the error for an export that is not what we wrote."""
    return failure(ProblemCode.EXPORT_DAMAGED, Stage.VAULT, reason=reason)


def _parse(content: bytes) -> tuple[_Envelope, int]:
    """Return the header and where the payload begins."""
    if len(content) > FILE_LIMIT_BYTES:
        raise export_damaged("too-big")
    if not is_export(content):
        raise export_damaged("not-an-export")
    end = _PREFIX.size + _header_length(content)
    if len(content) < end + TAG_BYTES:
        raise export_damaged("truncated")
    try:
        envelope = _envelope(content[_PREFIX.size : end])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise export_damaged("header") from error
    if _render(envelope) != content[:end]:
        raise export_damaged("header-not-canonical")
    return envelope, end


def _header_length(content: bytes) -> int:
    if len(content) < _PREFIX.size:
        raise export_damaged("truncated")
    _, version, length = _PREFIX.unpack_from(content)
    if version > VERSION:
        raise failure(ProblemCode.EXPORT_NEWER, Stage.VAULT, version=version)
    if version < 1:
        raise export_damaged("version")
    if length > HEADER_LIMIT_BYTES:
        raise export_damaged("header-too-big")
    return int(length)


def _envelope(raw: bytes) -> _Envelope:
    fields = json.loads(raw.decode("ascii"))
    return _Envelope(
        kdf=parse_kdf(fields["kdf"]),
        key_nonce=parse_bytes(fields["key_nonce"], NONCE_BYTES),
        wrapped=parse_bytes(fields["wrapped"], WRAPPED_BYTES),
        nonce=parse_bytes(fields["nonce"], NONCE_BYTES),
    )


def _render(envelope: _Envelope) -> bytes:
    fields = {
        "kdf": kdf_fields(envelope.kdf),
        "key_nonce": base64.b64encode(envelope.key_nonce).decode("ascii"),
        "wrapped": base64.b64encode(envelope.wrapped).decode("ascii"),
        "nonce": base64.b64encode(envelope.nonce).decode("ascii"),
    }
    header = canonical(fields)
    return _PREFIX.pack(MAGIC, VERSION, len(header)) + header


def _bound(kdf: PassphraseKDF) -> bytes:
    return _BOUND + canonical({"kdf": kdf_fields(kdf)})
