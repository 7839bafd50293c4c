"""Labelled lines: what most contract commands print. Plain text, so that no table library is loaded for it."""

from collections.abc import Iterable


def labelled(rows: Iterable[tuple[str, str]], indent: int = 2) -> str:
    """Label and value per line, values in one column; rows without a value are left out."""
    shown = [(label, value) for label, value in rows if value]
    width = max((len(label) for label, _ in shown), default=0)
    lines = []
    for label, value in shown:
        for number, part in enumerate(value.split("\n")):
            lines.append(f"{' ' * indent}{label if number == 0 else '':<{width}}  {part}".rstrip())
    return "\n".join(lines)
