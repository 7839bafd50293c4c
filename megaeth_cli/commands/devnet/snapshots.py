"""`megaeth devnet snapshot` and `revert`: name a place of the chain, and take the chain back to it. Thin over the
node's RPC."""

from typing import Annotated

import typer

from megaeth_cli import options
from megaeth_cli.chain.rpc_client import connect
from megaeth_cli.env import environment
from megaeth_cli.errors import CliError
from megaeth_cli.output import show
from megaeth_cli.select_devnet import Name
from megaeth_cli.units import quantity

REVERT_S = 600.0
"""What is taken back is read from disk, be it hours of the chain."""


def snapshot(context: typer.Context, rpc_url: options.RpcUrl = None, name: Name = None) -> None:
    """Name the place where the chain stands now, to come back to it with `revert`."""
    env = environment(context)
    with connect(env, rpc_url, name=name) as node:
        identifier = quantity(node.call("evm_snapshot"))
    show(env, {"snapshot": hex(identifier)}, lambda: hex(identifier))


def revert(
    context: typer.Context,
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="As `snapshot` told it.", show_default=False)
    ],
    rpc_url: options.RpcUrl = None,
    name: Name = None,
) -> None:
    """Take the chain back to a snapshot, and end it and all that were taken after it."""
    env = environment(context)
    try:
        number = int(identifier, 0)
    except ValueError:
        raise CliError(
            f"{identifier!r} is no snapshot", "it is a number, such as 0x1", "megaeth devnet snapshot"
        ) from None
    with connect(env, rpc_url, REVERT_S, name=name) as node:
        if not node.call("evm_revert", hex(number)):
            raise CliError(
                f"there is no snapshot {identifier}",
                "it was never taken, or the chain went back to it or to an earlier one",
                "megaeth devnet snapshot",
            )
        block = quantity(node.call("eth_blockNumber"))
    show(
        env,
        {"snapshot": hex(number), "block": block},
        lambda: f"the chain is back at snapshot {hex(number)}, block {block}",
    )
