"""Where the key of a slot comes from: the OS keyring, a passphrase, a recovery code, or a key as it is."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass, field
from typing import Protocol

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault import cipher
from fluenzr_smtp.vault.format import (
    KDF,
    KEY_BYTES,
    SALT_BYTES,
    Argon2Cost,
    PassphraseKDF,
    RecoveryKDF,
    Slot,
    SlotKind,
    entry_name,
)
from fluenzr_smtp.vault.recovery import RecoveryCode


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotKey:
    """A key that wraps the data key, how it was derived where it was, and its name in the keyring."""

    key: bytes = field(repr=False)
    kdf: KDF | None = None
    entry: str = ""


class KeySource(Protocol):
    """What can make a slot and open it again."""

    @property
    def kind(self) -> SlotKind:
        """The kind of slot this source opens."""

    def for_new_slot(self, vault_id: str, slot_id: str) -> SlotKey:
        """Return the key for a new slot; when this returns, the source will find it again."""

    def for_slot(self, slot: Slot) -> bytes | None:
        """Return the 32-byte key for a slot of the source's kind, not necessarily the right one.

        None where the source has no key for this slot.
        """

    def forget(self, entry: str) -> None:
        """Give up the key of a slot that is no longer there, as well as that is possible; never fails."""


class Keychain(Protocol):
    """A place of the operating system that keeps keys by name."""

    def load(self, entry: str) -> bytes | None:
        """Return the key of this name, or None where there is no entry."""

    def store(self, entry: str, key: bytes) -> None:
        """Keep a key, in place of an older one."""

    def delete(self, entry: str) -> None:
        """Remove the key of this name; that there is none is no error."""


class KeyringKey:
    """A random key that lives in the OS keyring, for each slot one of its own.

    A new slot never takes the entry of an old one: between the keyring and the file there is no common write,
    and whatever is killed in between must leave a vault that opens.
    """

    kind = SlotKind.KEYRING

    def __init__(self, keychain: Keychain) -> None:
        self._keychain = keychain

    def for_new_slot(self, vault_id: str, slot_id: str) -> SlotKey:
        """Make a random key and keep it in the keyring."""
        made = SlotKey(key=secrets.token_bytes(KEY_BYTES), entry=entry_name(vault_id, slot_id))
        self._keychain.store(made.entry, made.key)
        return made

    def for_slot(self, slot: Slot) -> bytes | None:
        """Return the key that the keyring has for this slot: None for one of another computer.

        Raises:
            FluenzrError: What the keychain raises.
        """
        return self._keychain.load(slot.entry)

    def forget(self, entry: str) -> None:
        """Delete the entry. One that stays is rubbish, and opens nothing that is still there."""
        with contextlib.suppress(FluenzrError):
            self._keychain.delete(entry)


class _Elsewhere:
    """What keeps nothing itself: a person, a CI service."""

    def forget(self, entry: str) -> None:
        """Do nothing: there is nothing to give up."""


class PassphraseKey(_Elsewhere):
    """A passphrase, stretched by Argon2id."""

    kind = SlotKind.PASSPHRASE

    def __init__(self, passphrase: Secret, *, cost: Argon2Cost | None = None) -> None:
        """Take the passphrase; ``cost`` is for new slots only, an existing one has its own.

        Raises:
            FluenzrError: ``secret-empty``.
        """
        if not passphrase.reveal():
            raise failure(ProblemCode.SECRET_EMPTY, Stage.VAULT)
        self._passphrase = passphrase
        self._cost = cost or Argon2Cost()
        self._derived: dict[PassphraseKDF, bytes] = {}

    def for_new_slot(self, vault_id: str, slot_id: str) -> SlotKey:  # noqa: ARG002 - the salt makes it unique
        """Derive a key with a fresh salt."""
        kdf = PassphraseKDF(salt=secrets.token_bytes(SALT_BYTES), cost=self._cost)
        return SlotKey(key=self._derive(kdf), kdf=kdf)

    def for_slot(self, slot: Slot) -> bytes:
        """Derive the key with the slot's salt and cost; a second time it costs nothing."""
        if not isinstance(slot.kdf, PassphraseKDF):
            raise TypeError("a slot of another kind")
        return self._derive(slot.kdf)

    def _derive(self, kdf: PassphraseKDF) -> bytes:
        if kdf not in self._derived:
            self._derived[kdf] = cipher.derive(self._passphrase, kdf)
        return self._derived[kdf]


class RecoveryKey(_Elsewhere):
    """A recovery code that somebody wrote down."""

    kind = SlotKind.RECOVERY

    def __init__(self, code: RecoveryCode) -> None:
        self._code = code

    def for_new_slot(self, vault_id: str, slot_id: str) -> SlotKey:  # noqa: ARG002
        """Make a key with a fresh salt."""
        kdf = RecoveryKDF(salt=secrets.token_bytes(SALT_BYTES))
        return SlotKey(key=cipher.expand(self._code.random_part, kdf), kdf=kdf)

    def for_slot(self, slot: Slot) -> bytes:
        """Make the key with the slot's salt."""
        if not isinstance(slot.kdf, RecoveryKDF):
            raise TypeError("a slot of another kind")
        return cipher.expand(self._code.random_part, slot.kdf)


class RawKey(_Elsewhere):
    """A 256-bit key that somebody else keeps: the secrets of a CI service, a credential of systemd."""

    kind = SlotKind.KEY

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError("a raw key has 32 bytes")
        self._key = key

    def for_new_slot(self, vault_id: str, slot_id: str) -> SlotKey:  # noqa: ARG002
        """Return the key itself."""
        return SlotKey(key=self._key)

    def for_slot(self, slot: Slot) -> bytes:  # noqa: ARG002
        """Return the key itself."""
        return self._key
