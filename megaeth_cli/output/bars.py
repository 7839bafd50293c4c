"""How near something comes to its limits, as bars; and plain columns."""

from collections.abc import Sequence

from megaeth_cli.traces.limits import Dimension

_CELLS = 20


def bars(dimensions: Sequence[Dimension]) -> str:
    """A line for each dimension."""
    rows = []
    for one in dimensions:
        filled = min(round(one.share * _CELLS), _CELLS)
        bar = "█" * filled + "░" * (_CELLS - filled)
        if one.reached:
            rows.append((one.name, bar, "reached", f"{one.limit:,}"))
        else:
            rows.append((one.name, bar, f"{one.share:.1%}", f"{one.used:,} of {one.limit:,}"))
    return columns(rows)


def columns(rows: Sequence[Sequence[str]], right: int = 0) -> str:
    """Rows in columns, the first `right` of them aligned to the right."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))] if rows else []
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if n < right else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return "\n".join(lines)
