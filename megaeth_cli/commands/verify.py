"""`megaeth verify block`: re-execute blocks and compare everything that they claim."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from devnet.proving.checker import Check, Report, check, read_input
from megaeth_cli import options
from megaeth_cli.commands.call import block_parameter
from megaeth_cli.env import environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.output import print_whole
from megaeth_cli.rpc_client import RpcClient, RpcError, connect
from megaeth_cli.transact import METHOD_NOT_FOUND
from megaeth_cli.units import quantity

if TYPE_CHECKING:
    from rich.console import RenderableType

Json = Any

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Check what the chain claims."""


@app.command("block")
def block_command(
    context: typer.Context,
    block: Annotated[str | None, typer.Argument(metavar="N|HASH|latest", help="Which block.")] = None,
    range_: Annotated[
        str | None, typer.Option("--range", metavar="A..B", help="All blocks from A to B, both included.")
    ] = None,
    rpc_url: options.RpcUrl = None,
) -> int:
    """Re-execute a block with the plain interpreter and compare it with what it claims."""
    env = environment(context)
    if block is not None and range_ is not None:
        raise CliError("either a block or --range, not both", status=ExitStatus.USAGE)
    node = connect(env, rpc_url)
    context.call_on_close(node.close)
    blocks = _range(node, range_) if range_ is not None else iter([_single(node, block or "latest")])
    reports = []
    for parameter, shown in blocks:
        report = _same_block(node, check(_input(node, parameter, shown)))
        reports.append(report)
        if not env.json and range_ is None:
            print_whole(env, _table(report))
        elif not env.json:
            env.write(
                f"block {report.number:,}  {'ok' if report.ok else 'FAILED'}  {len(report.checks)} checks"
            )
        if not report.ok:
            break
    if env.json:
        bodies = [_json(report) for report in reports]
        env.write(json.dumps(bodies if range_ is not None else bodies[0], indent=2))
    wrong = next((report for report in reports if not report.ok), None)
    if wrong is None:
        env.note(_verdict(reports))
        return ExitStatus.SUCCESS
    difference = wrong.first_difference
    if not env.json:
        env.complain(f"{env.paint('block ' + str(wrong.number) + ' is wrong', 'bold red')}")
        if difference is not None:
            env.complain(
                f"  {difference.name}\n    claimed:  {difference.expected}\n    computed: {difference.actual}"
            )
    return ExitStatus.FAILURE


def _single(node: RpcClient, text: str) -> tuple[Json, str]:
    parameter = block_parameter(text)
    if isinstance(parameter, dict):
        return text, text
    if text == "latest":
        # Only sealed blocks can be checked.
        return node.call("eth_blockNumber"), text
    return parameter, text


def _range(node: RpcClient, text: str) -> Iterator[tuple[Json, str]]:
    first_text, dots, last_text = text.partition("..")
    if not (dots and first_text.isdigit() and (last_text.isdigit() or last_text in ("", "latest"))):
        raise CliError(
            f"not a range: {text}", "a range is A..B, for example 1..20 or 5..latest", status=ExitStatus.USAGE
        )
    first = int(first_text)
    last = int(last_text) if last_text.isdigit() else quantity(node.call("eth_blockNumber"))
    if first > last:
        raise CliError(f"an empty range: {text}", f"{first} comes after {last}", status=ExitStatus.USAGE)
    for number in range(first, last + 1):
        yield hex(number), str(number)


def _input(node: RpcClient, parameter: Json, shown: str) -> bytes:
    try:
        answer = node.call("mega_getBlockInput", parameter)
    except RpcError as error:
        if error.code == METHOD_NOT_FOUND:
            raise CliError(
                f"{node.url} gives no inputs of blocks",
                "mega_getBlockInput is a method of this devnet",
                "use a node of `megaeth devnet up`",
            ) from error
        raise CliError(f"block {shown} cannot be checked", error.message, status=ExitStatus.RPC) from error
    if answer is None:
        raise CliError(
            f"there is no block {shown}", "the node does not know it", "megaeth rpc eth_blockNumber"
        )
    return read_input(answer)


def _same_block(node: RpcClient, report: Report) -> Report:
    """The report with one more check: the input was that of the block which the node shows to everyone."""
    block = node.call("eth_getBlockByNumber", hex(report.number), False)
    shown = str(block["hash"]) if block is not None else "no such block"
    same = Check("block shown by the node", shown == report.hash, shown, report.hash)
    return replace(report, checks=(*report.checks, same))


def _verdict(reports: Sequence[Report]) -> str:
    if len(reports) == 1:
        return f"block {reports[0].number:,} is what it claims to be"
    return f"{len(reports):,} blocks are what they claim to be"


def _table(report: Report) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for one in report.checks:
        table.add_row(one.name, Text("ok", style="green") if one.ok else Text("FAILED", style="bold red"))
    return Group(f"block {report.number:,} {report.hash}", table)


def _json(report: Report) -> dict[str, Json]:
    return {
        "block": report.number,
        "hash": report.hash,
        "ok": report.ok,
        "checks": [
            {"name": one.name, "ok": one.ok, "expected": one.expected, "actual": one.actual}
            for one in report.checks
        ],
    }
