"""`megaeth devnet add|stop|start|restart|promote`: one node of a running devnet, or all of it anew."""

import enum
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from devnet.config import Config
from devnet.session import CANDIDATES, Session
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.commands.devnet.stopping import stop_devnet
from megaeth_cli.commands.devnet.up import start_devnet
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError
from megaeth_cli.output import show
from megaeth_cli.select_devnet import DataDir, Name, require_session

PROMOTE_S = 30.0
"""For a leader to hand over; it says why not before that."""


class Addable(enum.StrEnum):
    """What a running devnet can be given more of."""

    FULL_NODE = "full-node"
    PROVER = "prover"
    STANDBY = "standby"


NodeName = Annotated[
    str, typer.Argument(metavar="NODE", help="As `status` calls it: full-node-1, prover-1, ...")
]


def add(
    context: typer.Context,
    role: Annotated[Addable, typer.Argument(help="What to add.", show_default=False)],
    name: Name = None,
    data_dir: DataDir = None,
) -> None:
    """Add a full node or a prover to a running devnet, until it goes down. Standbys there are from the start only."""
    from devnet.supervision.control import ask

    env = environment(context)
    answer = ask(require_session(env, name, data_dir), "add", role=str(role))
    _tell(env, answer, "added")


def stop(context: typer.Context, node: NodeName, name: Name = None, data_dir: DataDir = None) -> None:
    """Stop one node; the others go on. (`down` stops them all.)"""
    _about_node(environment(context), "stop-node", node, name, data_dir, "stopped")


def start(context: typer.Context, node: NodeName, name: Name = None, data_dir: DataDir = None) -> None:
    """Start a node that was stopped or has failed; it goes on from its own disk."""
    _about_node(environment(context), "start-node", node, name, data_dir, "started")


def restart(
    context: typer.Context,
    node: Annotated[
        str | None,
        typer.Argument(metavar="[NODE]", help="One node; without it the whole devnet.", show_default=False),
    ] = None,
    name: Name = None,
    data_dir: DataDir = None,
) -> None:
    """Restart one node; or stop the devnet and start it again in the background, with the same settings and ports."""
    env = environment(context)
    if node is not None:
        _about_node(env, "restart-node", node, name, data_dir, "restarted")
        return
    session = require_session(env, name, data_dir)
    if session.ephemeral:
        raise CliError(
            "an ephemeral devnet cannot be restarted", "stopping it deletes its chain", "megaeth devnet down"
        )
    config = _config_of(session)
    stop_devnet(session)
    start_devnet(env, session.name, config, detach=True)


def promote(
    context: typer.Context,
    node: Annotated[str, typer.Argument(metavar="NODE", help="standby-1, ...", show_default=False)],
    name: Name = None,
    data_dir: DataDir = None,
) -> None:
    """Have another node lead: the one that does hands over to it, and nothing that waits is lost."""
    env = environment(context)
    session = require_session(env, name, data_dir)
    leader = session.node(session.leader)
    able = [each.name for each in session.nodes if each.role in CANDIDATES]
    if leader is None:
        raise CliError(
            "nobody could take over",
            "this devnet has no standby",
            "megaeth devnet down, then up with --standby N",
        )
    if node not in able:
        raise CliError(f"{node} may not lead", f"those who may: {', '.join(able)}", "megaeth devnet status")
    if node == leader.name:
        show(env, {"leader": node, "term": session.term}, lambda: f"{node} leads already")
        return
    with RpcClient(leader.endpoints["http"], PROMOTE_S) as client:
        told = client.call("devnet_promote", session.token, node)
    show(
        env, told, lambda: f"{node} leads, after a pause of {told['pause_ms']:,.0f} ms (term {told['term']})"
    )


def _about_node(
    env: Environment, command: str, node: str, name: str | None, data_dir: Path | None, done: str
) -> None:
    from devnet.supervision.control import ask

    _tell(env, ask(require_session(env, name, data_dir), command, node), done)


def _tell(env: Environment, answer: dict[str, Any], done: str) -> None:
    endpoints = answer.get("endpoints", {})
    where = f" at {endpoints['http']}" if "http" in endpoints else ""
    show(env, {"node": answer["node"], "endpoints": endpoints}, lambda: f"{done} {answer['node']}{where}")


def _config_of(session: Session) -> Config:
    """The settings that a running devnet was started with, with the ports that it found."""
    from devnet.settings import config_from_json
    from devnet.supervision.control import ask

    config = config_from_json(ask(session, "settings")["settings"])
    first = session.nodes[0].endpoints
    port = urlsplit(first.get("http", "")).port or config.rpc.port
    gateway = first.get("gateway", "")
    gateway_port = urlsplit(gateway).port or config.rpc.gateway_port
    rpc = replace(config.rpc, port=port, gateway_port=gateway_port)
    return replace(config, rpc=rpc, storage=replace(config.storage, reset=False))
