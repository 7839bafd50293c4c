"""`megaeth call CONTRACT FUNCTION ARGS...`: read from a contract without a transaction."""

import json
from typing import Annotated

import typer

from megaeth_cli import options
from megaeth_cli.abi import DecodingError, Entry, to_json, to_text
from megaeth_cli.chain.rpc_client import Json, RpcError
from megaeth_cli.commands.contract_options import (
    AbiFile,
    As,
    From,
    NegativeNumbers,
    Unlimited,
    Value,
    amount,
    arguments,
)
from megaeth_cli.contracts.calls import find_function, read_arguments
from megaeth_cli.contracts.known_contracts import KnownContract
from megaeth_cli.contracts.network import Network
from megaeth_cli.contracts.told import take
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.transactions.transact import refusal
from megaeth_cli.transactions.wallet import caller
from megaeth_cli.units import checksummed
from megaeth_cli.visible import one_line

app = typer.Typer()

UNLIMITED_TIMEOUT_S = 3600.0
"""How long a call without limits may take; the node ends it by its gas at last."""

TAGS = ("latest", "pending", "safe", "finalized", "earliest")


@app.command(cls=NegativeNumbers)
def call(
    context: typer.Context,
    contract: Annotated[str, typer.Argument(help="Address, or name of a deployed contract.")],
    function: Annotated[str, typer.Argument(help='Name, or signature like "balanceOf(address)(uint256)".')],
    args: Annotated[list[str] | None, typer.Argument(help="The function's arguments.")] = None,
    block: Annotated[
        str, typer.Option("--block", "-b", metavar="BLOCK", help="Number, hash or tag to read at.")
    ] = "latest",
    sender: From = None,
    value: Value = "0",
    unlimited: Unlimited = False,
    as_: As = None,
    abi: AbiFile = None,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Call a function without a transaction and print what it returns."""
    env = environment(context)
    network = Network.open(context, rpc_url)
    target = take(network, network.contract(contract).address, as_, abi)
    if target.is_worth_saying:
        env.note(network.label(f"0x{target.address.hex()}"))
    entry, transaction = call_object(network, target, function, arguments(args), sender, value)
    result = ask(network, target, "eth_call", transaction, block, unlimited=unlimited)
    _print(env, network, target, entry, bytes.fromhex(result[2:]), block)


def call_object(
    network: Network, target: KnownContract, function: str, texts: list[str], sender: str | None, value: str
) -> tuple[Entry, dict[str, Json]]:
    """The function that is meant, and its call as nodes take it."""
    entry = find_function(target, function, len(texts))
    data = entry.encode_call(read_arguments(entry, texts, network.resolve))
    transaction: dict[str, Json] = {
        "from": f"0x{caller(network, sender).hex()}",
        "to": f"0x{target.address.hex()}",
        "data": f"0x{data.hex()}",
    }
    if wei := amount(value, "--value"):
        transaction["value"] = hex(wei)
    return entry, transaction


def ask(
    network: Network,
    target: KnownContract,
    method: str,
    transaction: dict[str, Json],
    block: str = "latest",
    *,
    unlimited: bool,
) -> Json:
    """What a method that takes a call answers; what speaks against the call is said as people understand it."""
    parameters: list[Json] = [transaction, block_parameter(block)]
    if unlimited:
        network.node.wait_longer(UNLIMITED_TIMEOUT_S)
        parameters += [{}, {"unlimited": True}]
    try:
        return network.node.call(method, *parameters)
    except RpcError as error:
        interfaces = [target.interface] if target.interface is not None else []
        raise refusal(network, error, interfaces, transaction, "the call fails") from error


def block_parameter(text: str) -> object:
    """A block as a JSON-RPC parameter: tag, number, or hash."""
    if text in TAGS:
        return text
    if len(text) == 66 and text.startswith("0x"):
        return {"blockHash": text}
    try:
        return hex(int(text, 16 if text.startswith("0x") else 10))
    except ValueError:
        raise CliError(
            f"not a block: {text}",
            f"a block is a number, a hash, or one of {', '.join(TAGS)}",
            "",
            ExitStatus.USAGE,
        ) from None


def _print(
    env: Environment, network: Network, target: KnownContract, entry: Entry, data: bytes, block: str
) -> None:
    if (
        not data
        and (entry.outputs or target.own_name is None)
        and has_no_code(network, target.address, block_parameter(block))
    ):
        if has_no_code(network, target.address, "latest"):
            raise network.no_code(target)
        where = checksummed(target.address)
        raise CliError(
            f"{target.label} was not there at block {block}",
            f"{where} had no code then; it has now: it was deployed later",
            "leave --block out, or choose a later block",
        )
    if not entry.outputs:
        env.write(json.dumps({"data": f"0x{data.hex()}"}) if env.json else f"0x{data.hex()}")
        return
    try:
        values = entry.decode_outputs(data)
    except DecodingError as error:
        wanted = ", ".join(str(one.type) for one in entry.outputs)
        raise CliError(
            f"what {entry.signature} returned is no ({wanted})",
            f"{error}\n0x{data.hex()}",
            "check the result types in the signature",
        ) from None
    if env.json:
        items = [to_json(one.type, value) for one, value in zip(entry.outputs, values, strict=True)]
        names = {one.name: item for one, item in zip(entry.outputs, items, strict=True) if one.name}
        body = {
            "result": items[0] if len(items) == 1 else items,
            "named": names or None,
            "data": f"0x{data.hex()}",
            "contract": target.to_json(),
        }
        env.write(json.dumps(body))
        return
    for one, value in zip(entry.outputs, values, strict=True):
        label = f"{one.name}: " if one.name and len(values) > 1 else ""
        # A lone string has no quotes, and no lines either: they could pass for lines of ours. --json has them.
        plain = isinstance(value, str) and len(values) == 1
        env.write(label + one_line(value if plain else to_text(one, value)))


def has_no_code(network: Network, address: bytes, block: Json) -> bool:
    """Whether an account has no code after a block."""
    code: str = network.node.call("eth_getCode", f"0x{address.hex()}", block)
    return code == "0x"
