"""`megaeth rpc METHOD [PARAMS...]`: any JSON-RPC method of a node, for what has no command of its own."""

import json
from typing import Annotated

import typer

from megaeth_cli import options
from megaeth_cli.chain.rpc_client import connect
from megaeth_cli.env import environment
from megaeth_cli.visible import one_line

app = typer.Typer()


@app.command()
def rpc(
    context: typer.Context,
    method: Annotated[str, typer.Argument(help="For example eth_blockNumber.")],
    params: Annotated[
        list[str] | None, typer.Argument(help="Each is JSON where it parses as JSON, else a string.")
    ] = None,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Call any JSON-RPC method of a node and print its result."""
    env = environment(context)
    with connect(env, rpc_url) as node:
        result = node.call(method, *map(_parameter, params or ()))
    env.write(one_line(result) if isinstance(result, str) and not env.json else json.dumps(result, indent=2))


def _parameter(text: str) -> object:
    # Hex quantities and addresses are strings: only what looks like JSON is read as JSON.
    try:
        return json.loads(text)
    except ValueError:
        return text
