"""Copies of the vault that a person makes and puts back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.vault import place
from fluenzr_smtp.vault.format import Sealed, parse
from fluenzr_smtp.vault.sources import KeySource
from fluenzr_smtp.vault.store import Contents, Store, unsealed


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A copy that was made, byte for byte."""

    path: Path
    generation: int
    version: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A vault that was put back: the generation it has now and had before, and where the other is kept."""

    vault_id: str
    generation: int
    restored_generation: int
    kept: Path | None


def backup(store: Store, file: Path) -> Backup:
    """Copy the vault to a new file; see ``Vault.backup``."""
    with store.naming_the_file():
        found = place.read(store.path)
        content = b"" if found is None else found.content
        header = parse(content).header
    durable.write_new(file, content)
    return Backup(
        path=file,
        generation=header.generation,
        version=header.version,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def restore(
    store: Store,
    file: Path,
    sources: Iterable[KeySource],
    *,
    check: Callable[[bytes], object] | None = None,
) -> Restored:
    """Put a backup in the vault's place; see ``Vault.restore``."""
    with store.naming_the_file(file):
        contents = store.unseal(parse(place.read_foreign(file).content), sources)
        if check is not None:
            check(contents.payload)
    with store.key_changed(), store.locked():
        known = store.memory.snapshot()
        found = place.read(store.path)
        replaced = None if found is None else _parsed(found.content)
        header = None if replaced is None else replaced.header
        written, kept = store.write(
            _above(contents, replaced), found, known=known, replaced=header, keep=found
        )
    return Restored(
        vault_id=written.header.vault_id,
        generation=written.header.generation,
        restored_generation=contents.header.generation,
        kept=kept,
    )


def _parsed(content: bytes) -> Sealed | None:
    """Return what is there, damaged or not: it is to be kept under its generation."""
    try:
        return parse(content)
    except FluenzrError:
        return None


def _above(contents: Contents, replaced: Sealed | None) -> Contents:
    """Let the restored vault count on from the one that it replaces, where that is authentic.

    Of a header that is not, no number is taken: it could be the last one that there is.
    """
    if replaced is None or replaced.header.vault_id != contents.header.vault_id:
        return contents
    try:
        present = unsealed(replaced, contents.data_key).header
    except FluenzrError:
        return contents
    generation = max(contents.header.generation, present.generation)
    return replace(contents, header=replace(contents.header, generation=generation))
