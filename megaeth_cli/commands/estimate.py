"""`megaeth estimate CONTRACT FUNCTION ARGS...`: what a transaction would cost, now and in crowded buckets."""

import json
from typing import Annotated

import typer

from megaeth_cli import options
from megaeth_cli.commands.call import call_object
from megaeth_cli.commands.contract_options import AbiFile, As, From, NegativeNumbers, Value, arguments
from megaeth_cli.contracts.network import Network
from megaeth_cli.contracts.told import take
from megaeth_cli.env import environment
from megaeth_cli.output.estimate import estimate_json, estimate_text, gas_limit_json, gas_limit_text
from megaeth_cli.traces import estimation
from megaeth_cli.traces.subject import NoTracesError, Subject
from megaeth_cli.transactions import transact
from megaeth_cli.units import quantity

app = typer.Typer()


@app.command(cls=NegativeNumbers)
def estimate(
    context: typer.Context,
    contract: Annotated[str, typer.Argument(help="Address, or name of a deployed contract.")],
    function: Annotated[str, typer.Argument(help='Name, or signature like "transfer(address,uint256)".')],
    args: Annotated[list[str] | None, typer.Argument(help="The function's arguments.")] = None,
    sender: From = None,
    value: Value = "0",
    as_: As = None,
    abi: AbiFile = None,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Say what a transaction would cost: gas in both dimensions, fee, limits, and a gas limit that stays enough.

    What is written costs more where a bucket of the state is crowded. The call is executed as if all buckets had
    grown to 2, 4 and 8 times their size, and the gas limit shown passes in all of them.
    """
    env = environment(context)
    network = Network.open(context, rpc_url)
    target = take(network, network.contract(contract).address, as_, abi)
    _, call = call_object(network, target, function, arguments(args), sender, value)
    call["input"] = call.pop("data")
    needed = transact.estimate(network, call, [target.interface] if target.interface is not None else [])
    try:
        found = estimation.estimate(network, Subject(call | {"gas": hex(needed)}, "latest"), needed)
    except NoTracesError as error:
        env.note(
            f"{error.what}: what it uses in both dimensions, its limits and crowded buckets are not known; {error.hint}"
        )
        price = quantity(network.node.call("eth_gasPrice"))
        env.write(
            json.dumps(gas_limit_json(needed, price), indent=2) if env.json else gas_limit_text(needed, price)
        )
        return
    env.write(json.dumps(estimate_json(found), indent=2) if env.json else estimate_text(found))
