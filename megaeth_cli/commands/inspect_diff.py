"""`megaeth inspect-diff`: what a transaction, a mini-block or a block changed, with names."""

import json
from typing import Annotated, Any

import typer

from megaeth_cli import options
from megaeth_cli.env import environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.inspect.diff import changes, keys_of
from megaeth_cli.inspect.known import SYSTEM
from megaeth_cli.inspect.layout import Layout
from megaeth_cli.network import Network
from megaeth_cli.output.diff import diff_json, diff_text, heading, raw_text
from megaeth_cli.rpc_client import RpcError
from megaeth_cli.transact import METHOD_NOT_FOUND
from megaeth_cli.units import checksummed, quantity

Json = Any

app = typer.Typer()

MAX_TRANSACTIONS_READ = 500
"""Transactions of a block that are searched for mapping keys and shown with their logs."""
SEARCH_STEP, SEARCH_DEPTH = 100, 5_000
"""How far back `latest` looks for a block with transactions."""
_MINI = "mini:"


@app.command()
def inspect_diff(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="TX|BLOCK|mini:N|latest",
            help="Transaction, block or mini-block; latest is the newest mini-block with transactions.",
        ),
    ] = "latest",
    raw: Annotated[bool, typer.Option("--raw", help="Keys and values as they are, without names.")] = False,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Show every account and storage slot that changed, old -> new."""
    env = environment(context)
    network = Network.open(context, rpc_url)
    diff = _fetch(network, what)
    if raw:
        env.write(json.dumps(diff, indent=2) if env.json else raw_text(diff))
        return
    hashes = (diff.get("transactions") or ())[:MAX_TRANSACTIONS_READ]
    answers = network.node.batch(
        [
            (method, [hash_])
            for hash_ in hashes
            for method in ("eth_getTransactionByHash", "eth_getTransactionReceipt")
        ]
    )
    transactions = [one for one in answers[::2] if one is not None]
    receipts = [one for one in answers[1::2] if one is not None]
    find = network.interface_at
    named = changes(
        diff, lambda address: _layout(network, address), keys_of(transactions, receipts, diff, find)
    )
    logs = [log for receipt in receipts for log in receipt.get("logs", ())]
    if env.json:
        env.write(json.dumps(diff_json(diff, named, logs, lambda at: _name(network, at), find), indent=2))
        return
    env.write(f"{heading(diff)}\n\n{diff_text(named, logs, lambda at: _label(network, at), find)}")
    if len(diff.get("transactions") or ()) > MAX_TRANSACTIONS_READ:
        env.note(f"names and logs come from the first {MAX_TRANSACTIONS_READ} transactions")


def _fetch(network: Network, what: str) -> Json:
    if what == "latest":
        return _latest(network)
    return _diff(network, _parameter(what), what)


def _latest(network: Network) -> Json:
    """Of the newest mini-block with transactions; of the newest such block when that is long ago."""
    newest = _diff(network, "latest", "latest")
    if newest.get("transactions"):
        return newest
    head = quantity(newest["blockNumber"])
    for top in range(head - 1, max(head - SEARCH_DEPTH, 0), -SEARCH_STEP):
        numbers = range(top, max(top - SEARCH_STEP, 0), -1)
        blocks = network.node.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
        for number, block in zip(numbers, blocks, strict=True):
            if block is not None and block["transactions"]:
                return _diff(network, hex(number), str(number))
    return newest


def _parameter(text: str) -> Json:
    if text.startswith(_MINI):
        return {"miniBlock": hex(_number(text.removeprefix(_MINI), text))}
    if text.startswith("0x") and len(text) == 66:
        return text
    if text in ("pending", "safe", "finalized", "earliest"):
        return text
    return hex(_number(text, text))


def _number(text: str, whole: str) -> int:
    try:
        number = int(text, 16 if text.startswith("0x") else 10)
    except ValueError:
        number = -1
    if number < 0:
        raise CliError(
            f"neither a transaction nor a block: {whole}",
            "it may be a transaction or block hash, a block number, mini:N or latest",
            "",
            ExitStatus.USAGE,
        )
    return number


def _diff(network: Network, parameter: Json, what: str) -> Json:
    try:
        diff = network.node.call("mega_getStateDiff", parameter)
    except RpcError as error:
        if error.code == METHOD_NOT_FOUND:
            raise CliError(
                f"{network.node.url} gives no state diffs",
                "mega_getStateDiff is a method of this devnet",
                "use a node of `megaeth devnet up`",
            ) from error
        raise CliError(f"no diff of {what}", error.message, status=ExitStatus.RPC) from error
    if diff is None:
        raise CliError(f"no diff of {what}", "the node does not know it", "check the hash or number")
    return diff


def _layout(network: Network, address: str) -> Layout | None:
    artifact = network.known(address)
    return Layout(artifact.layout) if artifact is not None else None


def _name(network: Network, address: str) -> str | None:
    artifact = network.known(address)
    return artifact.name if artifact is not None else SYSTEM.get(address.lower())


def _label(network: Network, address: str) -> str:
    shown = checksummed(bytes.fromhex(address[2:]))
    name = _name(network, address)
    return f"{name} {shown}" if name else shown
