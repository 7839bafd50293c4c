"""`megaeth replay [FILE] BLOCK|HASH`: a block or transaction of a chain executed again, by any fork's rules."""

import json
from pathlib import Path
from typing import Annotated

import typer

from devnet.config import SPECS
from megaeth_cli import options
from megaeth_cli.chain.rpc_client import RpcClient, connect
from megaeth_cli.chain.verification import Rules
from megaeth_cli.commands.rules_options import ChainConfig, ChainId, GenesisFile, Node
from megaeth_cli.env import environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.output.replay import comparison_json, comparison_text
from megaeth_cli.replay.comparison import compare
from megaeth_cli.replay.source import Finder, ToldBlock
from megaeth_cli.select_devnet import node_url

app = typer.Typer()

_LATEST = "latest"


@app.command()
def replay(
    context: typer.Context,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE] BLOCK|HASH",
            help="A block by number or hash, or `latest`; or a transaction by hash. FILE has it, or the state "
            "before it: a prestate, a check that a prover has kept, or a directory of recorded blocks.",
        ),
    ] = None,
    spec: Annotated[
        str | None,
        typer.Option("--spec", metavar="SPEC", help=f"By other rules than the chain's: {', '.join(SPECS)}."),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every transaction and every difference.")] = False,
    node: Node = None,
    chain_id: ChainId = None,
    genesis: GenesisFile = None,
    chain_config: ChainConfig = None,
    rpc_url: options.RpcUrl = None,
) -> int:
    """Execute a block or a transaction again, and compare what comes of it with the chain's receipts.

    With --spec it says what another fork would make of it: each transaction's outcome and gas on the chain beside those
    under that fork, and what differs first. Nothing is sent. The state comes from a file or from a node: from its
    witness, proven, where it has that; else from its tracer and its answers. The exit code is 0 where all is the same,
    and 1 where something differs.
    """
    env = environment(context)
    if spec is not None and spec not in SPECS:
        raise CliError(f"there are no rules {spec!r}", "", f"one of {', '.join(SPECS)}", ExitStatus.USAGE)
    if genesis is not None and chain_config is not None:
        raise CliError("--genesis and --chain-config exclude each other", status=ExitStatus.USAGE)
    url = node_url(env, node) if node is not None else rpc_url

    def connected() -> RpcClient:
        client = connect(env, url)
        context.call_on_close(client.close)
        return client

    finder = Finder(Rules(chain_id, genesis, chain_config), connected, url is not None, env.note)
    found = compare(_told(finder, what or [_LATEST], env.cwd), spec)
    env.write(json.dumps(comparison_json(found), indent=2) if env.json else comparison_text(found, all_=all_))
    return ExitStatus.SUCCESS if found.same else ExitStatus.FAILURE


def _told(finder: Finder, what: list[str], cwd: Path) -> ToldBlock:
    if len(what) > 2:
        raise CliError("one block or transaction at a time", "", "[FILE] BLOCK|HASH", ExitStatus.USAGE)
    first, *rest = what
    if not rest and (first == _LATEST or first.isdecimal() or first.startswith("0x")):
        return finder.on_node(first)
    path = cwd / first
    if not path.exists():
        raise CliError(
            f"there is no file {first}",
            "what is no file is a block's number or hash, `latest`, or a transaction's hash",
            "megaeth replay --help",
            ExitStatus.USAGE,
        )
    return finder.in_file(path, rest[0] if rest else None)
