"""`megaeth inspect-diff`: what a transaction, a mini-block or a block changed, with names."""

import json
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from megaeth_cli import options
from megaeth_cli.chain.rpc_client import METHOD_NOT_FOUND, RpcClient, RpcError
from megaeth_cli.contracts.network import Network
from megaeth_cli.contracts.told import take
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.inspect.diff import AccountState, changes, keys_of
from megaeth_cli.inspect.interventions import interventions_of
from megaeth_cli.inspect.proxies import delegation, from_code
from megaeth_cli.output.diff import diff_json, diff_text, heading, raw_text
from megaeth_cli.select_devnet import node_url
from megaeth_cli.units import checksummed, keccak, quantity

Json = Any

app = typer.Typer()

MAX_TRANSACTIONS_READ = 500
"""Transactions of a block that are searched for mapping keys and shown with their logs."""
SLOTS_READ = 4096
"""Slots that are asked for at a time."""
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
    node: Annotated[
        str | None,
        typer.Option("--node", metavar="NODE", help="Which node of the devnet to ask, or its URL."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="NODE", help="Compare its state at the block with this node's."),
    ] = None,
    back: Annotated[
        int,
        typer.Option(
            "--back", metavar="BLOCKS", min=1, max=1000, help="Compare what so many blocks changed."
        ),
    ] = 16,
    as_: Annotated[
        list[str] | None,
        typer.Option(
            "--as",
            metavar="[ADDRESS=]NAME",
            help="Take a contract for this one; without an address the one that the transaction calls.",
        ),
    ] = None,
    abi: Annotated[
        list[str] | None,
        typer.Option(
            "--abi", metavar="[ADDRESS=]FILE", help="Take its ABI from here: JSON, or any build artifact."
        ),
    ] = None,
    rpc_url: options.RpcUrl = None,
) -> int:
    """Show every account and storage slot that changed, old -> new; or compare two nodes' states."""
    env = environment(context)
    if against is not None:
        return _compare(env, node or "sequencer", against, what, back)
    if node is not None:
        rpc_url = node_url(env, node)
    network = Network.open(context, rpc_url)
    diff = _fetch(network, what, {} if raw else {"preimages": True})
    if raw:
        env.write(json.dumps(diff, indent=2) if env.json else raw_text(diff))
        return ExitStatus.SUCCESS
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
    logs = [log for receipt in receipts for log in receipt.get("logs", ())]
    _look(network, diff, logs)
    _tell(network, transactions, receipts, as_ or (), abi or ())
    find = network.interface_at
    keys = keys_of(transactions, receipts, diff, find)
    named = changes(diff, lambda address: network.known(address).layout, keys, partial(_read, network, diff))
    delegates = _delegates(network, diff, transactions)
    made = interventions_of(transactions)
    if env.json:
        facts = diff_json(diff, named, logs, lambda at: network.known(at).to_json(), find, delegates, made)
        env.write(json.dumps(facts, indent=2))
        return ExitStatus.SUCCESS
    env.write(f"{heading(diff)}\n\n{diff_text(named, logs, network.label, find, delegates, made)}")
    if len(diff.get("transactions") or ()) > MAX_TRANSACTIONS_READ:
        env.note(f"names and logs come from the first {MAX_TRANSACTIONS_READ} transactions")
    return ExitStatus.SUCCESS


def _compare(env: Environment, node: str, against: str, what: str, back: int) -> int:
    """Exit code 1 when two nodes' states differ."""
    from megaeth_cli.inspect.compare import common_block, compare
    from megaeth_cli.output.comparison import comparison_json, comparison_text

    with RpcClient(node_url(env, node)) as first, RpcClient(node_url(env, against)) as second:
        block = common_block(first, second) if what == "latest" else _number(what, what)
        comparison = compare(first, second, block, back)
    env.write(
        json.dumps(comparison_json(comparison, node, against), indent=2)
        if env.json
        else comparison_text(comparison, node, against)
    )
    return ExitStatus.FAILURE if comparison.differences else ExitStatus.SUCCESS


def _look(network: Network, diff: Json, logs: list[Json]) -> None:
    """Fetch what is asked for every account anyway, at once."""
    network.contracts.look_at(quantity(diff["blockNumber"]))
    places = (*diff["accounts"], *logs)
    network.contracts.expect(bytes.fromhex(one["address"][2:]) for one in places)


def _delegates(network: Network, diff: Json, transactions: list[Json]) -> dict[str, str]:
    """The addresses that accounts delegate to now or did before (EIP-7702), by the hashes of the accounts' code."""
    changed = [
        account["address"]
        for account in diff["accounts"]
        if AccountState.read(account.get("before")).code_hash
        != AccountState.read(account.get("after")).code_hash
    ]
    if not changed:
        return {}
    found = {
        bytes.fromhex(one["address"][2:])
        for transaction in transactions
        for one in transaction.get("authorizationList") or ()
    }
    # What an account delegated to before stands in no transaction of the diff; older state may be forgotten.
    earlier = hex(max(quantity(diff["blockNumber"]) - 1, 0))
    with suppress(RpcError):
        codes = network.node.batch([("eth_getCode", [address, earlier]) for address in changed])
        hops = (from_code(bytes.fromhex(code[2:])) for code in codes)
        found |= {hop.target for hop in hops if hop is not None}
    return {f"0x{keccak(delegation(target)).hex()}": checksummed(target) for target in found}


def _tell(
    network: Network,
    transactions: list[Json],
    receipts: list[Json],
    names: Sequence[str],
    files: Sequence[str],
) -> None:
    called = {
        to
        for transaction, receipt in zip(transactions, receipts, strict=False)
        if (to := transaction.get("to") or receipt.get("contractAddress"))
    }
    for option, texts in (("--as", names), ("--abi", files)):
        for text in texts:
            where, equals, what = text.partition("=")
            if not equals and len(called) != 1:
                raise CliError(
                    f"{option} {text}: which contract?",
                    f"{len(called)} accounts are called here",
                    f"{option} 0x...={text}",
                    ExitStatus.USAGE,
                )
            address = network.address(where, option) if equals else bytes.fromhex(called.copy().pop()[2:])
            chosen = what if equals else text
            take(network, address, *((chosen, None) if option == "--as" else (None, Path(chosen))))


def _fetch(network: Network, what: str, besides: Json) -> Json:
    if what == "latest":
        return _latest(network, besides)
    return _diff(network, _parameter(what), what, besides)


def _latest(network: Network, besides: Json) -> Json:
    """Of the newest mini-block with transactions; of the newest such block when that is long ago."""
    newest = _diff(network, "latest", "latest", besides)
    if newest.get("transactions"):
        return newest
    head = quantity(newest["blockNumber"])
    for top in range(head - 1, max(head - SEARCH_DEPTH, 0), -SEARCH_STEP):
        numbers = range(top, max(top - SEARCH_STEP, 0), -1)
        blocks = network.node.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
        for number, block in zip(numbers, blocks, strict=True):
            if block is not None and block["transactions"]:
                return _diff(network, hex(number), str(number), besides)
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


def _read(network: Network, diff: Json, address: str, slots: Sequence[int]) -> dict[int, int]:
    """Slots that a diff's part did not change, as they were then."""
    match diff["kind"]:
        case "transaction":
            parameter: Json = diff["transactionHash"]
        case "miniBlock":
            parameter = {"miniBlock": diff["miniBlock"]}
        case _:
            parameter = diff["blockNumber"]
    values: dict[int, int] = {}
    for start in range(0, len(slots), SLOTS_READ):
        wanted = {"slots": {address: [hex(slot) for slot in slots[start : start + SLOTS_READ]]}}
        found = _diff(network, parameter, "the same again", wanted)["slots"][address]
        values |= {quantity(slot): quantity(value) for slot, value in found.items()}
    return values


def _diff(network: Network, parameter: Json, what: str, besides: Json) -> Json:
    try:
        diff = network.node.call("mega_getStateDiff", parameter, besides)
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
