"""Key slots: the vault's random data key, wrapped once by each key that may open the vault.

What is bound to a wrapped key is the vault's id and what the slot opens with, not the generation and not the
label: a write leaves the slots of other keys as they are, without having those keys, and so does the step
from version 1 to 2. Label and entry are bound to the payload, as the whole header is.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault import cipher
from fluenzr_smtp.vault.format import (
    KDF,
    NONCE_BYTES,
    Header,
    Slot,
    SlotKind,
    canonical,
    kdf_fields,
    time_text,
)
from fluenzr_smtp.vault.sources import KeySource, SlotKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotDraft:
    """A slot that has its key and waits for the data key: found before any lock is taken."""

    id: str
    kind: SlotKind
    vault_id: str
    label: str
    source: KeySource = field(repr=False)
    slot_key: SlotKey

    def wrap(self, data_key: bytes, *, created: datetime) -> Slot:
        """Return the slot for a data key."""
        nonce, moment = secrets.token_bytes(NONCE_BYTES), created.replace(microsecond=0)
        kdf = self.slot_key.kdf
        bound = _bound(self.vault_id, slot_id=self.id, kind=self.kind, created=moment, kdf=kdf)
        return Slot(
            id=self.id,
            kind=self.kind,
            label=self.label,
            entry=self.slot_key.entry,
            created=moment,
            kdf=kdf,
            nonce=nonce,
            wrapped=cipher.seal(self.slot_key.key, data_key, nonce=nonce, associated=bound),
        )

    def discard(self) -> None:
        """Give up the key: the slot was not written."""
        self.source.forget(self.slot_key.entry)


def draft(source: KeySource, *, vault_id: str, label: str = "") -> SlotDraft:
    """Prepare a slot: the source makes a key for it, and keeps it where it is one that keeps keys."""
    slot_id = secrets.token_hex(8)
    return SlotDraft(
        id=slot_id,
        kind=source.kind,
        vault_id=vault_id,
        label=label,
        source=source,
        slot_key=source.for_new_slot(vault_id, slot_id),
    )


def unlock(source: KeySource, header: Header) -> tuple[Slot, bytes]:
    """Return the first slot that the source opens, and the data key in it.

    Raises:
        FluenzrError: ``vault-locked`` where the vault has no slot for the source; where it opens none,
            ``vault-passphrase-wrong``, ``vault-key-wrong``, ``keyring-entry-missing``; what the source
            raises.
    """
    fitting = tuple(slot for slot in header.slots if slot.kind is source.kind)
    if not fitting:
        kinds = tuple(sorted({slot.kind.value for slot in header.slots}))
        raise failure(ProblemCode.VAULT_LOCKED, Stage.VAULT, source=source.kind.value, slots=kinds)
    refusals = []
    for slot in fitting:
        try:
            return slot, open_slot(source, slot, vault_id=header.vault_id)
        except FluenzrError as error:
            if error.problem.code not in OF_ONE_SLOT:
                raise
            refusals.append(error)
    raise _strongest(refusals)


def open_slot(source: KeySource, slot: Slot, *, vault_id: str) -> bytes:
    """Return the data key in a slot of the source's kind.

    Raises:
        FluenzrError: ``vault-passphrase-wrong``, ``vault-key-wrong``, ``keyring-entry-missing``; what the
            source raises.
    """
    key = source.for_slot(slot)
    if key is None:
        raise failure(ProblemCode.KEYRING_ENTRY_MISSING, Stage.KEYRING, vault_id=vault_id)
    bound = _bound(vault_id, slot_id=slot.id, kind=slot.kind, created=slot.created, kdf=slot.kdf)
    data_key = cipher.unseal(key, slot.wrapped, nonce=slot.nonce, associated=bound)
    if data_key is None:
        is_passphrase = source.kind is SlotKind.PASSPHRASE
        code = ProblemCode.VAULT_PASSPHRASE_WRONG if is_passphrase else ProblemCode.VAULT_KEY_WRONG
        raise failure(code, Stage.VAULT, source=source.kind.value)
    return data_key


#: Refusals that say nothing about the other slots of the same kind.
OF_ONE_SLOT = frozenset(
    {
        ProblemCode.VAULT_PASSPHRASE_WRONG,
        ProblemCode.VAULT_KEY_WRONG,
        ProblemCode.KEYRING_ENTRY_MISSING,
    }
)


def _strongest(refusals: Iterable[FluenzrError]) -> FluenzrError:
    """Return the refusal to tell: that a key is wrong says more than that another one is not here."""
    refusals = tuple(refusals)
    wrong = [each for each in refusals if each.problem.code is not ProblemCode.KEYRING_ENTRY_MISSING]
    return (*wrong, *refusals)[0]


def _bound(vault_id: str, *, slot_id: str, kind: SlotKind, created: datetime, kdf: KDF | None) -> bytes:
    fields = {
        "vault": vault_id,
        "id": slot_id,
        "kind": kind.value,
        "created": time_text(created),
        "kdf": kdf_fields(kdf),
    }
    return b"fluenzr-slot\x00" + canonical(fields)
