"""Key slots: the vault's random data key, wrapped once by each key that may open the vault.

What is bound to a wrapped key is the vault's id and the slot itself, not the generation: a write leaves the
slots of other keys as they are, without having those keys.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault import cipher
from fluenzr_smtp.vault.format import (
    NONCE_BYTES,
    Header,
    PassphraseKDF,
    Slot,
    SlotKind,
    canonical,
    kdf_fields,
    time_text,
)
from fluenzr_smtp.vault.sources import KeySource


def new_slot(source: KeySource, data_key: bytes, *, vault_id: str, created: datetime) -> Slot:
    """Wrap the data key with a key of the source, which makes and keeps one where it has none yet."""
    slot_key = source.for_new_slot(vault_id)
    slot_id, nonce = secrets.token_hex(8), secrets.token_bytes(NONCE_BYTES)
    moment = created.replace(microsecond=0)
    bound = _bound(vault_id, slot_id=slot_id, kind=source.kind, created=moment, kdf=slot_key.kdf)
    return Slot(
        id=slot_id,
        kind=source.kind,
        created=moment,
        kdf=slot_key.kdf,
        nonce=nonce,
        wrapped=cipher.seal(slot_key.key, data_key, nonce=nonce, associated=bound),
    )


def unlock(source: KeySource, header: Header) -> tuple[Slot, bytes]:
    """Return the first slot that the source opens, and the data key in it.

    Raises:
        FluenzrError: ``vault-locked`` where the vault has no slot for the source;
            ``vault-passphrase-wrong``, ``vault-key-wrong`` where it opens none; what the source raises.
    """
    fitting = tuple(slot for slot in header.slots if slot.kind is source.kind)
    if not fitting:
        kinds = tuple(sorted({slot.kind.value for slot in header.slots}))
        raise failure(ProblemCode.VAULT_LOCKED, Stage.VAULT, source=source.kind.value, slots=kinds)
    for slot in fitting:
        bound = _bound(header.vault_id, slot_id=slot.id, kind=slot.kind, created=slot.created, kdf=slot.kdf)
        key = source.for_slot(header.vault_id, slot)
        data_key = cipher.unseal(key, slot.wrapped, nonce=slot.nonce, associated=bound)
        if data_key is not None:
            return slot, data_key
    is_passphrase = source.kind is SlotKind.PASSPHRASE
    code = ProblemCode.VAULT_PASSPHRASE_WRONG if is_passphrase else ProblemCode.VAULT_KEY_WRONG
    raise failure(code, Stage.VAULT, source=source.kind.value)


def _bound(
    vault_id: str, *, slot_id: str, kind: SlotKind, created: datetime, kdf: PassphraseKDF | None
) -> bytes:
    fields = {
        "vault": vault_id,
        "id": slot_id,
        "kind": kind.value,
        "created": time_text(created),
        "kdf": kdf_fields(kdf),
    }
    return b"fluenzr-slot\x00" + canonical(fields)
