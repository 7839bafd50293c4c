"""`megaeth devnet status` and `list`: which devnets there are, what each consists of, and how its nodes are."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from devnet.session import NodeSession, Session, health, running_sessions
from megaeth_cli.env import environment
from megaeth_cli.errors import ExitStatus
from megaeth_cli.output import show
from megaeth_cli.select_devnet import START_ONE, DataDir, Name, find_session, is_chosen, not_running

TOLD = (
    "height", "mini_block", "verified_height", "validated_height", "lag_ms", "peers", "bytes_in", "bytes_out",
    "verify", "upstream", "catching_up", "refused", "incidents", "proving",
    "validation", "log_begins_after", "leadership",
)  # fmt: skip
"""What nodes tell about themselves; each role what applies to it."""


def status(context: typer.Context, name: Name = None, data_dir: DataDir = None) -> None:
    """Show what runs: processes, endpoints, heights. Exit code 4 when nothing does."""
    env = environment(context)
    if is_chosen(env, name, data_dir):
        session = find_session(env, name, data_dir)
        sessions = [session] if session is not None else []
    else:
        sessions = running_sessions(env.paths.home)
    if not sessions:
        if env.json:
            show(env, {"nodes": []}, str)
            raise typer.Exit(ExitStatus.NOT_RUNNING)
        raise not_running(env, name)
    found = [(session, node_statuses(session)) for session in sessions]
    bodies = [{"nodes": nodes, "devnet": _about(session)} for session, nodes in found]

    def render() -> Any:  # noqa: ANN401
        from megaeth_cli.output.status import status_tables

        return status_tables(found)

    show(env, bodies[0] if len(bodies) == 1 else {"devnets": bodies}, render)
    nodes = [node for _, nodes in found for node in nodes]
    if not all(node["alive"] for node in nodes if node["state"] != "stopped"):
        raise typer.Exit(ExitStatus.FAILURE)


def list_devnets(context: typer.Context) -> None:
    """List every devnet of this user: those that run, and those whose chain is kept under the home directory."""
    env = environment(context)
    running = running_sessions(env.paths.home)
    rows = [_row(session) for session in running]
    names = {session.name for session in running}
    kept = sorted(env.paths.home.glob("*/data/nodes/sequencer/chain.json"))
    rows += [row for row in map(_kept, kept) if row["name"] not in names]
    rows.sort(key=lambda row: str(row["name"]))

    def render() -> Any:  # noqa: ANN401
        from megaeth_cli.output.status import list_table

        return list_table(rows) if rows else f"there is none; {START_ONE} makes one"

    show(env, {"devnets": rows}, render)


def _about(session: Session) -> dict[str, Any]:
    return {
        "name": session.name,
        "state": session.state,
        "chain_id": session.chain_id,
        "spec": session.spec,
        "data_dir": session.data_dir,
        "log_dir": session.log_dir,
        "supervisor_pid": session.supervisor.pid,
        **_led(session),
    }


def _led(session: Session) -> dict[str, Any]:
    """Who leads, where that may change."""
    return {"leader": session.leader, "term": session.term} if session.leader else {}


def _row(session: Session) -> dict[str, Any]:
    return {
        "name": session.name,
        "state": session.state,
        "chain_id": session.chain_id,
        "rpc_url": session.rpc_url,
        "nodes": len(session.nodes),
        "data_dir": session.data_dir,
        **_led(session),
    }


def _kept(identity: Path) -> dict[str, Any]:
    """A devnet that does not run, from its chain's `chain.json`."""
    data_dir = identity.parents[2]
    try:
        chain_id = json.loads(identity.read_text())["chain_id"]
    except (OSError, ValueError, KeyError, TypeError):
        chain_id = None
    return {
        "name": data_dir.parent.name,
        "state": "stopped",
        "chain_id": chain_id,
        "rpc_url": None,
        "nodes": 0,
        "data_dir": str(data_dir),
    }


def node_statuses(session: Session) -> list[dict[str, Any]]:
    """What each node of a devnet says, and what its process takes."""
    from devnet.usage import measure

    nodes = session.nodes
    with ThreadPoolExecutor(max(1, len(nodes)), thread_name_prefix="health") as pool:
        answers = pool.map(_asked, nodes)
        usages = measure(node.process.pid for node in nodes if node.process.runs())
        found = [_node_status(node, answer, usages) for node, answer in zip(nodes, answers, strict=True)]
    for status in found:
        status["disk_bytes"] = _disk_bytes(Path(session.data_dir) / "nodes" / status["name"])
    return found


def _disk_bytes(directory: Path) -> int:
    """What a node has there; a file that goes meanwhile takes nothing."""
    size = 0
    for path in directory.rglob("*"):
        with suppress(OSError):
            size += path.stat().st_size
    return size


def _asked(node: NodeSession) -> dict[str, Any] | None:
    return health(node.endpoints["http"]) if node.process.runs() and "http" in node.endpoints else None


def _node_status(node: NodeSession, answer: dict[str, Any] | None, usages: dict[int, Any]) -> dict[str, Any]:
    usage = usages.get(node.process.pid)
    told = answer or {}
    return {
        "name": node.name,
        "role": node.role,
        "state": node.state,
        "pid": node.process.pid,
        "endpoints": node.endpoints,
        "alive": answer is not None,
        "height": told.get("height"),
        "mini_block": told.get("mini_block"),
        **{key: told[key] for key in TOLD if key in told},
        "cpu_percent": usage.cpu_percent if usage is not None else None,
        "memory_bytes": usage.memory_bytes if usage is not None else None,
    }
