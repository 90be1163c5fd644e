"""The bytes of a vault file: parse and render, without files and without cryptography.

::

    magic     8 bytes   "FLUENZR" and a zero byte
    version   2 bytes   big-endian, 2; version 1 is read as well
    length    4 bytes   big-endian, of the header
    header    JSON      ASCII, keys sorted, no spaces, binary values in base64
    payload   rest      AES-256-GCM, the tag at its end

All bytes before the payload are its associated data. There is one way to write a header: whatever is not
byte for byte what ``render`` would write is refused, so nothing can hide in it. ``docs/vault-format.md``
tells it all to other programs.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage

MAGIC = b"FLUENZR\x00"
VERSION = 2
FILE_LIMIT_BYTES = 16 * 1024 * 1024
HEADER_LIMIT_BYTES = 64 * 1024
SLOT_LIMIT = 32
LABEL_LIMIT = 64
GENERATION_LIMIT = 2**63

KEY_BYTES = 32
NONCE_BYTES = 12  # 96 bits, NIST SP 800-38D §8.2
TAG_BYTES = 16
SALT_BYTES = 16
WRAPPED_BYTES = KEY_BYTES + TAG_BYTES

_PREFIX = struct.Struct(">8sHI")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_VAULT_ID = re.compile(r"[0-9a-f]{32}")
_SLOT_ID = re.compile(r"[0-9a-f]{16}")
# Controls, invisible format characters (bidi among them), surrogates, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class SlotKind(StrEnum):
    """What opens a slot."""

    KEYRING = "keyring"
    PASSPHRASE = "passphrase"  # noqa: S105 - a kind, not a secret
    KEY = "key"
    RECOVERY = "recovery"  # since version 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Argon2Cost:
    """The cost of Argon2id. The default is the second choice of RFC 9106 §4: 64 MiB, 3 passes, 4 lanes."""

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 4

    @property
    def is_bounded(self) -> bool:
        """Say whether the cost is neither too weak nor an attack on the reader.

        At least the least of OWASP's Password Storage Cheat Sheet (19 MiB, two passes), at most what a file
        may make its reader spend (1 GiB, ten passes).
        """
        return (
            19 * 1024 <= self.memory_kib <= 1024 * 1024 and 2 <= self.passes <= 10 and 1 <= self.lanes <= 16
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PassphraseKDF:
    """How a passphrase becomes a key: Argon2id (RFC 9106) with this salt and cost."""

    salt: bytes
    cost: Argon2Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryKDF:
    """How a recovery code becomes a key: HKDF-SHA-256 (RFC 5869) with this salt."""

    salt: bytes


KDF = PassphraseKDF | RecoveryKDF


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One way to the data key. ``wrapped`` is the data key under AES-256-GCM.

    ``kdf`` is there for a passphrase and a recovery code. ``entry`` is the name of the keyring's entry, empty
    for the other kinds. ``created`` is aware UTC in whole seconds; ``label`` is what a person called it.
    """

    id: str
    kind: SlotKind
    created: datetime
    kdf: KDF | None
    nonce: bytes
    wrapped: bytes = field(repr=False)
    entry: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What of a vault is not secret. ``generation`` counts the writes, ``nonce`` is the payload's."""

    vault_id: str
    generation: int
    slots: tuple[Slot, ...]
    nonce: bytes
    version: int = VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A parsed file. The header is not to be believed before the payload has opened with ``associated``."""

    header: Header
    associated: bytes
    ciphertext: bytes = field(repr=False)


def damaged(reason: str, **facts: str | int) -> FluenzrError:
    """Build the error for a vault that is not what we wrote; ``reason`` is a word for the catalogue."""
    return failure(ProblemCode.VAULT_DAMAGED, Stage.VAULT, None, reason=reason, **facts)


def entry_name(vault_id: str, slot_id: str) -> str:
    """Return the name of the keyring's entry for a slot; in version 1 it was the vault's id alone."""
    return f"{vault_id}.{slot_id}"


def is_label(text: str) -> bool:
    """Say whether a text can be the label of a slot: short, and shown as it is."""
    return len(text) <= LABEL_LIMIT and not any(unicodedata.category(each) in _UNSEEN for each in text)


def render(header: Header) -> bytes:
    """Return what stands before the payload."""
    content = canonical(_header_fields(header))
    return _PREFIX.pack(MAGIC, header.version, len(content)) + content


def parse(content: bytes) -> Sealed:
    """Take a file apart.

    Raises:
        FluenzrError: ``vault-newer``, ``vault-damaged``.
    """
    if len(content) > FILE_LIMIT_BYTES:
        raise damaged("too-big")
    if not content.startswith(MAGIC):
        raise damaged("not-a-vault")
    if len(content) < _PREFIX.size:
        raise damaged("truncated")
    _, version, length = _PREFIX.unpack_from(content)
    if version > VERSION:
        raise failure(ProblemCode.VAULT_NEWER, Stage.VAULT, version=version)
    if version < 1:
        raise damaged("version")
    if length > HEADER_LIMIT_BYTES:
        raise damaged("header-too-big")
    end = _PREFIX.size + length
    if len(content) < end + TAG_BYTES:
        raise damaged("truncated")
    header = _parse_header(content[_PREFIX.size : end], version)
    return Sealed(header=header, associated=content[:end], ciphertext=content[end:])


def canonical(fields: Mapping[str, object]) -> bytes:
    """Return the one way to write these fields as JSON."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def kdf_fields(kdf: KDF | None) -> dict[str, object] | None:
    """Return the fields of a key derivation as the header holds them."""
    if kdf is None:
        return None
    if isinstance(kdf, RecoveryKDF):
        return {"name": "hkdf-sha256", "salt": _base64(kdf.salt)}
    return {
        "name": "argon2id",
        "lanes": kdf.cost.lanes,
        "memory_kib": kdf.cost.memory_kib,
        "passes": kdf.cost.passes,
        "salt": _base64(kdf.salt),
    }


def time_text(moment: datetime) -> str:
    """Return a moment as the header holds it."""
    return moment.astimezone(UTC).strftime(_TIME)


def _header_fields(header: Header) -> dict[str, object]:
    return {
        "vault": header.vault_id,
        "generation": header.generation,
        "nonce": _base64(header.nonce),
        "slots": [_slot_fields(slot, header.version) for slot in header.slots],
    }


def _slot_fields(slot: Slot, version: int) -> dict[str, object]:
    added = {} if version == 1 else {"entry": slot.entry, "label": slot.label}
    return added | {
        "id": slot.id,
        "kind": slot.kind.value,
        "created": time_text(slot.created),
        "kdf": kdf_fields(slot.kdf),
        "nonce": _base64(slot.nonce),
        "wrapped": _base64(slot.wrapped),
    }


def _parse_header(raw: bytes, version: int) -> Header:
    try:
        header = _header(json.loads(raw.decode("ascii")), version)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise damaged("header") from error
    # Unknown keys, other spellings of a number, spaces, double keys: all of them end here.
    if canonical(_header_fields(header)) != raw:
        raise damaged("header-not-canonical")
    return header


def _header(fields: Any, version: int) -> Header:  # noqa: ANN401 - JSON of unknown shape; what is wrong raises
    vault_id = _matching(fields["vault"], _VAULT_ID)
    slots = tuple(_slot(each, vault_id=vault_id, version=version) for each in fields["slots"])
    if not 1 <= len(slots) <= SLOT_LIMIT or len({slot.id for slot in slots}) != len(slots):
        raise ValueError("slots")
    generation = _whole(fields["generation"])
    if not 1 <= generation < GENERATION_LIMIT:
        raise ValueError("generation")
    return Header(
        vault_id=vault_id,
        generation=generation,
        slots=slots,
        nonce=parse_bytes(fields["nonce"], NONCE_BYTES),
        version=version,
    )


def _slot(fields: Any, *, vault_id: str, version: int) -> Slot:  # noqa: ANN401
    kind = SlotKind(fields["kind"])
    if version == 1 and kind is SlotKind.RECOVERY:
        raise ValueError("kind")
    slot_id = _matching(fields["id"], _SLOT_ID)
    is_keyring = kind is SlotKind.KEYRING
    entries = {vault_id, entry_name(vault_id, slot_id)} if is_keyring else {""}
    entry = vault_id * is_keyring if version == 1 else fields["entry"]
    label = "" if version == 1 else _text(fields["label"])
    if entry not in entries or not is_label(label):
        raise ValueError("entry or label")
    return Slot(
        id=slot_id,
        kind=kind,
        entry=entry,
        label=label,
        # Other spellings of a moment, and other zones, are no canonical form. strptime costs 5 ms at first.
        created=datetime.fromisoformat(fields["created"]).replace(tzinfo=UTC),
        kdf=_kdf(fields["kdf"], kind),
        nonce=parse_bytes(fields["nonce"], NONCE_BYTES),
        wrapped=parse_bytes(fields["wrapped"], WRAPPED_BYTES),
    )


def _kdf(fields: Any, kind: SlotKind) -> KDF | None:  # noqa: ANN401
    if kind is SlotKind.RECOVERY:
        return RecoveryKDF(salt=parse_bytes(fields["salt"], SALT_BYTES))
    return parse_kdf(fields) if kind is SlotKind.PASSPHRASE else None


def parse_kdf(fields: Any) -> PassphraseKDF:  # noqa: ANN401
    """Read how a passphrase becomes a key; what is wrong raises ValueError, TypeError or KeyError."""
    cost = Argon2Cost(
        memory_kib=_whole(fields["memory_kib"]),
        passes=_whole(fields["passes"]),
        lanes=_whole(fields["lanes"]),
    )
    if not cost.is_bounded:
        raise ValueError("cost")
    return PassphraseKDF(salt=parse_bytes(fields["salt"], SALT_BYTES), cost=cost)


def _whole(value: object) -> int:
    # bool is an int to Python, not to us.
    if type(value) is not int:
        raise TypeError("not a whole number")
    return value


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError("not a text")
    return value


def _matching(value: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(value):
        raise ValueError("not an id")
    return value


def parse_bytes(value: str, length: int) -> bytes:
    """Read base64 of so many bytes; what is wrong raises ValueError or TypeError."""
    decoded = base64.b64decode(value, validate=True)
    if len(decoded) != length:
        raise ValueError("wrong length")
    return decoded


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
