"""The vault's file: read it safely, change it under a lock, never lose the old one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Clock
from fluenzr_smtp.problems import Facts, ProblemCode, Stage, no_facts
from fluenzr_smtp.vault import cipher, history, place, slots
from fluenzr_smtp.vault.format import (
    FILE_LIMIT_BYTES,
    GENERATION_LIMIT,
    KEY_BYTES,
    NONCE_BYTES,
    TAG_BYTES,
    VERSION,
    Header,
    Sealed,
    damaged,
    parse,
    render,
)
from fluenzr_smtp.vault.memory import Memory, Snapshot, place_name
from fluenzr_smtp.vault.place import Found
from fluenzr_smtp.vault.slots import SlotDraft
from fluenzr_smtp.vault.sources import KeySource

_KEY_LOCK_SECONDS = 60.0  # as long as a renewal of tokens may take
_ROOM_BYTES = 64 * 1024  # what a payload may grow by, with much to spare


class NoticeKind(StrEnum):
    """What a person should hear although nothing went wrong."""

    OPEN_TO_OTHERS = "open-to-others"
    MODES_MENDED = "modes-mended"
    MEMORY_UNAVAILABLE = "memory-unavailable"
    ROLLBACK_ACCEPTED = "rollback-accepted"
    REPLACEMENT_ACCEPTED = "replacement-accepted"
    UPGRADED = "upgraded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to be said after a call that went well."""

    kind: NoticeKind
    facts: Facts = field(default_factory=no_facts, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """An opened vault."""

    header: Header
    data_key: bytes = field(repr=False)
    payload: bytes = field(repr=False)


class Store:
    """An encrypted file with one payload.

    The key source is asked once in the life of the object, and again only when another process has given the
    vault new keys. A missing key never leads to a new vault: one is created where there is no file at all.
    """

    def __init__(
        self,
        path: Path,
        *,
        source: Callable[[], KeySource],
        clock: Clock,
        state_dir: Path | None = None,
        accept_rollback: bool = False,
        lock_timeout_seconds: float = 10.0,
        data_key: bytes | None = None,
    ) -> None:
        """Name the file; nothing is read yet.

        ``state_dir`` is where the generations seen are remembered. ``accept_rollback``: an older generation,
        or another vault in this place, is taken for the right one from now on. ``data_key`` is what
        another process of ours has opened the vault with: the key source is not asked.
        """
        self.path = path
        self.clock = clock
        self.memory = Memory(state_dir)
        self._state_dir = state_dir
        self._make_source = source
        self._accept_rollback = accept_rollback
        self._lock_timeout_seconds = lock_timeout_seconds
        self._data_key = data_key
        self._opened: Contents | None = None
        self._notices: dict[NoticeKind, Notice] = {}

    @property
    def exists(self) -> bool:
        """Say whether anything is in the vault's place, readable or not."""
        return os.path.lexists(self.path)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Return what the calls so far want said, one of each kind."""
        return tuple(self._notices.values())

    @cached_property
    def source(self) -> KeySource:
        """The key source of the vault, made on first use."""
        return self._make_source()

    def data_key(self) -> bytes:
        """Return what a process of ours opens the vault with, so that nobody is asked twice. Not for a file.

        Raises:
            FluenzrError: as ``load``.
        """
        contents = self._opened or self.load()
        if contents is None:
            raise ValueError("no vault")
        return contents.data_key

    def load(self) -> Contents | None:
        """Open the vault; None where there is none. Of the vault's folder nothing is changed.

        Raises:
            FluenzrError: ``vault-damaged``, ``vault-newer``, ``vault-unsafe``, ``vault-rolled-back``,
                ``vault-locked``, ``vault-passphrase-wrong``, ``vault-key-wrong``,
                ``keyring-entry-missing``, ``file-unreadable``; what the key source raises.
        """
        with self.naming_the_file():
            # Before the file: what another process writes in between can only be newer than the memory.
            known = self.memory.snapshot()
            found = place.read(self.path)
            return None if found is None else self._open(found, known)

    @contextlib.contextmanager
    def key_kept(self) -> Iterator[None]:
        """Keep the data key as it is meanwhile, for whoever was handed it; any number may be here.

        Raises:
            FluenzrError: ``vault-busy`` where it is being changed all the time; ``file-not-created``,
                ``disk-full``.
        """
        with self._key_lock(is_shared=True):
            yield

    @contextlib.contextmanager
    def key_changed(self) -> Iterator[None]:
        """Change the data key meanwhile, or the whole vault: whoever was handed it has gone.

        Raises:
            FluenzrError: ``vault-busy`` where somebody stays.
        """
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._key_lock(is_shared=False))
            except FluenzrError as error:
                if error.problem.code is ProblemCode.VAULT_BUSY:
                    raise
                # Where this file cannot be, nobody was handed a key.
            yield

    def _key_lock(self, *, is_shared: bool) -> contextlib.AbstractContextManager[None]:
        if self._state_dir is None:
            return contextlib.nullcontext()
        durable.ensure_private_dir(self._state_dir)
        name = hashlib.sha256(os.path.realpath(self.path).encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return durable.lock(
            self._state_dir / f"key-{name}.lock", timeout_seconds=_KEY_LOCK_SECONDS, is_shared=is_shared
        )

    def require_room(self) -> None:
        """Make sure that the vault could be written now, for what cannot be had twice.

        Raises:
            FluenzrError: ``disk-full``, ``file-not-written``, ``file-not-created``, ``vault-busy``.
        """
        with self.locked():
            found = place.read(self.path)
            durable.require_room(self.path, _ROOM_BYTES + (0 if found is None else len(found.content)))

    def edit(self, change: Callable[[Contents | None], Contents], *, keeps_replaced: bool = True) -> Contents:
        """Replace the vault by what ``change`` makes of it, under the lock; returns what was written.

        ``change`` gets what is in the file then, or None where a vault is created. It must not wait for
        anybody. When this returns the new vault is on the disk; after a failure, also one of ``change``, it
        is as it was. The generation and the nonce are given here, whatever ``change`` says. Without
        ``keeps_replaced`` what was replaced does not take the place of an older generation beside the vault.

        Raises:
            FluenzrError: as ``load``; ``vault-busy``, ``file-not-created``, ``file-not-written``,
                ``disk-full``.
        """
        # The key is found before the lock is taken: nobody waits for another one's keyring or passphrase.
        self.load()
        with self.locked():
            known = self.memory.snapshot()
            found = place.read(self.path)
            current = None if found is None else self._open(found, known)
            replaced = None if current is None else current.header
            kept = found if keeps_replaced or (replaced and replaced.version < VERSION) else None
            return self.write(change(current), found, known=known, replaced=replaced, keep=kept)[0]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the vault's lock; its folder is made, or closed to others."""
        was_open = place.folder_is_writable_by_others(self.path)
        durable.ensure_private_dir(self.path.parent)
        if was_open and not place.folder_is_writable_by_others(self.path):
            self._say(NoticeKind.MODES_MENDED, path=str(self.path.parent))
        lock_file = self.path.with_name(f"{self.path.name}.lock")
        with (
            durable.lock(lock_file, timeout_seconds=self._lock_timeout_seconds),
            self.naming_the_file(),
        ):
            durable.remove_leftovers(self.path)
            yield

    def write(
        self,
        contents: Contents,
        found: Found | None,
        *,
        known: Snapshot,
        replaced: Header | None,
        keep: Found | None,
    ) -> tuple[Contents, Path | None]:
        """Write a vault in the place of the one found, and keep ``keep`` beside it. The caller has the lock.

        ``replaced`` is the header of the one found, None where it cannot be read. Returns what was written,
        and the name under which the other one is kept.
        """
        header = replace(
            contents.header,
            version=VERSION,
            generation=self._next_generation(contents.header, known),
            nonce=secrets.token_bytes(NONCE_BYTES),
        )
        associated = render(header)
        if len(associated) + len(contents.payload) + TAG_BYTES > FILE_LIMIT_BYTES:
            raise failure(ProblemCode.FILE_NOT_WRITTEN, Stage.VAULT, reason="too-big")
        sealed = cipher.seal(contents.data_key, contents.payload, nonce=header.nonce, associated=associated)
        kept = None if keep is None else history.keep(self.path, keep.content, replaced)
        durable.write_atomically(self.path, associated + sealed)
        self._tell_changes(found, replaced)
        history.prune(self.path, present=header.generation)
        self._remember(header)
        self._opened = replace(contents, header=header)
        return self._opened, kept

    def unseal(self, sealed: Sealed, sources: Iterable[KeySource]) -> Contents:
        """Open a parsed vault with the first source that fits; nothing is remembered of it.

        Raises:
            FluenzrError: ``vault-damaged``; as ``slots.unlock`` for the last source.
        """
        refusal: FluenzrError | None = None
        for source in sources:
            try:
                _, data_key = slots.unlock(source, sealed.header)
            except FluenzrError as error:
                refusal = error
                continue
            return unsealed(sealed, data_key)
        if refusal is None:
            raise ValueError("no source")
        raise refusal

    def discard_unwritten(self, drafts: Iterable[SlotDraft]) -> None:
        """Give up the keys of slots that did not get into the file.

        A write may fail at its very last step, when the new file already has its name: a key that the file
        needs must not go. Where that cannot be told the keys stay.
        """
        with contextlib.suppress(FluenzrError):
            found = place.read(self.path)
            written = () if found is None else parse(found.content).header.slots
            for draft in drafts:
                if draft.id not in {slot.id for slot in written}:
                    draft.discard()

    def create(self, payload: bytes) -> tuple[Contents, SlotDraft]:
        """Make a new vault, not yet written, that the vault's source opens."""
        vault_id, data_key = secrets.token_hex(16), secrets.token_bytes(KEY_BYTES)
        draft = slots.draft(self.source, vault_id=vault_id)
        slot = draft.wrap(data_key, created=self.clock.now())
        header = Header(vault_id=vault_id, generation=0, slots=(slot,), nonce=bytes(NONCE_BYTES))
        return Contents(header=header, data_key=data_key, payload=payload), draft

    @contextlib.contextmanager
    def naming_the_file(self, path: Path | None = None) -> Iterator[None]:
        """Add the file's name to every problem with the vault that has none."""
        try:
            yield
        except FluenzrError as error:
            if error.problem.stage is not Stage.VAULT or "path" in error.problem.facts:
                raise
            raise FluenzrError(error.problem.with_facts(path=str(path or self.path))) from error

    def _open(self, found: Found, known: Snapshot) -> Contents:
        sealed = parse(found.content)
        self._check_place(sealed.header, known)
        before = self._opened
        if self._data_key is not None:
            contents = unsealed(sealed, self._data_key)
        # A slot that both have holds the data key of both; anything else is unlocked anew.
        elif before is not None and set(before.header.slots) & set(sealed.header.slots):
            contents = unsealed(sealed, before.data_key)
        else:
            contents = self.unseal(sealed, (self.source,))
        self._take_note(contents.header, known)
        self._opened = contents
        if not found.is_private or place.folder_is_writable_by_others(self.path):
            self._say(NoticeKind.OPEN_TO_OTHERS, path=str(self.path), mode=f"{found.mode:04o}")
        return contents

    def _check_place(self, header: Header, known: Snapshot) -> None:
        """Refuse another vault than the one before, without asking for its key."""
        if self._opened is not None and self._opened.header.vault_id != header.vault_id:
            raise failure(ProblemCode.VAULT_UNSAFE, Stage.VAULT, reason="replaced")
        if known.places.get(place_name(self.path), header.vault_id) == header.vault_id:
            return
        if not self._accept_rollback:
            raise failure(ProblemCode.VAULT_UNSAFE, Stage.VAULT, reason="replaced")
        self._say(NoticeKind.REPLACEMENT_ACCEPTED)

    def check_memory(self, header: Header, known: Snapshot) -> None:
        """Refuse a vault that is older than the one seen before; the header has to be authentic.

        Raises:
            FluenzrError: ``vault-rolled-back``, ``vault-unsafe``.
        """
        if known.places.get(place_name(self.path), header.vault_id) != header.vault_id:
            raise failure(ProblemCode.VAULT_UNSAFE, Stage.VAULT, reason="replaced")
        seen = known.seen(header.vault_id).generation
        if header.generation < seen:
            raise failure(ProblemCode.VAULT_ROLLED_BACK, Stage.VAULT, generation=header.generation, seen=seen)

    def _take_note(self, header: Header, known: Snapshot) -> None:
        """Compare an authentic header with the memory, and remember it where it is news."""
        seen, whose = known.seen(header.vault_id).generation, known.places.get(place_name(self.path))
        if header.generation < seen:
            if not self._accept_rollback:
                self.check_memory(header, known)
            self._say(NoticeKind.ROLLBACK_ACCEPTED, generation=header.generation, seen=seen)
            self._remember(header, set_back=True)
        elif header.generation > seen or whose != header.vault_id:
            # Whoever wrote it may not be done: what we remember must not outlive the file's name.
            with contextlib.suppress(OSError):
                durable.sync_folder(self.path.parent)
            self._remember(header)

    def _remember(self, header: Header, *, set_back: bool = False) -> None:
        try:
            self.memory.remember(self.path, header.vault_id, header.generation, set_back=set_back)
        except FluenzrError as error:
            reason = str(error.problem.facts.get("reason", error.problem.code.value))
            self._say(NoticeKind.MEMORY_UNAVAILABLE, path=self.memory.path, reason=reason)

    def _next_generation(self, header: Header, known: Snapshot) -> int:
        # Above all that was ever seen, also after an older one was accepted: no number is given twice.
        following = max(header.generation, known.seen(header.vault_id).highest) + 1
        if following >= GENERATION_LIMIT:
            raise failure(ProblemCode.FILE_NOT_WRITTEN, Stage.VAULT, reason="too-big")
        return following

    def _tell_changes(self, found: Found | None, replaced: Header | None) -> None:
        if found is not None and not found.is_private:
            self._say(NoticeKind.MODES_MENDED, path=str(self.path))
        if replaced is not None and replaced.version < VERSION:
            backup = history.version_backup(self.path, replaced.version)
            self._say(NoticeKind.UPGRADED, version=replaced.version, path=str(backup))
        self._notices.pop(NoticeKind.OPEN_TO_OTHERS, None)

    def _say(self, kind: NoticeKind, **facts: str | int) -> None:
        self._notices[kind] = Notice(kind=kind, facts=facts)


def unsealed(sealed: Sealed, data_key: bytes) -> Contents:
    """Return what a parsed vault holds.

    Raises:
        FluenzrError: ``vault-damaged`` where its header and payload are not what this key sealed.
    """
    payload = cipher.unseal(
        data_key, sealed.ciphertext, nonce=sealed.header.nonce, associated=sealed.associated
    )
    if payload is None:
        raise damaged("payload")
    return Contents(header=sealed.header, data_key=data_key, payload=payload)
