"""The vault: its payload, its key slots, and new keys for all of it."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault import history, slots
from fluenzr_smtp.vault.format import KEY_BYTES, LABEL_LIMIT, SLOT_LIMIT, Header, Slot, SlotKind, is_label
from fluenzr_smtp.vault.slots import SlotDraft
from fluenzr_smtp.vault.sources import Keychain, KeyringKey, KeySource
from fluenzr_smtp.vault.store import Contents, Store

if TYPE_CHECKING:
    from fluenzr_smtp.vault.copies import Backup, Restored
    from fluenzr_smtp.vault.inspection import VaultStatus, Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotChange:
    """The slot that was added, and those that it replaced."""

    added: Slot
    removed: tuple[Slot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The slots with the new data key, and those that were lost.

    ``kept`` are the older vaults beside the new one: what opened them before still opens them.
    """

    slots: tuple[Slot, ...]
    dropped: tuple[Slot, ...]
    kept: tuple[Path, ...]


class Vault(Store):
    """An encrypted file with one payload, and the slots whose keys open it."""

    def read(self) -> bytes | None:
        """Return the payload, or None where there is no vault yet. Creates and changes nothing.

        Raises:
            FluenzrError: as ``load``.
        """
        contents = self.load()
        return None if contents is None else contents.payload

    def update(self, change: Callable[[bytes | None], bytes], *, keeps_replaced: bool = True) -> None:
        """Replace the payload by what ``change`` makes of the present one (None where a vault is created).

        ``change`` runs under the lock on what is in the file then, so that no other process's change is lost;
        it must not wait for anybody. When this returns the new payload is on the disk; after a failure, also
        one of ``change``, the file is as it was. Afterwards the file has the mode 0600, its folder 0700, and
        the file that was replaced is kept beside it, unless ``keeps_replaced`` is false.

        Raises:
            FluenzrError: as ``edit``.
        """
        drafts: list[SlotDraft] = []

        def changed(current: Contents | None) -> Contents:
            if current is not None:
                return dataclasses.replace(current, payload=change(current.payload))
            created, draft = self.create(change(None))
            drafts.append(draft)
            return created

        try:
            self.edit(changed, keeps_replaced=keeps_replaced)
        except BaseException:
            self.discard_unwritten(drafts)
            raise

    def slots(self) -> tuple[Slot, ...]:
        """Return the key slots, authentic: the vault is opened for it.

        Raises:
            FluenzrError: ``vault-none``; as ``load``.
        """
        return self._header().slots

    def add_slot(self, source: KeySource, *, label: str = "", replace: bool = False) -> SlotChange:
        """Let another key open the vault; with ``replace`` it alone of its kind does so afterwards.

        Raises:
            FluenzrError: ``setting-invalid`` (the label), ``vault-slot-limit``, ``vault-none``; what the
                source raises; as ``edit``.
        """
        _check_label(label)
        before = self._header()
        _check_number(_others(before, source.kind) if replace else before.slots)
        draft = slots.draft(source, vault_id=before.vault_id, label=label)
        made: list[SlotChange] = []

        def added(current: Contents | None) -> Contents:
            present = self._present(current)
            kept = _others(present.header, source.kind) if replace else present.header.slots
            _check_number(kept)
            slot = draft.wrap(present.data_key, created=self.clock.now())
            removed = tuple(each for each in present.header.slots if each not in kept)
            made.append(SlotChange(added=slot, removed=removed))
            return dataclasses.replace(
                present, header=dataclasses.replace(present.header, slots=(*kept, slot))
            )

        self._edit_with((draft,), added)
        for slot in made[0].removed:
            source.forget(slot.entry)
        return made[0]

    def remove_slot(self, slot_id: str, *, keychain: Keychain | None = None) -> Slot:
        """Remove a slot. Who has its key and an older copy of the file may still read both: rotate after it.

        ``keychain`` is where the entry of a keyring slot is deleted, as well as that is possible; without it
        where the vault's own source is the keyring.

        Raises:
            FluenzrError: ``vault-slot-unknown``, ``vault-slot-last``, ``vault-none``; as ``edit``.
        """
        removed: list[Slot] = []

        def without(current: Contents | None) -> Contents:
            present = self._present(current)
            slot = _named(present.header, slot_id)
            kept = tuple(each for each in present.header.slots if each is not slot)
            if not kept:
                raise failure(ProblemCode.VAULT_SLOT_LAST, Stage.USAGE, slot=slot_id)
            removed.append(slot)
            return dataclasses.replace(present, header=dataclasses.replace(present.header, slots=kept))

        self._header()
        self.edit(without)
        keeper = self.source if keychain is None else KeyringKey(keychain)
        if removed[0].kind is SlotKind.KEYRING is keeper.kind:
            keeper.forget(removed[0].entry)
        return removed[0]

    def rotate(self, sources: Iterable[KeySource] = (), *, drop: bool = False) -> Rotation:
        """Give the vault a new data key: everything is encrypted anew, and wrapped anew for every slot.

        What opens a slot must be at hand: the vault's own source, and ``sources``. The other slots are lost,
        which the caller agrees to with ``drop``. A slot keeps its kind and label, and gets a new id.

        Raises:
            FluenzrError: ``vault-slots-unavailable`` (with their ids and kinds); ``vault-busy`` where the
                slots were changed meanwhile; ``vault-none``; as ``edit``.
        """
        before = self._header()
        keys = self._keys_of(before, (self.source, *sources))
        dropped = tuple(slot for slot in before.slots if slot not in keys)
        if dropped and not drop:
            ids, kinds = tuple(slot.id for slot in dropped), tuple(slot.kind.value for slot in dropped)
            raise failure(ProblemCode.VAULT_SLOTS_UNAVAILABLE, Stage.VAULT, slots=ids, kinds=kinds)
        drafts = tuple(
            slots.draft(source, vault_id=before.vault_id, label=slot.label) for slot, source in keys.items()
        )

        def rotated(current: Contents | None) -> Contents:
            present = self._present(current)
            if present.header.slots != before.slots:
                # The drafts fit the slots of then.
                raise failure(ProblemCode.VAULT_BUSY, Stage.VAULT)
            data_key, now = secrets.token_bytes(KEY_BYTES), self.clock.now()
            made = tuple(draft.wrap(data_key, created=now) for draft in drafts)
            return dataclasses.replace(
                present, header=dataclasses.replace(present.header, slots=made), data_key=data_key
            )

        with self.key_changed():
            written = self._edit_with(drafts, rotated)
        for slot, source in keys.items():
            source.forget(slot.entry)
        kept = tuple(each.path for each in history.kept_files(self.path))
        return Rotation(slots=written.header.slots, dropped=dropped, kept=kept)

    def verify(
        self, sources: Iterable[KeySource] = (), *, check: Callable[[bytes], object] | None = None
    ) -> Verification:
        """Look at every byte: the file and its folder, each slot, the payload, the older ones beside it.

        ``check`` reads the payload and raises where it cannot. What is wrong is in the answer; nothing is
        changed, and nothing is remembered.

        Raises:
            FluenzrError: ``vault-none``.
        """
        self._require_one()
        from fluenzr_smtp.vault import inspection

        return inspection.verify(self, (self.source, *sources), check=check)

    def status(self) -> VaultStatus:
        """Tell what can be told without any key: nothing of it is authenticated. Never fails."""
        from fluenzr_smtp.vault import inspection

        return inspection.status(self.path, self.memory)

    def backup(self, file: Path) -> Backup:
        """Copy the vault byte for byte to a file that is not there yet; no key is needed.

        Raises:
            FluenzrError: ``vault-none``, ``vault-damaged``, ``vault-newer``, ``vault-unsafe``,
                ``file-unreadable``, ``file-not-created`` (also where the file is there),
                ``file-not-written``, ``disk-full``.
        """
        self._require_one()
        from fluenzr_smtp.vault import copies

        return copies.backup(self, file)

    def restore(
        self,
        file: Path,
        *,
        sources: Iterable[KeySource] = (),
        check: Callable[[bytes], object] | None = None,
    ) -> Restored:
        """Put a backup in the vault's place; the present vault, also a damaged one, is kept beside it.

        The backup is opened first, and sealed anew under a generation above all that were seen.

        Raises:
            FluenzrError: ``file-missing``, ``file-unreadable``, ``vault-damaged``, ``vault-newer``; as
                ``slots.unlock``; ``vault-unsafe``; what ``check`` raises; ``vault-busy``,
                ``file-not-created``, ``file-not-written``, ``disk-full``.
        """
        from fluenzr_smtp.vault import copies

        return copies.restore(self, file, (self.source, *sources), check=check)

    def _header(self) -> Header:
        return self._present(self.load()).header

    def _present(self, contents: Contents | None) -> Contents:
        if contents is None:
            raise self._none()
        return contents

    def _require_one(self) -> None:
        if not self.exists:
            raise self._none()

    def _none(self) -> FluenzrError:
        return failure(ProblemCode.VAULT_NONE, Stage.VAULT, path=str(self.path))

    def _edit_with(
        self, drafts: tuple[SlotDraft, ...], change: Callable[[Contents | None], Contents]
    ) -> Contents:
        try:
            return self.edit(change)
        except BaseException:
            self.discard_unwritten(drafts)
            raise

    def _keys_of(self, header: Header, sources: tuple[KeySource, ...]) -> Mapping[Slot, KeySource]:
        """Return for each slot the first source that opens it, where there is one."""
        found = ((slot, _opener(slot, sources, vault_id=header.vault_id)) for slot in header.slots)
        return {slot: source for slot, source in found if source is not None}


def _opener(slot: Slot, sources: tuple[KeySource, ...], *, vault_id: str) -> KeySource | None:
    for source in sources:
        if source.kind is not slot.kind:
            continue
        try:
            slots.open_slot(source, slot, vault_id=vault_id)
        except FluenzrError as error:
            if error.problem.code not in slots.OF_ONE_SLOT:
                raise
        else:
            return source
    return None


def _others(header: Header, kind: SlotKind) -> tuple[Slot, ...]:
    return tuple(slot for slot in header.slots if slot.kind is not kind)


def _named(header: Header, slot_id: str) -> Slot:
    for slot in header.slots:
        if slot.id == slot_id:
            return slot
    known = tuple(slot.id for slot in header.slots)
    raise failure(ProblemCode.VAULT_SLOT_UNKNOWN, Stage.USAGE, slot=slot_id, known=known)


def _check_label(label: str) -> None:
    if not is_label(label):
        reason = "too-long" if len(label) > LABEL_LIMIT else "not-printable"
        raise failure(ProblemCode.SETTING_INVALID, Stage.USAGE, setting="label", value=label, reason=reason)


def _check_number(kept: tuple[Slot, ...]) -> None:
    if len(kept) >= SLOT_LIMIT:
        raise failure(ProblemCode.VAULT_SLOT_LIMIT, Stage.USAGE, limit=SLOT_LIMIT)
