"""`megaeth devnet ...`: start, watch and stop the processes of a local network (see `devnet.supervisor`)."""

import typer

from devnet.errors import NotRunningError
from devnet.session import read_session
from megaeth_cli.env import environment

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Start, watch and stop a devnet."""


@app.command()
def status(context: typer.Context) -> None:
    """Show what runs."""
    env = environment(context)
    session = read_session(env.paths.network(env.network_name).session)
    if session is None:
        raise NotRunningError("no devnet is running", "", "megaeth devnet up -d")
    env.write(session.rpc_url)
