"""Results as rich tables. The one home of rich; imported when a table is shown at all."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fluenzr_smtp.cli.output import printable


def table_of(
    columns: Iterable[str],
    rows: Iterable[tuple[str, ...]],
    *,
    whole: frozenset[str] = frozenset(),
    least: Mapping[str, int] = MappingProxyType({}),
) -> Table:
    """Return a plain table. Cells are made safe to print; markup in them is text like any other.

    Columns named in ``whole`` hold what one copies into the next command: they are not wrapped.
    ``least`` gives columns that may be wrapped a width to keep.
    """
    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold"
    )
    for name in columns:
        is_whole = name in whole
        table.add_column(
            Text(name),
            no_wrap=is_whole,
            overflow="ellipsis" if is_whole else "fold",
            min_width=least.get(name),
        )
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def rendered(table: Table, *, width: int, colour: bool, ascii_only: bool) -> str:
    """Return the table as text for a terminal of ``width`` columns."""
    if ascii_only:
        table.box = None
    console = Console(
        file=io.StringIO(),
        width=width,
        color_system="standard" if colour else None,
        force_terminal=colour,
        no_color=not colour,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    with console.capture() as captured:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
