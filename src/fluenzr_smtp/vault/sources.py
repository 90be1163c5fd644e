"""Where the key of a vault comes from: the OS keyring, a passphrase, or a key handed over as it is."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault import cipher
from fluenzr_smtp.vault.format import KEY_BYTES, SALT_BYTES, Argon2Cost, PassphraseKDF, Slot, SlotKind

PASSPHRASE = "FLUENZR_VAULT_PASSPHRASE"  # noqa: S105 - the name of a variable
PASSPHRASE_FILE = "FLUENZR_VAULT_PASSPHRASE_FILE"  # noqa: S105
KEY = "FLUENZR_VAULT_KEY"

_PASSPHRASE_LIMIT_BYTES = 64 * 1024
_HEX_KEY = re.compile(rf"[0-9A-Fa-f]{{{2 * KEY_BYTES}}}")
_BASE64_KEY = re.compile(r"[0-9A-Za-z+/_-]{43}=?")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotKey:
    """A key that wraps the data key, and how it was derived where it was."""

    key: bytes = field(repr=False)
    kdf: PassphraseKDF | None = None


class KeySource(Protocol):
    """What can make a slot and open it again."""

    @property
    def kind(self) -> SlotKind:
        """The kind of slot this source opens."""

    def for_new_slot(self, vault_id: str) -> SlotKey:
        """Return the key for a new slot; when this returns, the source will find it again."""

    def for_slot(self, vault_id: str, slot: Slot) -> bytes:
        """Return the 32-byte key for a slot of the source's kind; not necessarily the right one."""


class Keychain(Protocol):
    """A place of the operating system that keeps one key for each vault."""

    def load(self, vault_id: str) -> bytes | None:
        """Return the vault's key, or None where there is no entry."""

    def store(self, vault_id: str, key: bytes) -> None:
        """Keep the vault's key, in place of an older one."""


class KeyringKey:
    """A random key that lives in the OS keyring."""

    kind = SlotKind.KEYRING

    def __init__(self, keychain: Keychain) -> None:
        self._keychain = keychain

    def for_new_slot(self, vault_id: str) -> SlotKey:
        """Make a random key and keep it in the keyring."""
        key = secrets.token_bytes(KEY_BYTES)
        self._keychain.store(vault_id, key)
        return SlotKey(key=key)

    def for_slot(self, vault_id: str, slot: Slot) -> bytes:  # noqa: ARG002 - one key for all of a vault's slots
        """Return the key that the keyring has for this vault.

        Raises:
            FluenzrError: ``keyring-entry-missing``; what the keychain raises.
        """
        key = self._keychain.load(vault_id)
        if key is None:
            raise failure(ProblemCode.KEYRING_ENTRY_MISSING, Stage.KEYRING, vault_id=vault_id)
        return key


class PassphraseKey:
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

    def for_new_slot(self, vault_id: str) -> SlotKey:  # noqa: ARG002 - the salt makes it unique
        """Derive a key with a fresh salt."""
        kdf = PassphraseKDF(salt=secrets.token_bytes(SALT_BYTES), cost=self._cost)
        return SlotKey(key=cipher.derive(self._passphrase, kdf), kdf=kdf)

    def for_slot(self, vault_id: str, slot: Slot) -> bytes:  # noqa: ARG002
        """Derive the key with the slot's salt and cost."""
        if slot.kdf is None:
            raise ValueError("a slot of another kind")
        return cipher.derive(self._passphrase, slot.kdf)


class RawKey:
    """A 256-bit key that somebody else keeps: the secrets of a CI service, a credential of systemd."""

    kind = SlotKind.KEY

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError("a raw key has 32 bytes")
        self._key = key

    def for_new_slot(self, vault_id: str) -> SlotKey:  # noqa: ARG002
        """Return the key itself."""
        return SlotKey(key=self._key)

    def for_slot(self, vault_id: str, slot: Slot) -> bytes:  # noqa: ARG002
        """Return the key itself."""
        return self._key


def key_source(environ: Mapping[str, str], keychain: Callable[[], Keychain]) -> KeySource:
    """Choose where the key comes from: what the environment names wins over the keyring.

    ``FLUENZR_VAULT_KEY``, ``FLUENZR_VAULT_PASSPHRASE`` or ``FLUENZR_VAULT_PASSPHRASE_FILE``; a variable that
    is set but empty counts as set. ``keychain`` is called only where none of them is.

    Raises:
        FluenzrError: ``environment-invalid`` (two at once, or not a key), ``secret-empty``,
            ``secret-malformed``, ``file-missing``, ``file-unreadable``.
    """
    named = tuple(name for name in (KEY, PASSPHRASE, PASSPHRASE_FILE) if name in environ)
    if len(named) > 1:
        # Which one was meant is not ours to guess: the other may be what opens the vault.
        raise _invalid(named[1], "more-than-one", others=named)
    if not named:
        return KeyringKey(keychain())
    text = environ[named[0]]
    if named[0] == KEY:
        return RawKey(parse_key(text))
    return PassphraseKey(Secret(text) if named[0] == PASSPHRASE else _read_passphrase(text))


def parse_key(text: str) -> bytes:
    """Read a key: 64 hexadecimal digits, or base64 (also the URL alphabet) of 32 bytes.

    Raises:
        FluenzrError: ``environment-invalid``; the text is not in it.
    """
    stripped = text.strip()
    if _HEX_KEY.fullmatch(stripped):
        return bytes.fromhex(stripped)
    if _BASE64_KEY.fullmatch(stripped):
        standard = stripped.rstrip("=").translate(str.maketrans("-_", "+/"))
        return base64.b64decode(f"{standard}=", validate=True)
    raise _invalid(KEY, "not-a-key")


def _read_passphrase(name: str) -> Secret:
    """Return the file's text without its last line end; a pipe will do as well as a file."""
    if not name:
        raise _invalid(PASSPHRASE_FILE, "empty")
    try:
        with Path(name).open("rb") as file:
            content = file.read(_PASSPHRASE_LIMIT_BYTES + 1)
        if len(content) > _PASSPHRASE_LIMIT_BYTES:
            raise failure(ProblemCode.SECRET_MALFORMED, Stage.VAULT, path=name, reason="too-long")
        text = content.decode("utf-8")
    except FileNotFoundError as error:
        raise failure(ProblemCode.FILE_MISSING, Stage.INPUT, path=name) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise failure(ProblemCode.FILE_UNREADABLE, Stage.INPUT, path=name, reason=reason) from error
    except UnicodeDecodeError:
        # Not chained: the exception quotes the bytes.
        raise failure(ProblemCode.SECRET_MALFORMED, Stage.VAULT, path=name, reason="not-utf-8") from None
    return Secret(text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text)


def _invalid(variable: str, reason: str, *, others: tuple[str, ...] = ()) -> FluenzrError:
    facts = {"others": others} if others else {}
    return failure(
        ProblemCode.ENVIRONMENT_INVALID, Stage.CONFIGURATION, None, variable=variable, reason=reason, **facts
    )
