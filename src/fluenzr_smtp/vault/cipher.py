"""AES-256-GCM, Argon2id and HKDF as the vault uses them: the only calls into the cryptography library."""

from __future__ import annotations

import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fluenzr_smtp.model import Secret
from fluenzr_smtp.vault.format import KEY_BYTES, PassphraseKDF, RecoveryKDF

_RECOVERY_INFO = b"fluenzr-recovery"


def seal(key: bytes, plaintext: bytes, *, nonce: bytes, associated: bytes) -> bytes:
    """Encrypt, and authenticate together with ``associated``. A nonce is used only once with a key."""
    return AESGCM(key).encrypt(nonce, plaintext, associated)


def unseal(key: bytes, ciphertext: bytes, *, nonce: bytes, associated: bytes) -> bytes | None:
    """Return the plain text, or None where key, nonce, text or ``associated`` is not what was sealed."""
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, associated)
    except InvalidTag:
        return None


def derive(passphrase: Secret, kdf: PassphraseKDF) -> bytes:
    """Return the key of a passphrase: Argon2id over its UTF-8 in the normal form C (RFC 8265 §4.2).

    Bytes of the environment that are no UTF-8 count as they are.
    """
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    text = unicodedata.normalize("NFC", passphrase.reveal())
    argon2id = Argon2id(
        salt=kdf.salt,
        length=KEY_BYTES,
        iterations=kdf.cost.passes,
        lanes=kdf.cost.lanes,
        memory_cost=kdf.cost.memory_kib,
    )
    return argon2id.derive(text.encode("utf-8", "surrogateescape"))


def expand(random_text: Secret, kdf: RecoveryKDF) -> bytes:
    """Return the key of a recovery code: HKDF-SHA-256. Stretching adds nothing to 130 random bits."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    hkdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=kdf.salt, info=_RECOVERY_INFO)
    return hkdf.derive(random_text.reveal().encode("ascii"))
