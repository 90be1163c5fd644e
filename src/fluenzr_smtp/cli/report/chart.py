"""The waterfall of a report as SVG: a line for each check, its bar beginning where the one before ended.

Lengths are parts of the width and texts have a size of their own, so that it can be read on any screen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.checks.bars import Bar, bars_of
from fluenzr_smtp.cli.checks.marks import mark_of
from fluenzr_smtp.cli.report.elements import safe, stage_name
from fluenzr_smtp.model import Check

if TYPE_CHECKING:
    from fluenzr_smtp.messages import Catalogue

_ROW = 34  # pixels
_BASELINE, _BAR_TOP, _BAR = 14, 19, 9
_BARS = 80.0  # per cent of the width; the rest of a line has the time
_LEAST = 0.4  # per cent: something of a bar is always seen


def chart(checks: Iterable[Check], catalogue: Catalogue) -> str:
    """Return the section with the waterfall; nothing where there is no check."""
    bars = bars_of(checks)
    if not bars:
        return ""
    rows = "".join(_row(bar, at, catalogue) for at, bar in enumerate(bars))
    title = safe(catalogue.label("waterfall"))
    whole = f"{sum(bar.milliseconds for bar in bars):.0f} ms"
    total = safe(catalogue.label("total"))
    told = safe(", ".join(f"{_label(bar, catalogue)} {_time(bar)}" for bar in bars), limit=4000)
    return (
        f"<section>\n<h2>{title}</h2>\n"
        f'<svg role="img" aria-labelledby="waterfall-title waterfall-told" width="100%" '
        f'height="{_ROW * len(bars)}" direction="ltr">\n'
        f'<title id="waterfall-title">{title}</title>\n<desc id="waterfall-told">{told}</desc>\n'
        f'{rows}</svg>\n<p class="total">{total} <b>{whole}</b></p>\n</section>\n'
    )


def _label(bar: Bar, catalogue: Catalogue) -> str:
    remedy = bar.check.remedy
    port = f" {remedy.endpoint.port}" if remedy else ""  # of another way, to tell it from the one before
    return f"{bar.check.protocol.upper()}{port} {stage_name(bar.check.stage, catalogue)}"


def _time(bar: Bar) -> str:
    return f"{bar.milliseconds:.0f} ms"


def _row(bar: Bar, at: int, catalogue: Catalogue) -> str:
    mark = mark_of(bar.check)
    top = _ROW * at
    width = max(bar.share * _BARS, _LEAST)
    start = min(bar.start * _BARS, _BARS - width)
    label = f"{mark.sign} {_label(bar, catalogue)}"
    return (
        f'<text x="0" y="{top + _BASELINE}">{safe(label)}</text>'
        f'<text x="100%" y="{top + _BAR_TOP + _BAR}" text-anchor="end">{_time(bar)}</text>'
        f'<rect class="track" x="0" y="{top + _BAR_TOP}" width="{_BARS}%" height="{_BAR}" rx="2"/>'
        f'<rect class="{mark}" x="{start:.2f}%" y="{top + _BAR_TOP}" width="{width:.2f}%" height="{_BAR}" '
        f'rx="2"/>\n'
    )
