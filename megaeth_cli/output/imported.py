"""What an import made known. Rendering only."""

from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

MAX_ROWS = 40
MAX_ADDRESSES = 3


def imported_text(body: dict[str, Any]) -> RenderableType:
    """The contracts, those that stand on the chain first."""
    contracts = sorted(body["contracts"], key=lambda one: (not one["addresses"], one["name"]))
    if not contracts:
        return "no contract with code was found"
    table = Table(box=None, pad_edge=False)
    for name in ("contract", "source", "compiler", "storage layout", "on this chain"):
        table.add_column(name, overflow="fold")
    for one in contracts[:MAX_ROWS]:
        addresses = one["addresses"][:MAX_ADDRESSES]
        more = len(one["addresses"]) - len(addresses)
        table.add_row(
            one["name"],
            Text(one["unit"]),
            f"{one['compiler'] or ''} by {one['tool']}".strip(),
            "known" if one["layout"] else "unknown",
            "\n".join(addresses) + (f"\nand {more} more" if more else ""),
        )
    if len(contracts) > MAX_ROWS:
        table.caption = f"and {len(contracts) - MAX_ROWS} more: --json lists all"
    return table
