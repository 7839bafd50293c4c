"""`megaeth accounts`: the dev accounts with their balances."""

import json
from typing import Annotated

import typer

from megaeth_cli import options
from megaeth_cli.contracts.network import Network
from megaeth_cli.env import environment
from megaeth_cli.transactions.wallet import dev_accounts
from megaeth_cli.units import ether, quantity

app = typer.Typer()


@app.command()
def accounts(
    context: typer.Context,
    keys: Annotated[bool, typer.Option("--keys", help="Show the private keys as well.")] = False,
    rpc_url: options.RpcUrl = None,
) -> None:
    """List the dev accounts: number, address, balance and next nonce."""
    env = environment(context)
    network = Network.open(context, rpc_url)
    signers = dev_accounts(network)
    reads: list[tuple[str, list[object]]] = [
        (method, [f"0x{signer.address.hex()}", "latest"])
        for signer in signers
        for method in ("eth_getBalance", "eth_getTransactionCount")
    ]
    answers = [quantity(answer) for answer in network.node.batch(reads)]
    rows = list(zip(signers, answers[::2], answers[1::2], strict=True))
    if env.json:
        body = [
            {"index": index, "address": signer.shown, "balanceWei": str(balance), "nonce": nonce}
            | ({"privateKey": f"0x{signer.key.hex()}"} if keys else {})
            for index, (signer, balance, nonce) in enumerate(rows)
        ]
        env.write(json.dumps(body, indent=2))
        return
    width = max((len(ether(balance)) for _, balance, _ in rows), default=0)
    for index, (signer, balance, nonce) in enumerate(rows):
        key = f"  0x{signer.key.hex()}" if keys else ""
        env.write(f"{index:>3}  {signer.shown}  {ether(balance):>{width}} ETH  nonce {nonce}{key}")
    if keys:
        env.note("these keys are public knowledge: never send anything of value to them")
