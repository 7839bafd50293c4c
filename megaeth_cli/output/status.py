"""Tables of `megaeth devnet status`. Rendering only."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from devnet.session import Session


def status_table(session: Session, nodes: Sequence[dict[str, Any]]) -> RenderableType:
    """One row per node and a line about the devnet."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("node", "role", "state", "pid", "block", "mini-block", "endpoints"):
        table.add_column(column, justify="right" if column in ("pid", "block", "mini-block") else "left")
    for node in nodes:
        state = Text("alive", style="green") if node["alive"] else Text("down", style="bold red")
        table.add_row(
            node["name"],
            node["role"],
            state,
            str(node["pid"]),
            _number(node["height"]),
            _number(node["mini_block"]),
            "\n".join(node["endpoints"].values()),
        )
    about = Text(
        f"{session.name} ({session.state}) · chain id {session.chain_id} · {session.spec} · {session.data_dir}",
        style="dim",
    )
    return Group(table, "", about)


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
