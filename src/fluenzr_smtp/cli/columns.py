"""Rows in columns as plain text: quick, and all that is needed where nothing has to be wrapped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from fluenzr_smtp.cli.output import printable

_GAP = "  "


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A table. Columns named in ``whole`` hold what one copies into the next command: never wrapped.

    ``least`` gives columns that may be wrapped a width to keep.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    whole: frozenset[str] = frozenset()
    least: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


def columns(
    names: Iterable[str],
    rows: Iterable[Iterable[str]],
    *,
    whole: frozenset[str] = frozenset(),
    least: Mapping[str, int] = MappingProxyType({}),
) -> Columns:
    """Return a table whose cells are safe to print."""
    safe = tuple(tuple(printable(cell) for cell in row) for row in rows)
    return Columns(names=tuple(names), rows=safe, whole=whole, least=least)


def plain_lines(table: Columns, *, rule: str) -> tuple[str, ...] | None:
    """Return the header, a rule and a line per row; None where a cell is not as wide as it is long."""
    if not all(cell.isascii() for row in table.rows for cell in row):
        return None  # wide and combining characters: rich counts their cells
    every = (table.names, *table.rows)
    widths = [max(len(row[at]) for row in every) for at in range(len(table.names))]
    lines = [_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in every]
    return (lines[0].rstrip(), rule * len(lines[0]), *(line.rstrip() for line in lines[1:]))
