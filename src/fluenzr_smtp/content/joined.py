"""Several contents, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fluenzr_smtp.model import Content, Octets


@dataclass(frozen=True, slots=True)
class Joined(Content):
    """Several contents, one after the other."""

    parts: tuple[Content, ...]

    @property
    def size_bytes(self) -> int:
        """How many bytes there are in all of them."""
        return sum(each.size_bytes for each in self.parts)

    def blocks(self) -> Iterator[bytes]:
        """Yield the blocks of each."""
        for each in self.parts:
            yield from each.blocks()


def joined(parts: Iterable[Content]) -> Content:
    """Join contents with as few blocks as can be: what is in memory and adjoins becomes one."""
    merged: list[Content] = []
    waiting: list[bytes] = []
    for part in _flat(parts):
        if isinstance(part, Octets):
            waiting.append(part.octets)
            continue
        if any(waiting):
            merged.append(Octets(b"".join(waiting)))
        waiting = []
        merged.append(part)
    if any(waiting) or not merged:
        merged.append(Octets(b"".join(waiting)))
    return merged[0] if len(merged) == 1 else Joined(tuple(merged))


def _flat(parts: Iterable[Content]) -> Iterator[Content]:
    for part in parts:
        if isinstance(part, Joined):
            yield from _flat(part.parts)
        else:
            yield part
