"""The figures as text: one table for each measure, then the targets. Pure."""

from benchmarks.results import PLAIN, Record, Results, Target, ratio, targets

MET = {True: "met", False: "NOT MET", None: "not measured"}


def report(results: Results) -> str:
    """Return all tables."""
    parts = [table(results, measure) for measure in results.measures if results.of(measure)]
    failures = [f"  {each.measure}: {each.program}: {each.failure}" for each in results.failures()]
    if failures:
        parts.append("\n".join(["Not measured", *failures]))
    lines = [target_line(each) for each in targets(results)]
    return "\n\n".join([*parts, "\n".join(["To reach", *lines])])


def table(results: Results, measure: str) -> str:
    """Return the table of one measure: medians, and ratios to plain smtplib and to the fastest peer."""
    records = results.of(measure)
    plain = next((each for each in records if each.program == PLAIN), None)
    peer = results.fastest_peer(measure)
    several = records[0].messages > 1
    head = ["", "rate /s" if several else "wall ms", "x smtplib", "x fastest", "CPU ms", "x smtplib"]
    rows = [[*head, "round trips", "held", "peak MB"]]
    rows += [row(each, plain, peer, several=several) for each in records]
    used = [column for column in zip(*rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in used]
    lines = [
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in zip(*used, strict=True)
    ]
    return "\n".join([measure[0].upper() + measure[1:], *(f"  {line}" for line in lines)])


def row(record: Record, plain: Record | None, peer: Record | None, *, several: bool) -> list[str]:
    """Return the cells of one program."""
    first = [f"{record.rate:.1f}" if several else f"{record.wall * 1000:.0f}"]
    return [
        record.program,
        *first,
        times(compared(record, plain, several=several)),
        times(compared(record, peer, several=several)),
        f"{record.cpu * 1000:.0f}",
        times(ratio(record.cpu, plain.cpu if plain else None)),
        "" if record.trips is None or several else str(record.trips),
        "" if not any(record.held) or several else f"{sum(record.held) / len(record.held):.1g}",
        "" if record.memory_bytes is None else f"{record.memory_bytes / 1e6:.0f}",
    ]


def compared(record: Record, other: Record | None, *, several: bool) -> float | None:
    """Compare rates, or times."""
    if other is None:
        return None
    return ratio(record.rate, other.rate) if several else ratio(record.wall, other.wall)


def times(value: float | None) -> str:
    """Write a ratio."""
    return "" if value is None else f"{value:.2f}"


def target_line(target: Target) -> str:
    """Write a target, what was found, and whether that is enough."""
    sign = ">=" if target.at_least else "<="
    found = "-" if target.found is None else f"{target.found:.2f}"
    return f"  {target.text:<50} {sign} {target.limit:<8.3g} {found:>9}  {MET[target.met]}"
