"""`megaeth verify block`: check blocks, trusting as little as the source of their data allows. `proof` is next door."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from devnet.proving.checker import Report
from devnet.proving.recorded import RecordedBlocks
from megaeth_cli import options
from megaeth_cli.chain.attestations import Word, words_on
from megaeth_cli.chain.prestate_source import PrestateSource
from megaeth_cli.chain.rpc_client import RpcClient, connect
from megaeth_cli.chain.verification import (
    BlockSource,
    FileSource,
    NodeSource,
    ReproductionSource,
    Rules,
)
from megaeth_cli.commands.call import block_parameter
from megaeth_cli.commands.rules_options import ChainConfig, ChainId, GenesisFile, Node
from megaeth_cli.commands.verify_proof import proof_command
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.output import print_whole
from megaeth_cli.output.verification import effort_text, report_json, report_table, words_text
from megaeth_cli.select_devnet import node_url

Json = Any

app = typer.Typer(no_args_is_help=True)
app.command("proof")(proof_command)


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
    files: Annotated[
        Path | None, typer.Option("--files", metavar="DIR", help="Recorded blocks instead of a node.")
    ] = None,
    witness: Annotated[
        Path | None, typer.Option("--witness", metavar="FILE", help="A check that a prover has kept.")
    ] = None,
    prestate: Annotated[
        Path | None,
        typer.Option(
            "--prestate", metavar="FILE", help="Execute upon the state that a file tells, unproven."
        ),
    ] = None,
    node: Node = None,
    chain_id: ChainId = None,
    genesis: GenesisFile = None,
    chain_config: ChainConfig = None,
    rpc_url: options.RpcUrl = None,
) -> int:
    """Check everything that a block claims, from its parent's header and a witness of the state."""
    env = environment(context)
    if block is not None and range_ is not None:
        raise CliError("either a block or --range, not both", status=ExitStatus.USAGE)
    if sum(one is not None for one in (files, witness, prestate)) > 1:
        raise CliError("--files, --witness and --prestate exclude each other", status=ExitStatus.USAGE)
    if prestate is not None and range_ is not None:
        raise CliError("--prestate is about one block", status=ExitStatus.USAGE)
    if genesis is not None and chain_config is not None:
        raise CliError("--genesis and --chain-config exclude each other", status=ExitStatus.USAGE)
    rules = Rules(chain_id, genesis, chain_config)
    source: BlockSource
    client: RpcClient | None = None
    if files is not None:
        source = FileSource(RecordedBlocks(files), rules)
    elif witness is not None:
        source = ReproductionSource(witness)
    else:
        client = connect(env, node_url(env, node) if node is not None else rpc_url)
        context.call_on_close(client.close)
        if prestate is None:
            source = NodeSource(client, rules, env.note)
        else:
            source = PrestateSource(prestate, rules, client)
            client = None  # nobody attests to what is not proven
    wanted_blocks = _range(source, range_) if range_ is not None else [_single(source, block)]
    reports: list[Report] = []
    bodies: list[Json] = []
    for one in wanted_blocks:
        report = source.verify(one)
        words = words_on(client, report) if client is not None else None
        reports.append(report)
        bodies.append(report_json(report, words))
        if not env.json:
            _print(env, report, words, whole=range_ is None)
        if not report.ok:
            break
    if env.json:
        env.write(json.dumps(bodies if range_ is not None else bodies[0], indent=2))
    wrong = next((report for report in reports if not report.ok), None)
    if wrong is None:
        env.note(_verdict(reports) if prestate is None else _told_verdict(reports[0], prestate))
        return ExitStatus.SUCCESS
    difference = wrong.first_difference
    if not env.json:
        env.complain("", f"block {wrong.number} is wrong", "bold red")
        if difference is not None:
            env.complain(
                f"  {difference.name}\n    claimed:  {difference.actual}\n    computed: {difference.expected}"
            )
    return ExitStatus.FAILURE


def _print(env: Environment, report: Report, words: Sequence[Word] | None, *, whole: bool) -> None:
    if whole:
        print_whole(env, report_table(report, words))
        return
    line = f"block {report.number:,}  {'ok' if report.ok else 'FAILED'}  {len(report.checks)} checks"
    env.write("  ".join(part for part in (line, effort_text(report), words_text(words)) if part))


def _single(source: BlockSource, text: str | None) -> str | int:
    if text is None or text == "latest":
        return source.latest()
    parameter = block_parameter(text)
    return int(parameter, 16) if isinstance(parameter, str) and parameter.startswith("0x") else text


def _range(source: BlockSource, text: str) -> range:
    first_text, dots, last_text = text.partition("..")
    if not (dots and first_text.isdigit() and (last_text.isdigit() or last_text in ("", "latest"))):
        raise CliError(
            f"not a range: {text}", "a range is A..B, for example 1..20 or 5..latest", status=ExitStatus.USAGE
        )
    first = int(first_text)
    last = int(last_text) if last_text.isdigit() else source.newest()
    if first > last:
        raise CliError(f"an empty range: {text}", f"{first} comes after {last}", status=ExitStatus.USAGE)
    return range(first, last + 1)


def _verdict(reports: Sequence[Report]) -> str:
    if len(reports) == 1:
        return f"block {reports[0].number:,} is what it claims to be"
    return f"{len(reports):,} blocks are what they claim to be"


def _told_verdict(report: Report, file: Path) -> str:
    return f"block {report.number:,} executes to what it claims, upon the state in {file}; state roots were not checked"
