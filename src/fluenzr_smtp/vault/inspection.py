"""What can be said of a vault: at a glance without any key, or of every byte of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import Facts, Problem, ProblemCode, Stage, no_facts
from fluenzr_smtp.vault import history, place, slots
from fluenzr_smtp.vault.format import Header, Sealed, Slot, damaged, parse
from fluenzr_smtp.vault.history import KeptFile
from fluenzr_smtp.vault.memory import Memory, MemoryState
from fluenzr_smtp.vault.place import Found
from fluenzr_smtp.vault.sources import KeySource
from fluenzr_smtp.vault.store import Contents, Store, unsealed


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultStatus:
    """A vault at a glance. Nothing of it is authenticated; what is not known is None.

    ``problem`` says why the vault cannot be read, where that can be told without a key.
    """

    path: Path
    exists: bool
    version: int | None = None
    generation: int | None = None
    vault_id: str | None = None
    slots: tuple[Slot, ...] = ()
    mode: int | None = None
    owner_uid: int | None = None
    folder_mode: int | None = None
    folder_owner_uid: int | None = None
    size_bytes: int | None = None
    written: datetime | None = None
    kept: tuple[KeptFile, ...] = ()
    memory: MemoryState
    problem: Problem | None = None

    @property
    def is_ours(self) -> bool:
        """Say whether the file belongs to the user who asks."""
        return self.owner_uid == os.geteuid()

    @property
    def is_private(self) -> bool:
        """Say whether nobody else may read or change the file."""
        return self.mode is not None and not self.mode & 0o077

    @property
    def folder_is_private(self) -> bool:
        """Say whether nobody else may look into the folder."""
        return self.folder_mode is not None and not self.folder_mode & 0o077


class Part(StrEnum):
    """What was looked at."""

    FILE = "file"
    FOLDER = "folder"
    STRUCTURE = "structure"
    SLOT = "slot"
    PAYLOAD = "payload"
    CONTENT = "content"
    MEMORY = "memory"
    GENERATION = "generation"


class State(StrEnum):
    """What came of it. ``NOT_TRIED``: no key at hand opens it, so that nothing can be said."""

    OK = "ok"
    WRONG = "wrong"
    NOT_TRIED = "not-tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at: ``subject`` is a path, or a slot's id."""

    part: Part
    subject: str
    state: State
    problem: Problem | None = None
    facts: Facts = field(default_factory=no_facts, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """All that was looked at."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Say whether nothing is wrong and the payload opened; what had no key is no fault."""
        opened = any(each.part is Part.PAYLOAD and each.state is State.OK for each in self.findings)
        return opened and not any(each.state is State.WRONG for each in self.findings)


def status(path: Path, memory: Memory) -> VaultStatus:
    """Tell what can be told without a key; see ``Vault.status``."""
    _, header, problem = _glance(path)
    entry, folder = _stat(path), _stat(path.parent)
    known = VaultStatus(
        path=path,
        exists=entry is not None,
        kept=history.kept_files(path),
        memory=memory.state(None if header is None else header.vault_id),
        problem=problem,
    )
    if entry is not None:
        known = replace(
            known,
            mode=stat.S_IMODE(entry.st_mode),
            owner_uid=entry.st_uid,
            size_bytes=entry.st_size,
            written=datetime.fromtimestamp(entry.st_mtime, UTC),
        )
    if folder is not None:
        known = replace(known, folder_mode=stat.S_IMODE(folder.st_mode), folder_owner_uid=folder.st_uid)
    if header is None:
        return known
    return replace(
        known,
        version=header.version,
        generation=header.generation,
        vault_id=header.vault_id,
        slots=header.slots,
    )


def verify(
    store: Store, sources: tuple[KeySource, ...], *, check: Callable[[bytes], object] | None
) -> Verification:
    """Look at every byte; see ``Vault.verify``."""
    return Verification(findings=tuple(_findings(store, sources, check)))


def _findings(
    store: Store, sources: tuple[KeySource, ...], check: Callable[[bytes], object] | None
) -> Iterator[Finding]:
    path = str(store.path)
    known = store.memory.snapshot()
    found, header, problem = _glance(store.path)
    yield from _modes(store.path, found)
    if found is None or header is None:
        yield Finding(part=Part.STRUCTURE, subject=path, state=State.WRONG, problem=problem)
        return
    facts = {"version": header.version, "generation": header.generation, "size_bytes": found.size_bytes}
    yield Finding(part=Part.STRUCTURE, subject=path, state=State.OK, facts=facts)
    sealed, opened = parse(found.content), None
    for slot in header.slots:
        finding, contents = _slot(sealed, slot, sources)
        opened = opened or contents
        yield finding
    yield _payload(path, sealed, opened, sources)
    if opened is not None:
        if check is not None:
            yield _tried(Part.CONTENT, path, lambda: check(opened.payload))
        yield _tried(Part.MEMORY, path, lambda: store.check_memory(opened.header, known))
    for each in history.kept_files(store.path):
        yield _kept(each.path, sources, opened)


def _modes(path: Path, found: Found | None) -> Iterator[Finding]:
    if found is not None:
        yield _private(Part.FILE, path, found.mode, is_private=found.is_private)
    folder = _stat(path.parent)
    if folder is not None:
        is_private = not place.folder_is_writable_by_others(path)
        yield _private(Part.FOLDER, path.parent, stat.S_IMODE(folder.st_mode), is_private=is_private)


def _private(part: Part, path: Path, mode: int, *, is_private: bool) -> Finding:
    facts, subject = {"mode": f"{mode:04o}"}, str(path)
    if is_private:
        return Finding(part=part, subject=subject, state=State.OK, facts=facts)
    problem = Problem(
        code=ProblemCode.VAULT_UNSAFE,
        stage=Stage.VAULT,
        facts={"reason": "open-to-others", "path": subject, **facts},
    )
    return Finding(part=part, subject=subject, state=State.WRONG, problem=problem, facts=facts)


def _slot(sealed: Sealed, slot: Slot, sources: tuple[KeySource, ...]) -> tuple[Finding, Contents | None]:
    """Try a slot with all that fits it: its key has to be the one that sealed the payload."""
    facts = {"kind": slot.kind.value, "label": slot.label}
    problem: Problem | None = None
    for source in sources:
        if source.kind is not slot.kind:
            continue
        try:
            data_key = slots.open_slot(source, slot, vault_id=sealed.header.vault_id)
            contents = unsealed(sealed, data_key)
        except FluenzrError as error:
            problem = error.problem
            continue
        return Finding(part=Part.SLOT, subject=slot.id, state=State.OK, facts=facts), contents
    is_damage = problem is not None and problem.code is ProblemCode.VAULT_DAMAGED
    state = State.WRONG if is_damage else State.NOT_TRIED
    return Finding(part=Part.SLOT, subject=slot.id, state=state, problem=problem, facts=facts), None


def _payload(path: str, sealed: Sealed, opened: Contents | None, sources: tuple[KeySource, ...]) -> Finding:
    if opened is not None:
        facts = {"size_bytes": len(opened.payload)}
        return Finding(part=Part.PAYLOAD, subject=path, state=State.OK, facts=facts)
    try:
        slots.unlock(sources[0], sealed.header)
    except FluenzrError as error:
        return Finding(part=Part.PAYLOAD, subject=path, state=State.NOT_TRIED, problem=error.problem)
    problem = damaged("payload").problem
    return Finding(part=Part.PAYLOAD, subject=path, state=State.WRONG, problem=problem)


def _kept(path: Path, sources: tuple[KeySource, ...], opened: Contents | None) -> Finding:
    """Try an older vault: with the present data key, else with whatever opened it then."""
    found, _, problem = _glance(path)
    if found is None or problem is not None:
        return Finding(part=Part.GENERATION, subject=str(path), state=State.WRONG, problem=problem)
    sealed = parse(found.content)
    keys = [] if opened is None else [opened.data_key]
    for source in sources:
        try:
            keys.append(slots.unlock(source, sealed.header)[1])
        except FluenzrError as error:
            problem = error.problem
    for key in keys:
        try:
            unsealed(sealed, key)
        except FluenzrError as error:
            problem = error.problem
        else:
            return Finding(part=Part.GENERATION, subject=str(path), state=State.OK)
    is_damage = len(keys) > (opened is not None)
    state = State.WRONG if is_damage else State.NOT_TRIED
    return Finding(part=Part.GENERATION, subject=str(path), state=state, problem=problem)


def _tried(part: Part, subject: str, action: Callable[[], object]) -> Finding:
    try:
        action()
    except FluenzrError as error:
        return Finding(part=part, subject=subject, state=State.WRONG, problem=error.problem)
    return Finding(part=part, subject=subject, state=State.OK)


def _glance(path: Path) -> tuple[Found | None, Header | None, Problem | None]:
    """Return what is there, its header, and what is wrong with either."""
    found = None
    try:
        found = place.read(path)
        return found, None if found is None else parse(found.content).header, None
    except FluenzrError as error:
        return found, None, error.problem.with_facts(path=str(path))


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None
