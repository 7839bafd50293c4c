"""`megaeth devnet export`: what other programs need of a devnet, as files that they read."""

import json
from pathlib import Path
from typing import Annotated

import typer

from megaeth_cli.chain.genesis_export import genesis_of
from megaeth_cli.chain.rpc_client import connect
from megaeth_cli.env import environment
from megaeth_cli.options import RpcUrl
from megaeth_cli.output import show
from megaeth_cli.output_file import write_new

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Write what other programs need of a devnet."""


@app.command()
def genesis(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write; else to standard output."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    rpc_url: RpcUrl = None,
) -> None:
    """Write the genesis document, as MegaETH's node and validator read one."""
    env = environment(context)
    client = connect(env, rpc_url)
    context.call_on_close(client.close)
    document = genesis_of(client)
    if file is None:
        env.write(json.dumps(document, indent=2))
        return
    target = write_new(env, file, json.dumps(document, indent=2) + "\n", force=force)
    show(env, {"file": str(target)}, lambda: f"wrote {file}")
