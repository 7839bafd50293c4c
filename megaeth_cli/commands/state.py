"""`megaeth state dump` and `load`: a chain's accounts in a file. Thin over the node's RPC."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from megaeth_cli import options
from megaeth_cli.chain.rpc_client import RpcError, connect
from megaeth_cli.env import environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.output import show
from megaeth_cli.output_file import write_new

TIMEOUT_S = 600.0
ANSWER_LIMIT = "--max-answer-bytes"
"""The setting that a node names when all accounts are more than it answers at once."""

app = typer.Typer(no_args_is_help=True)


@app.callback()
def state() -> None:
    """Keep a chain's accounts in a file, and take them over from one."""


@app.command()
def dump(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.", show_default=False)],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORM",
            help="anvil: its JSON, gzipped if FILE ends in .gz. megaeth: smaller and faster, and what is taken if "
            "FILE ends in .zst.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace FILE if it is there.")] = False,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Write all accounts, as they are now, to a file."""
    from devnet.state_file import Form, gunzip

    env = environment(context)
    if form is not None and form not in tuple(Form):
        raise typer.BadParameter(f"{form!r} is not one of {', '.join(Form)}", context)
    chosen = Form(form) if form is not None else Form.of(file)
    with connect(env, rpc_url, TIMEOUT_S) as node:
        method = "mega_dumpState" if chosen is Form.MEGAETH else "anvil_dumpState"
        try:
            data = bytes.fromhex(node.call(method)[2:])
        except RpcError as error:
            raise _too_large(error) if ANSWER_LIMIT in error.message else error from None
    if chosen is Form.ANVIL and file.suffix != ".gz":
        data = gunzip(data)
    target = write_new(env, file, data, force=force)
    written = {"file": str(target), "format": str(chosen), "bytes": len(data)}
    show(env, written, lambda: f"wrote {file}: {len(data):,} bytes in the form {chosen}")


def _too_large(error: RpcError) -> CliError:
    return CliError(
        error.message,
        "all of it is one answer of the node",
        "megaeth devnet down, and up again with a larger --max-answer-bytes; or with --dump-state FILE: what is\n"
        "written at the stop has no such limit. A FILE that ends in .zst is several times smaller",
        ExitStatus.RPC,
    )


@app.command()
def load(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="anvil's JSON, plain or gzipped, or what `state dump` wrote.",
            show_default=False,
        ),
    ],
    rpc_url: options.RpcUrl = None,
) -> None:
    """Take over the accounts of a file; others, and slots that it does not name, stay."""
    from devnet.state_file import read_file
    from megaeth_cli.chain.state_loading import Loaded, load_contents

    env = environment(context)
    contents = read_file(env.cwd / file)
    done = Loaded()
    with connect(env, rpc_url, TIMEOUT_S) as node:
        load_contents(node, contents, done)
    loaded: dict[str, Any] = {"accounts": contents.accounts, "slots": contents.slots, **asdict(done)}
    for account in loaded["kept"]:
        env.complain(f"{account} stays as it is: the chain itself keeps it", "warning:", "bold yellow")
    show(env, loaded, lambda: _told(loaded))


def _told(loaded: dict[str, Any]) -> str:
    return (
        f"loaded {loaded['accounts']:,} accounts with {loaded['slots']:,} slots: {loaded['written']:,} were not as "
        f"they are in the file, written by {loaded['transactions']:,} transactions"
    )
