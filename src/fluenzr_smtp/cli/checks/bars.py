"""A waterfall: one bar for each check, as long as it took, beginning where the one before ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.checks.look import Look
from fluenzr_smtp.cli.checks.marks import mark_of, milliseconds
from fluenzr_smtp.cli.output import Output
from fluenzr_smtp.model import Check

if TYPE_CHECKING:
    from fluenzr_smtp.messages import Catalogue

_BOLD = "1"
_WIDEST = 120
_LABEL_COLUMNS, _WIDEST_LABEL = 19, 25
_TIME_COLUMNS = 11
_EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One check's part of the whole time, as fractions of it, and its own time in milliseconds."""

    check: Check
    start: float
    share: float
    milliseconds: float


def bars_of(checks: Iterable[Check]) -> tuple[Bar, ...]:
    """Return a bar for each check; the checks ran one after the other."""
    return tuple(_bars(tuple(checks)))


def _bars(checks: tuple[Check, ...]) -> Iterator[Bar]:
    whole = sum(map(milliseconds, checks)) or 1.0
    start = 0.0
    for check in checks:
        share = milliseconds(check) / whole
        yield Bar(check=check, start=start, share=share, milliseconds=milliseconds(check))
        start = min(start + share, 1.0)


def waterfall(output: Output, checks: Iterable[Check]) -> None:
    """Show the waterfall on stdout; nothing with ``--json`` or where there is no check."""
    if not output.json:
        for line in waterfall_lines(checks, look=Look.of(output), catalogue=output.catalogue):
            output.line(line)


def waterfall_lines(checks: Iterable[Check], *, look: Look, catalogue: Catalogue) -> tuple[str, ...]:
    """Return a heading, a line for each check and the whole time; no line is longer than the width."""
    bars = bars_of(checks)
    if not bars:
        return ()
    width = min(look.width, _WIDEST)
    longest = max(len(_label(bar)) for bar in bars) + 1
    column = max(_LABEL_COLUMNS, min(longest, _WIDEST_LABEL))
    room = max(width - column - _TIME_COLUMNS, 1)
    whole = sum(bar.milliseconds for bar in bars)
    heading = look.painted(look.fitted(catalogue.label("waterfall"), width), _BOLD)
    lines = (_line(bar, column, room, look) for bar in bars)
    total = look.padded(look.fitted(catalogue.label("total"), column), column + room)
    return (heading, *lines, f"{total}{_time(whole)}")


def _label(bar: Bar) -> str:
    remedy = bar.check.remedy
    port = f"{remedy.endpoint.port} " if remedy else ""  # of another way, to tell it from the one before
    return f"{bar.check.protocol.upper():<5}{port}{bar.check.stage}"


def _line(bar: Bar, column: int, room: int, look: Look) -> str:
    drawn = _drawn(bar, room, is_unicode=look.is_unicode)
    bare = drawn.lstrip(" ")
    offset = " " * (len(drawn) - len(bare))
    bar_text = look.painted(bare, mark_of(bar.check).style) + " " * (room - len(drawn))
    return (
        f"{look.padded(look.fitted(_label(bar), column), column)}{offset}{bar_text}{_time(bar.milliseconds)}"
    )


def _time(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms".rjust(_TIME_COLUMNS)


def _drawn(bar: Bar, room: int, *, is_unicode: bool) -> str:
    """Draw a bar in eighths of a column; something of it is always seen."""
    offset = min(int(bar.start * room), room - 1)
    eighths = min(max(round(bar.share * room * 8), 1), (room - offset) * 8)
    if not is_unicode:
        return " " * offset + "#" * max(round(eighths / 8), 1)
    return " " * offset + "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
