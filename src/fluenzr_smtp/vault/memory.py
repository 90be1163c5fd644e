"""What was seen of the vaults, kept outside of them: so that an older one put back is noticed.

A vault that is authentic may still be an old one, with passwords that were changed since. The highest
generation that was opened is remembered for each vault, and which vault it was for each place: a stranger's
vault in the place of ours would otherwise only show once somebody has typed a passphrase into it.

It is a memory, not a lock: where nothing can be remembered the vault still opens, and that is told. Whoever
can write to this folder can make us forget; so can the same user, or whoever puts back a whole home.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault import place
from fluenzr_smtp.vault.format import GENERATION_LIMIT

FORMAT = 1
FILE_NAME = "vaults.json"

_PLACE_LIMIT = 1000
_LOCK_SECONDS = 2.0


class Availability(StrEnum):
    """Whether there is a memory."""

    OFF = "off"
    NONE = "none"
    KEPT = "kept"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryState:
    """What is remembered of one vault. ``generation`` is the one below which nothing is opened."""

    availability: Availability
    generation: int | None = None
    path: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The generation that a vault had when it was last taken for the right one, and the highest ever."""

    generation: int = 0
    highest: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The memory at one moment. ``reason`` says why it cannot be read, where it cannot."""

    vaults: Mapping[str, Seen] = field(default_factory=lambda: MappingProxyType({}))
    places: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    reason: str = ""

    def seen(self, vault_id: str) -> Seen:
        """Return what is known of a vault: zeros where that is nothing."""
        return self.vaults.get(vault_id, Seen())


class Memory:
    """The memory of one user in one folder; None: there is none, and nothing is noticed."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / FILE_NAME

    def snapshot(self) -> Snapshot:
        """Return what is remembered. Never fails: a file that cannot be read is an empty memory."""
        if self._path is None:
            return Snapshot()
        try:
            found = place.read(self._path)
            return Snapshot() if found is None else _parse(found.content)
        except FluenzrError as error:
            return Snapshot(reason=str(error.problem.facts.get("reason", error.problem.code.value)))

    def remember(self, vault: Path, vault_id: str, generation: int, *, set_back: bool = False) -> None:
        """Keep the generation where it has grown, or as it is with ``set_back``, and whose place this is.

        Raises:
            FluenzrError: ``file-not-created``, ``file-not-written``, ``disk-full``, ``vault-busy``,
                ``vault-unsafe``, ``vault-newer``: nothing was remembered.
        """

        def grown(known: Snapshot) -> Snapshot:
            seen = known.seen(vault_id)
            now = Seen(
                generation=generation if set_back else max(generation, seen.generation),
                highest=max(generation, seen.generation, seen.highest),
            )
            name = place_name(vault)
            others = {each: known.places[each] for each in known.places if each != name}
            return Snapshot(
                vaults={**known.vaults, vault_id: now},
                places=dict([*others.items(), (name, vault_id)][-_PLACE_LIMIT:]),
            )

        if self._path is not None:
            self._change(self._path, grown)

    def state(self, vault_id: str | None) -> MemoryState:
        """Tell what is remembered of a vault."""
        if self._path is None:
            return MemoryState(availability=Availability.OFF)
        known = self.snapshot()
        if known.reason:
            return MemoryState(
                availability=Availability.UNAVAILABLE, path=str(self._path), reason=known.reason
            )
        generation = known.seen(vault_id or "").generation or None
        kept = Availability.NONE if generation is None else Availability.KEPT
        return MemoryState(availability=kept, generation=generation, path=str(self._path))

    @property
    def path(self) -> str:
        """Return the name of the memory's file; empty where there is none."""
        return "" if self._path is None else str(self._path)

    def _change(self, path: Path, change: Callable[[Snapshot], Snapshot]) -> None:
        durable.ensure_private_dir(path.parent)
        with durable.lock(path.with_name(f"{path.name}.lock"), timeout_seconds=_LOCK_SECONDS):
            durable.remove_leftovers(path)
            known = self.snapshot()
            if known.reason == _NEWER:
                raise failure(ProblemCode.VAULT_NEWER, Stage.VAULT, path=str(path), reason=_NEWER)
            changed = change(known)
            # Rubbish is replaced: it would make every later command forgetful.
            if changed != known or known.reason:
                durable.write_atomically(path, _render(changed))


def place_name(path: Path) -> str:
    """Return the name of a place, the same one by whichever links its folder is reached."""
    return os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118 - resolve() would follow it


_NEWER = "newer"


def _render(known: Snapshot) -> bytes:
    vaults = {
        vault_id: {"generation": seen.generation, "highest": seen.highest}
        for vault_id, seen in known.vaults.items()
    }
    fields = {"format": FORMAT, "vaults": vaults, "places": dict(known.places)}
    return json.dumps(fields, indent=1).encode("ascii") + b"\n"


def _parse(content: bytes) -> Snapshot:
    try:
        fields = json.loads(content)
        if fields["format"] != FORMAT:
            return Snapshot(reason=_NEWER)
        vaults = {str(vault_id): _seen(each) for vault_id, each in fields["vaults"].items()}
        places = {str(name): str(vault_id) for name, vault_id in fields["places"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Snapshot(reason="not-parseable")
    return Snapshot(vaults=vaults, places=places)


def _seen(fields: Any) -> Seen:  # noqa: ANN401 - JSON of unknown shape; what is wrong raises
    seen = Seen(generation=fields["generation"], highest=fields["highest"])
    for each in (seen.generation, seen.highest):
        # The next write has to have a number above it.
        if type(each) is not int or not 0 <= each < GENERATION_LIMIT // 2:
            raise ValueError("generation")
    return seen
