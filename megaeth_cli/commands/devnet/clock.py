"""`megaeth devnet mine` and `warp`: blocks when they are wanted, a clock that is moved. Thin over the node's RPC."""

from typing import Annotated, Any

import typer

from megaeth_cli import options
from megaeth_cli.chain.rpc_client import RpcClient, connect
from megaeth_cli.env import environment
from megaeth_cli.output import show
from megaeth_cli.select_devnet import Name
from megaeth_cli.units import quantity


def mine(
    context: typer.Context,
    blocks: Annotated[int, typer.Argument(metavar="[BLOCKS]", min=1, max=100_000, help="How many.")] = 1,
    interval: Annotated[
        int | None,
        typer.Option("--interval", metavar="SECONDS", min=0, help="Put their timestamps so far apart."),
    ] = None,
    rpc_url: options.RpcUrl = None,
    name: Name = None,
) -> None:
    """Close blocks now; the first holds whatever waits."""
    env = environment(context)
    with connect(env, rpc_url, name=name) as node:
        node.call("hardhat_mine", hex(blocks), *(() if interval is None else (hex(interval),)))
        newest = _newest(node)
    show(env, newest, lambda: f"block {newest['number']}, timestamp {newest['timestamp']}")


def warp(
    context: typer.Context,
    seconds: Annotated[
        int | None, typer.Argument(metavar="[SECONDS]", min=1, help="How far to move the clock on.")
    ] = None,
    to: Annotated[
        int | None, typer.Option("--to", metavar="TIMESTAMP", min=1, help="Where to set it instead.")
    ] = None,
    rpc_url: options.RpcUrl = None,
    name: Name = None,
) -> None:
    """Move the chain's clock on, and close a block there."""
    env = environment(context)
    if (seconds is None) == (to is None):
        raise typer.BadParameter("give either SECONDS or --to TIMESTAMP", context)
    with connect(env, rpc_url, name=name) as node:
        if to is None:
            node.call("evm_increaseTime", seconds)
            node.call("evm_mine")
        else:
            node.call("evm_mine", to)
        newest = _newest(node)
    show(env, newest, lambda: f"block {newest['number']}, timestamp {newest['timestamp']}")


def _newest(node: RpcClient) -> dict[str, Any]:
    block = node.call("eth_getBlockByNumber", "latest", False)
    return {"number": quantity(block["number"]), "timestamp": quantity(block["timestamp"])}
