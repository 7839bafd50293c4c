"""`megaeth devnet export`: what other programs need of a devnet, as files that they read."""

import json
from pathlib import Path
from typing import Annotated

import typer

from devnet.errors import UnavailableError
from megaeth_cli.chain.genesis_export import genesis_of
from megaeth_cli.chain.rpc_client import connect
from megaeth_cli.env import environment
from megaeth_cli.errors import CliError
from megaeth_cli.options import RpcUrl
from megaeth_cli.output import show

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
    target = env.cwd / file
    try:
        with target.open("w" if force else "x") as output:
            output.write(json.dumps(document, indent=2) + "\n")
    except FileExistsError:
        raise CliError(
            f"{file} is there already", "", "give --force to replace it, or -o for another name"
        ) from None
    except OSError as error:
        raise UnavailableError(f"cannot write {file}", error.strerror or str(error)) from error
    show(env, {"file": str(target)}, lambda: f"wrote {file}")
