"""`megaeth devnet prune`: have nodes forget old blocks, in a devnet that runs or in one that is stopped."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from devnet.paths import DEFAULT_NAME
from devnet.session import NodeSession, Role, Session
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError
from megaeth_cli.output import show
from megaeth_cli.select_devnet import DataDir, Name, find_session

PRUNE_S = 600.0
"""A long chain is gone through record by record, and what is left is written anew."""


def prune(
    context: typer.Context,
    keep: Annotated[
        int, typer.Option("--keep", metavar="BLOCKS", min=1, help="How many blocks stay.", show_default=False)
    ],
    node: Annotated[
        str | None,
        typer.Option("--node", metavar="NODE", help="Of this node only.", show_default="all nodes"),
    ] = None,
    name: Name = None,
    data_dir: DataDir = None,
) -> None:
    """Forget all but the newest blocks, with their transactions, receipts and old states. There is no way back.

    The state stays, and so does what cannot be spared: blocks that are not validated yet, and those behind the state on
    disk. `up --history BLOCKS` does the same all the time.
    """
    env = environment(context)
    session = find_session(env, name, data_dir)
    found = (
        _of_running(env, session, node, keep)
        if session is not None
        else _of_stopped(env, name, data_dir, node, keep)
    )
    rows = list(found)
    show(env, {"nodes": rows}, lambda: "\n".join(map(_line, rows)))


def _of_running(
    env: Environment, session: Session, wanted: str | None, keep: int
) -> Iterator[dict[str, Any]]:
    nodes = [each for each in session.nodes if each.role is not Role.PROVER and wanted in (None, each.name)]
    if not nodes:
        _no_node(wanted, [each.name for each in session.nodes if each.role is not Role.PROVER])
    for node in nodes:
        env.note(f"{node.name} prunes ...")
        with RpcClient(_url(node), PRUNE_S) as client:
            yield {"node": node.name, **client.call("devnet_prune", session.token, keep)}


def _url(node: NodeSession) -> str:
    if "http" not in node.endpoints:
        raise CliError(f"{node.name} does not run", "its log is pruned by itself", "megaeth devnet start")
    return node.endpoints["http"]


def _of_stopped(
    env: Environment, name: str | None, data_dir: Path | None, wanted: str | None, keep: int
) -> Iterator[dict[str, Any]]:
    root = data_dir or env.paths.network(name or env.variables.get("MEGAETH_NAME") or DEFAULT_NAME).data
    nodes = {path.parent.name: path.parent for path in sorted((env.cwd / root).glob("nodes/*/chain.json"))}
    chosen = [each for each in nodes if wanted in (None, each)]
    if not nodes:
        raise CliError(f"no devnet runs, and {root} holds no chain", "", "megaeth devnet list")
    if not chosen:
        _no_node(wanted, list(nodes))
    for each in chosen:
        env.note(f"{each} prunes ...")
        yield {"node": each, **_pruned(nodes[each], keep)}


def _pruned(directory: Path, keep: int) -> dict[str, Any]:
    from devnet._engine import index_records
    from devnet.storage import Pruner, Store

    with Store.open(directory) as store:
        pruner = Pruner(store, index_records, lambda _: None, None, rest=0.0)
        outcome = pruner.prune(keep)
        pruner.compact()
        return asdict(outcome)


def _no_node(wanted: str | None, known: list[str]) -> None:
    raise CliError(
        f"there is no node '{wanted}' with a log", f"there is {', '.join(known)}", "megaeth devnet status"
    )


def _line(row: dict[str, Any]) -> str:
    held = f"; more stays: {row['held_by']}" if row["held_by"] else ""
    return f"{row['node']}: {row['blocks']:,} blocks gone, the log begins after block {row['begins_after']:,}{held}"
