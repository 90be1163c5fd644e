"""One encrypted file that holds a user's accounts, and the keys that open it.

``format`` knows the bytes, ``cipher`` the cryptography, ``slots`` how a key wraps the data key, ``sources``
and ``environment`` where a key comes from, ``recovery`` the code that a person writes down. ``place``,
``history`` and ``memory`` know the files, ``store`` how they change together, ``vault`` what can be done with
them; ``copies``, ``inspection`` and ``transfer`` are for whole files, looks and exports. The payload is
bytes: what they mean is not known here.

The names are loaded on first use: to read a vault takes a third of all this.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.vault.copies import Backup, Restored
    from fluenzr_smtp.vault.environment import key_source, names_key, parse_key
    from fluenzr_smtp.vault.format import Argon2Cost, Header, Slot, SlotKind, damaged
    from fluenzr_smtp.vault.history import KeptFile
    from fluenzr_smtp.vault.inspection import Finding, Part, State, VaultStatus, Verification
    from fluenzr_smtp.vault.memory import Availability, MemoryState
    from fluenzr_smtp.vault.recovery import RecoveryCode
    from fluenzr_smtp.vault.sources import (
        Keychain,
        KeyringKey,
        KeySource,
        PassphraseKey,
        RawKey,
        RecoveryKey,
    )
    from fluenzr_smtp.vault.store import Notice, NoticeKind
    from fluenzr_smtp.vault.transfer import export_damaged, is_export, open_export, seal_export
    from fluenzr_smtp.vault.vault import Rotation, SlotChange, Vault

__all__ = [
    "Argon2Cost",
    "Availability",
    "Backup",
    "Finding",
    "Header",
    "KeptFile",
    "KeySource",
    "Keychain",
    "KeyringKey",
    "MemoryState",
    "Notice",
    "NoticeKind",
    "Part",
    "PassphraseKey",
    "RawKey",
    "RecoveryCode",
    "RecoveryKey",
    "Restored",
    "Rotation",
    "Slot",
    "SlotChange",
    "SlotKind",
    "State",
    "Vault",
    "VaultStatus",
    "Verification",
    "damaged",
    "export_damaged",
    "is_export",
    "key_source",
    "names_key",
    "open_export",
    "parse_key",
    "seal_export",
]

__getattr__ = loader(
    __name__,
    {
        "Backup": "copies",
        "Restored": "copies",
        "key_source": "environment",
        "names_key": "environment",
        "parse_key": "environment",
        "Argon2Cost": "format",
        "Header": "format",
        "Slot": "format",
        "SlotKind": "format",
        "damaged": "format",
        "KeptFile": "history",
        "Finding": "inspection",
        "Part": "inspection",
        "State": "inspection",
        "VaultStatus": "inspection",
        "Verification": "inspection",
        "Availability": "memory",
        "MemoryState": "memory",
        "RecoveryCode": "recovery",
        "Keychain": "sources",
        "KeyringKey": "sources",
        "KeySource": "sources",
        "PassphraseKey": "sources",
        "RawKey": "sources",
        "RecoveryKey": "sources",
        "Notice": "store",
        "NoticeKind": "store",
        "export_damaged": "transfer",
        "is_export": "transfer",
        "open_export": "transfer",
        "seal_export": "transfer",
        "Rotation": "vault",
        "SlotChange": "vault",
        "Vault": "vault",
    },
)
