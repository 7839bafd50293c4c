"""What `trace`, `tx explain` and `debug`-like commands look at: `HASH`, or `--call CONTRACT FUNCTION ARGS...`."""

from pathlib import Path
from typing import Annotated

import typer

from megaeth_cli.chain.rpc_client import connect
from megaeth_cli.chain.verification import Rules
from megaeth_cli.commands.call import block_parameter, call_object, has_no_code
from megaeth_cli.commands.contract_options import check_hash, gas_limit
from megaeth_cli.contracts.network import Network
from megaeth_cli.contracts.told import take
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.replay.source import Finder
from megaeth_cli.replay.told_node import ToldNode
from megaeth_cli.traces.names import PRECOMPILES
from megaeth_cli.traces.subject import Subject, gives_no_traces, sent
from megaeth_cli.units import checksummed, quantity

Called = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="HASH | --call CONTRACT FUNCTION [ARGS]...",
        help="A transaction; with --call a contract, a function of it, and the function's arguments.",
    ),
]
Call = Annotated[bool, typer.Option("--call", help="Look at a call that is not sent.")]
Block = Annotated[
    str, typer.Option("--block", "-b", metavar="BLOCK", help="With --call: the block after which it is made.")
]
Gas = Annotated[
    str | None, typer.Option("--gas-limit", metavar="GAS", help="With --call: the call's gas limit.")
]
File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help="The transaction's block with the state before it, as `megaeth replay` takes it: no node is asked.",
    ),
]
Selectors_ = Annotated[
    Path | None,
    typer.Option(
        "--selectors",
        metavar="FILE",
        help="Signatures for contracts that nobody knows, one a line.  [default: selectors.txt below MEGAETH_HOME]",
    ),
]


def looked_at(
    context: typer.Context,
    rpc_url: str | None,
    what: list[str],
    call: bool,
    block: str,
    sender: str | None,
    value: str,
    gas: str | None,
    as_: str | None,
    abi: Path | None,
    file: Path | None = None,
) -> tuple[Network, Subject]:
    """The transaction or call that is meant, on its network."""
    if not what or (not call and len(what) > 1):
        raise CliError(
            "say what to look at" if not what else "a transaction is one hash",
            "a transaction by its hash, or a call by what it calls",
            "HASH\n--call CONTRACT FUNCTION ARGS...",
            ExitStatus.USAGE,
        )
    if not call:
        check_hash(what[0])
        network = _network_of(context, rpc_url, what[0], file)
        subject = sent(network, what[0])
        network.contracts.look_at(quantity(subject.block))
        recipient = subject.call.get("to") or (subject.receipt or {}).get("contractAddress")
        if recipient:
            take(network, bytes.fromhex(recipient[2:]), as_, abi)
        return network, subject
    if file is not None:
        raise CliError("--file is for a transaction", "a call is made on a node", "", ExitStatus.USAGE)
    if len(what) < 2:
        raise CliError(
            "--call takes a contract and a function", "", "--call Token transfer 0x... 5", ExitStatus.USAGE
        )
    network = Network.open(context, rpc_url)
    target = take(network, network.contract(what[0]).address, as_, abi)
    _, body = call_object(network, target, what[1], what[2:], sender, value)
    body["input"] = body.pop("data")
    if (limit := gas_limit(gas)) is not None:
        body["gas"] = hex(limit)
    at = block_parameter(block)
    if int.from_bytes(target.address, "big") not in PRECOMPILES and has_no_code(network, target.address, at):
        environment(context).note(
            f"there is no contract at {checksummed(target.address)}: the account has no code, and nothing is executed"
        )
    return network, Subject(body, at["blockHash"] if isinstance(at, dict) else str(at))


def _network_of(context: typer.Context, rpc_url: str | None, hash_: str, file: Path | None) -> Network:
    """Where a transaction is looked at: on a node that traces, else by an engine of our own, on what a file or the node
    tells of its block."""
    env = environment(context)
    if file is not None:
        path = env.cwd / file
        if not path.exists():
            raise CliError(f"there is no file {file}", "", "megaeth replay --help", ExitStatus.USAGE)
        finder = Finder(Rules(None, None, None), lambda: connect(env, rpc_url), False, env.note)
        return _on(env, ToldNode(finder.in_file(path, hash_)))
    network = Network.open(context, rpc_url)
    if not gives_no_traces(network.node, hash_):
        return network
    env.note(f"{network.node.url} gives no traces: it is executed here, on what the node tells of its block")
    finder = Finder(Rules(None, None, None), lambda: network.node, False, env.note)
    try:
        told = finder.on_node(hash_)
    except CliError as error:
        raise CliError(
            f"{network.node.url} gives no traces, and does not tell enough to execute the transaction here",
            ": ".join(filter(None, (error.what, error.why))),
            "use a node of `megaeth devnet up`, or `--file FILE`",
            ExitStatus.RPC,
        ) from error
    return _on(env, ToldNode(told, network.node))


def _on(env: Environment, node: ToldNode) -> Network:
    """What is executed here and takes other gas than on the chain is not what was on the chain: that is said."""
    here, there = node.gas()
    if here != there:
        env.complain(
            f"executed here it takes {here:,} gas, and its receipt says {there:,}: {node.url} does not tell all of "
            "the state that it met, and what follows may be wrong",
            "warning:",
            "bold yellow",
        )
    return Network(env, None, node)
