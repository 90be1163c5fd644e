"""The older vaults beside the vault: the last three generations, and the last one of each older format.

``vault.fluenzr.41`` is the vault as it was in generation 41, ``vault.fluenzr.v1`` the last one of version 1.
Each is the very file that was replaced: its bytes, and so the keys that open it, are those of its time.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.vault import place
from fluenzr_smtp.vault.format import VERSION, Header, parse

KEPT_GENERATIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """An older vault beside the vault; what it says of itself is None where it cannot be read."""

    path: Path
    generation: int | None
    version: int | None
    size_bytes: int
    written: datetime | None


def keep(path: Path, content: bytes, header: Header | None) -> Path:
    """Keep the vault that is about to be replaced; ``header`` is None where it cannot be read.

    The last one of an older version gets another name as well, which nothing ever overwrites.

    Raises:
        FluenzrError: ``disk-full``, ``file-not-written``, ``file-not-created``.
    """
    if header is None:
        kept = _free_name(path)
    else:
        kept = path.with_name(f"{path.name}.{header.generation}")
        backup = version_backup(path, header.version)
        if header.version < VERSION and not backup.exists():
            durable.keep_as(path, backup, content=content)
    durable.keep_as(path, kept, content=content)
    return kept


def version_backup(path: Path, version: int) -> Path:
    """Return the name under which the last vault of an older format is kept for ever."""
    return path.with_name(f"{path.name}.v{version}")


def prune(path: Path, *, present: int) -> None:
    """Remove all but the last generations before the present one, as well as that is possible.

    What claims to be newer than the vault was not kept by us in this order, and is left for a person to see.
    """
    older = sorted((generation for generation in _generations(path) if generation < present), reverse=True)
    for generation in older[KEPT_GENERATIONS:]:
        with contextlib.suppress(OSError):
            path.with_name(f"{path.name}.{generation}").unlink()


def kept_files(path: Path) -> tuple[KeptFile, ...]:
    """Return the older vaults beside the vault, the newest generation first."""
    names = re.compile(rf"{re.escape(path.name)}\.(v[0-9]+|[1-9][0-9]*|damaged(-[0-9]+)?)")
    try:
        paths = [each for each in path.parent.iterdir() if names.fullmatch(each.name)]
    except OSError:
        return ()
    described = (_described(each) for each in paths)
    return tuple(sorted(described, key=lambda each: (each.generation or 0, each.path.name), reverse=True))


def _described(path: Path) -> KeptFile:
    try:
        found = place.read(path)
    except FluenzrError:
        found = None
    if found is None:
        return KeptFile(path=path, generation=None, version=None, size_bytes=0, written=None)
    generation = version = None
    with contextlib.suppress(FluenzrError):
        header = parse(found.content).header
        generation, version = header.generation, header.version
    return KeptFile(
        path=path,
        generation=generation,
        version=version,
        size_bytes=found.size_bytes,
        written=found.written,
    )


def _generations(path: Path) -> list[int]:
    name = re.compile(rf"{re.escape(path.name)}\.([1-9][0-9]{{0,18}})")
    try:
        matches = [name.fullmatch(each.name) for each in path.parent.iterdir()]
    except OSError:
        return []
    return [int(match[1]) for match in matches if match]


def _free_name(path: Path) -> Path:
    """Return a name for a vault that cannot be read: it has no generation to be kept under."""
    names = (f"{path.name}.damaged{'' if number == 1 else f'-{number}'}" for number in itertools.count(1))
    return next(each for name in names if not os.path.lexists(each := path.with_name(name)))
