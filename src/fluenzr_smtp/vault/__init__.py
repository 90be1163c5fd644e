"""One encrypted file that holds a user's accounts, and the keys that open it.

``format`` knows the bytes, ``cipher`` the cryptography, ``slots`` how a key wraps the data key, ``sources``
where a key comes from, ``store`` the file. The payload is bytes: what they mean is not known here.
"""

from fluenzr_smtp.vault.format import Argon2Cost, Header, Slot, SlotKind, damaged
from fluenzr_smtp.vault.sources import (
    Keychain,
    KeyringKey,
    KeySource,
    PassphraseKey,
    RawKey,
    key_source,
    parse_key,
)
from fluenzr_smtp.vault.store import Vault

__all__ = [
    "Argon2Cost",
    "Header",
    "KeySource",
    "Keychain",
    "KeyringKey",
    "PassphraseKey",
    "RawKey",
    "Slot",
    "SlotKind",
    "Vault",
    "damaged",
    "key_source",
    "parse_key",
]
