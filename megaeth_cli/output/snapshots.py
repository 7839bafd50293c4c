"""Tables of `megaeth snapshot`. Rendering only."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

LEFT = ("name", "rules", "taken", "load")


def list_table(rows: Sequence[dict[str, Any]]) -> Table:
    """One row per snapshot."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in (
        "name",
        "block",
        "accounts",
        "slots",
        "size",
        "chain id",
        "rules",
        "history",
        "taken",
        "load",
    ):
        table.add_column(column, no_wrap=True, justify="left" if column in LEFT else "right")
    for row in rows:
        if row["problem"] is not None:
            table.add_row(row["name"], *["-"] * 8, Text(row["problem"], style="red"))
            continue
        table.add_row(
            row["name"],
            *(f"{row[name]:,}" for name in ("block", "accounts", "slots", "bytes")),
            str(row["chain_id"]),
            row["spec"],
            "yes" if row["history"] else "-",
            f"{datetime.fromtimestamp(row['created'], UTC):%Y-%m-%d %H:%M:%S}",
            row["fits"] or "-",
        )
    return table
