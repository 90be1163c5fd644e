"""Tables that have to be wrapped. The one home of rich; imported when one is shown."""

from __future__ import annotations

import io

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fluenzr_smtp.cli.columns import Columns


def rendered(columns: Columns, *, width: int, colour: bool, ascii_only: bool) -> str:
    """Return the table as text for a terminal of ``width`` columns, its cells wrapped as needed."""
    table = _table_of(columns)
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


def _table_of(columns: Columns) -> Table:
    """Return rich's table. Markup in cells is text like any other."""
    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold"
    )
    for name in columns.names:
        is_whole = name in columns.whole
        table.add_column(
            Text(name),
            no_wrap=is_whole,
            overflow="ellipsis" if is_whole else "fold",
            min_width=columns.least.get(name),
        )
    for row in columns.rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
