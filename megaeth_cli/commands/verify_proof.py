"""`megaeth verify proof`: an account and its slots, by a proof under a block's state root."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from devnet.proving.checker import Report
from devnet.proving.proof import Trusted, check_proof
from megaeth_cli import options
from megaeth_cli.chain.rpc_client import RpcClient, RpcError, connect
from megaeth_cli.commands.call import block_parameter
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.output import print_whole
from megaeth_cli.output.verification import report_json, report_table
from megaeth_cli.select_devnet import node_url

Json = Any


def proof_command(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE|-", help="What eth_getProof has answered; - for stdin.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="ADDRESS", help="Ask a node about this account instead."),
    ] = None,
    slots: Annotated[
        list[str] | None, typer.Option("--slot", metavar="SLOT", help="And these slots of it.")
    ] = None,
    block: Annotated[
        str, typer.Option("--block", "-b", metavar="BLOCK", help="Number, hash or tag to ask about.")
    ] = "latest",
    state_root: Annotated[
        str | None, typer.Option("--state-root", metavar="ROOT", help="The state root that must be met.")
    ] = None,
    header: Annotated[
        Path | None,
        typer.Option("--header", metavar="FILE", help="The block, as eth_getBlockByNumber answers."),
    ] = None,
    data_buckets: Annotated[
        int | None,
        typer.Option(
            "--salt-data-buckets", metavar="N", min=1, help="If the chain has others than the network."
        ),
    ] = None,
    node: Annotated[
        str | None, typer.Option("--node", metavar="NODE", help="Which node to ask, or its URL.")
    ] = None,
    rpc_url: options.RpcUrl = None,
) -> int:
    """Check the SALT proof in an answer of eth_getProof, without trusting who gave it."""
    env = environment(context)
    if (file is None) == (address is None):
        raise CliError("either FILE or --address", "which proof is meant?", status=ExitStatus.USAGE)
    trusted = Trusted(_root(state_root), _document(env, str(header)) if header else None, data_buckets)
    if address is not None:
        client = connect(env, node_url(env, node) if node is not None else rpc_url)
        context.call_on_close(client.close)
        answer, trusted = _asked(client, address, slots or [], block, trusted)
    else:
        answer = _document(env, str(file))
    report = check_proof(answer, trusted)
    known = trusted.state_root is not None or trusted.header is not None
    _print(env, report, answer)
    if not report.ok:
        return ExitStatus.FAILURE
    root = answer["saltProof"]["stateRoot"]
    env.note(f"this is so under state root {root}" + ("" if known else ", which has not been checked"))
    return ExitStatus.SUCCESS


def _asked(
    node: RpcClient, address: str, slots: list[str], block: str, trusted: Trusted
) -> tuple[Json, Trusted]:
    """A node's answer, and where nothing else is known, its block and rules."""
    answer = node.call("eth_getProof", address, slots, block_parameter(block))
    header, data_buckets = trusted.header, trusted.data_buckets
    if header is None and trusted.state_root is None:
        salt = answer.get("saltProof") or {}
        header = node.call("eth_getBlockByHash", salt.get("blockHash", "0x" + "00" * 32), False)
    if data_buckets is None:
        with suppress(RpcError):  # not a devnet: as many as the network has
            data_buckets = node.call("mega_getChainRules").get("dataBuckets")
    return answer, Trusted(trusted.state_root, header, data_buckets)


def _root(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        root = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        root = b""
    if len(root) != 32:
        raise CliError(f"not a state root: {text}", "it has 32 bytes in hex", status=ExitStatus.USAGE)
    return root


def _document(env: Environment, name: str) -> Json:
    """The JSON in a file or on stdin: a result, or a whole response."""
    try:
        text = env.stdin.read() if name == "-" else Path(env.cwd, name).read_text()
        document = json.loads(text)
    except OSError as error:
        raise CliError(f"cannot read {name}", error.strerror or str(error)) from error
    except ValueError as error:
        raise CliError(f"{name} is not JSON", str(error)) from error
    return document["result"] if isinstance(document, dict) and "result" in document else document


def _print(env: Environment, report: Report, answer: Mapping[str, Json]) -> None:
    if env.json:
        shown = {**report_json(report), "stateRoot": answer["saltProof"]["stateRoot"]}
        shown["address"] = answer["address"]
        env.write(json.dumps(shown, indent=2))
        return
    print_whole(env, report_table(report))
    difference = report.first_difference
    if difference is not None:
        env.complain("", "the proof does not hold", "bold red")
        env.complain(
            f"  {difference.name}\n    claimed:  {difference.actual}\n    computed: {difference.expected}"
        )
