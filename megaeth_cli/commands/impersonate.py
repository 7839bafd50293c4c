"""`megaeth impersonate`: let the node send transactions in the name of an account whose key nobody has."""

from typing import Annotated

import typer

from megaeth_cli import options
from megaeth_cli.contracts.network import Network
from megaeth_cli.env import environment
from megaeth_cli.output import show
from megaeth_cli.units import checksummed

app = typer.Typer()


@app.command()
def impersonate(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Address, or a name that is known.")],
    stop: Annotated[bool, typer.Option("--stop", help="Let it no more.")] = False,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Have eth_sendTransaction take transactions from an account without its key."""
    env = environment(context)
    network = Network.open(context, rpc_url)
    address = checksummed(network.address(account, "ACCOUNT"))
    network.node.call(
        "anvil_stopImpersonatingAccount" if stop else "anvil_impersonateAccount", address.lower()
    )
    verb = "is no longer" if stop else "is"
    show(env, {"account": address, "impersonated": not stop}, lambda: f"{address} {verb} impersonated")
