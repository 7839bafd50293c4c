"""Tables of `megaeth devnet status`. Rendering only."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from devnet.session import CANDIDATES, Session

KIB = 1024
LEFT = ("node", "role", "state", "endpoints")


def status_tables(found: Sequence[tuple[Session, Sequence[dict[str, Any]]]]) -> RenderableType:
    """One table per devnet."""
    parts: list[RenderableType] = []
    for session, nodes in found:
        parts += [*([""] if parts else []), status_table(session, nodes)]
    return Group(*parts)


def list_table(rows: Sequence[dict[str, Any]]) -> RenderableType:
    """One row per devnet, those that don't run too."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "state", "chain id", "nodes", "endpoint", "data"):
        table.add_column(column, no_wrap=True, justify="right" if column in ("chain id", "nodes") else "left")
    for row in rows:
        state = Text(row["state"], style="green" if row["state"] == "running" else "yellow")
        cells = (_number(row["nodes"] or None), row["rpc_url"] or "-", row["data_dir"])
        table.add_row(row["name"], state, str(row["chain_id"] or "-"), *cells)
    return table


def status_table(session: Session, nodes: Sequence[dict[str, Any]]) -> RenderableType:
    """One row per node, what is remarkable below it, and a line about the devnet."""
    several = len(nodes) > 1
    columns = ["node", *(["role"] if several else []), "state", "pid", "block"]
    columns += ["verified", "lag", "peers"] if several else ["mini-block"]
    columns += ["cpu", "memory", "disk"] + (["in", "out"] if several else []) + ["endpoints"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="left" if column in LEFT else "right", no_wrap=column != "endpoints")
    for node in nodes:
        cells = _cells(node)
        table.add_row(*(cells[column] for column in columns))
    about = Text(
        f"{session.name} ({session.state}) · chain id {session.chain_id} · {session.spec} · {session.data_dir}",
        style="dim",
    )
    return Group(table, *_remarks(nodes), "", about)


def _cells(node: dict[str, Any]) -> dict[str, str | Text]:
    endpoints = node["endpoints"]
    return {
        "node": node["name"],
        "role": node["role"].replace("_", " "),
        "state": _state(node),
        "pid": str(node["pid"]),
        "block": _number(node["height"]),
        "mini-block": _number(node["mini_block"]),
        "verified": _number(node.get("verified_height")),
        "lag": _measure(node.get("lag_ms"), "{:,.0f} ms"),
        "peers": _number(node.get("peers")),
        "cpu": _measure(node["cpu_percent"], "{:.0f} %"),
        "memory": _bytes(node["memory_bytes"]),
        "disk": _bytes(node["disk_bytes"]),
        "in": _bytes(node.get("bytes_in")),
        "out": _bytes(node.get("bytes_out")),
        "endpoints": "\n".join(endpoints[kind] for kind in ("http", "ws", "gateway") if kind in endpoints),
    }


def _state(node: dict[str, Any]) -> Text:
    if node["state"] in ("stopped", "starting", "stopping"):
        return Text(node["state"], style="yellow")
    if not node["alive"]:
        return Text("failed" if node["state"] == "failed" else "down", style="bold red")
    if node.get("refused"):
        return Text("refusing", style="bold red")
    if node.get("catching_up"):
        return Text("catching up", style="yellow")
    if (node.get("leadership") or {}).get("leads"):
        return Text("leads", style="bold green")
    return Text("alive", style="green")


def _remarks(nodes: Sequence[dict[str, Any]]) -> list[RenderableType]:
    remarks: list[RenderableType] = []
    for node in nodes:
        name = node["name"]
        if begin := node.get("log_begins_after"):
            remarks.append(
                Text(
                    f"{name}: blocks up to {begin:,} are not kept, {_bytes(node['disk_bytes'])} on disk",
                    style="dim",
                )
            )
        if begin := node.get("log_begins_after"):
            remarks.append(Text(f"{name}: the log begins after block {begin:,}", style="dim"))
        if behind := node.get("catching_up"):
            remarks.append(
                Text(f"{name}: {behind['done']:,} of {behind['total']:,} caught up with", style="yellow")
            )
        if (leadership := node.get("leadership")) and leadership["leads"]:
            able = [each["name"] for each in nodes if each["role"] in CANDIDATES]
            remarks.append(_leadership(name, leadership, able))
        if validated := node.get("validated_height"):
            remarks.append(Text(f"{name}: stateless validators report {validated:,} as checked", style="dim"))
        if refused := node.get("refused"):
            remarks.append(Text(f"{name} refuses: {refused}", style="bold red"))
        if proving := node.get("proving"):
            remarks.append(
                Text(
                    f"{name}: {proving['attested']:,} blocks attested to, {proving['faults']:,} found faulty, "
                    f"{proving['verify_ms']:,.0f} ms a block, witness {_bytes(proving['witness_bytes'])}, "
                    f"{proving['behind']:,} blocks behind",
                    style="dim",
                )
            )
        if validation := node.get("validation"):
            remarks += _validation(name, validation)
        if incidents := node.get("incidents"):
            remarks.append(
                Text(f"{name}: {incidents:,} incidents; see `megaeth devnet incidents`", style="yellow")
            )
    return [Text(""), *remarks] if remarks else []


def _leadership(name: str, told: dict[str, Any], able: Sequence[str]) -> Text:
    """Of whoever leads, where that may change: since when, and whose disks count. `able`: who may lead."""
    disks, missing = told["durable_on"], told["missing"]
    have = "one disk has" if disks == 1 else f"{disks} disks have"
    text = Text(f"{name} leads (term {told['term']:,}); receipts are shown when {have} them", style="dim")
    if lacking := [one for one in able if one not in told["in_sync"]]:
        text.append(f"; not in sync: {', '.join(lacking)}", style="bold yellow")
    if missing:
        waits = f"; they wait, as {missing} of those {'is' if missing == 1 else 'are'} missing"
        text.append(waits, style="bold yellow")
    return text


def _validation(name: str, told: dict[str, Any]) -> list[Text]:
    """How an embedded validator gets on, and what it has refused."""
    found = [
        Text(
            f"{name}: blocks {told['anchor'] + 1:,} to {told['tip']:,} validated ({told['mode']}), "
            f"{told['verify_ms']:,.0f} ms a block, witness {_bytes(told['witness_bytes'])}, "
            f"{told['behind']:,} blocks behind",
            style="dim",
        )
    ]
    if refused := told["refused"]:
        found.append(
            Text(
                f"{name} validates nothing from block {refused['block']:,} on: {refused['check']}", "bold red"
            )
        )
    return found


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _measure(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _bytes(value: int | None) -> str:
    """Bytes for people: 812 B, 3.4 KiB, 51 MiB."""
    if value is None:
        return "-"
    size = float(value)
    for unit in ("B", "KiB", "MiB"):
        if size < KIB:
            return f"{size:,.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= KIB
    return f"{size:,.1f} GiB"
