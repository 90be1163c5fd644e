"""``fluenzr replies stats``: how many of each kind came in on each day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.columns import columns
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.model.replies import ReplyKind
from fluenzr_smtp.settings import parse_span

_COUNTS = form.record(**{each.value: form.INTEGER for each in ReplyKind})
SCHEMAS: dict[str, form.Schema] = {
    "replies stats": form.record(
        days=form.array(form.record(day=form.DATE, total=form.INTEGER, kinds=_COUNTS)),
        kinds=_COUNTS,
        total=form.INTEGER,
    )
}
_BAR_CELLS = 30
_GAP = 2


def register(tree: typer.Typer) -> None:
    """Put the command into its tree."""
    lines = ("fluenzr replies stats", "fluenzr replies stats --since 90d --json")
    tree.command("stats", cls=Command, epilog=examples(*lines))(stats)


def stats(
    ctx: typer.Context,
    *,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="How far back to count.")] = "30d",
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Of this account.")] = None,
) -> None:
    """Count the replies that were shown, by day and kind."""
    run = current(ctx)
    began = run.app.clock.now() - parse_span(since, "--since")
    name = None if account is None else run.app.account(account).account.name
    found = run.app.outbox.replies_since(began, account=name)
    days: dict[date, Counter[str]] = {}
    for each in found:
        days.setdefault(each.received.astimezone().date(), Counter())[each.kind] += 1
    total = sum((counts for counts in days.values()), Counter())
    data = {
        "days": [
            {"day": day, "total": counts.total(), "kinds": _all_kinds(counts)}
            for day, counts in sorted(days.items())
        ],
        "kinds": _all_kinds(total),
        "total": total.total(),
    }
    run.end(data, show=lambda: _show(run, days))


def _all_kinds(counts: Mapping[str, int]) -> dict[str, int]:
    return {each.value: counts.get(each.value, 0) for each in ReplyKind}


def _show(run: Invocation, days: Mapping[date, Counter[str]]) -> None:
    if not days:
        run.output.note("No replies were shown in this time.")
        return
    present = [each.value for each in ReplyKind if any(counts[each.value] for counts in days.values())]
    most = max(counts.total() for counts in days.values())
    first, last = min(days), max(days)
    every = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    cells = _bar_cells(run.output.width, present)
    mark = "█" if run.output.encoding.startswith("utf") else "#"
    rows = []
    for day in every:
        counts = days.get(day, Counter())
        bar = mark * max(counts.total() > 0, round(cells * counts.total() / most))
        rows.append((day.isoformat(), bar, *(str(counts[kind]) if counts[kind] else "-" for kind in present)))
    whole = frozenset({"day", "replies", *present})
    run.output.table(columns(("day", "replies", *present), rows, whole=whole))


def _bar_cells(width: int | None, present: list[str]) -> int:
    """Return how long the longest bar may be, so that the columns beside it keep their names whole."""
    if width is None:
        return _BAR_CELLS
    taken = len("2026-01-01") + sum(_GAP + len(each) for each in present) + _GAP
    return max(len("replies"), min(_BAR_CELLS, width - taken - _GAP))
