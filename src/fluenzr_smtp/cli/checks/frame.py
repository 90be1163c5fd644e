"""A problem in a frame, drawn by rich; imported when one is shown."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fluenzr_smtp.cli.checks.explained import Explained
from fluenzr_smtp.cli.checks.look import Look
from fluenzr_smtp.cli.checks.marks import Mark

_WIDEST = 100
_COLOURS = {Mark.OK: "green", Mark.NOTE: "yellow", Mark.FAILED: "red"}


def framed(
    words: Explained, rows: tuple[tuple[str, str], ...], more: str, *, mark: Mark, look: Look, word: str
) -> tuple[str, ...]:
    """Return the lines of a frame: the code in its edge, the title, then the rows, and where more is told.

    All text is taken literally: rich's markup, emoji and highlighting are off.
    """
    title = Text(look.shown(words.title), style="bold")
    sign = f"{mark.sign} " if look.is_unicode else ""
    frame = Panel(
        Group(title, Text(""), *_parts(words, rows, look), Text(f"\n{look.shown(more)}")),
        title=Text(look.shown(f"{sign}{word}  {words.code}")),
        title_align="left",
        border_style=_COLOURS[mark],
        box=box.ROUNDED if look.is_unicode else box.ASCII,
        padding=(0, 1),
    )
    console = Console(
        file=io.StringIO(),
        width=min(look.width, _WIDEST),
        color_system="standard" if look.colour else None,
        force_terminal=look.colour,
        no_color=not look.colour,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    with console.capture() as captured:
        console.print(frame)
    return tuple(captured.get().splitlines())


def _parts(words: Explained, rows: tuple[tuple[str, str], ...], look: Look) -> Iterator[Table | Text]:
    """Yield the rows side by side, then the page on lines of its own: it is long, and one copies it."""
    yield _table(tuple(row for row in rows if row[1] != words.page), look)
    for label, text in rows:
        if text == words.page:
            yield Text(f"\n{look.shown(label)}:", style="bold")
            yield Text(look.shown(text), overflow="fold")


def _table(rows: tuple[tuple[str, str], ...], look: Look) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for label, text in rows:
        table.add_row(Text(look.shown(label)), Text(look.shown(text)))
    return table
