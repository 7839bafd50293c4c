"""`megaeth trace HASH|--call CONTRACT FUNCTION ARGS`: what a transaction or a call did, call by call."""

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from megaeth_cli import options
from megaeth_cli.commands.contract_options import (
    AbiFile,
    As,
    From,
    NegativeNumbers,
    Value,
    arguments,
)
from megaeth_cli.commands.traced import Block, Call, Called, File, Gas, Selectors_, looked_at
from megaeth_cli.env import environment
from megaeth_cli.errors import ExitStatus
from megaeth_cli.output.diff import changes_json, diff_text
from megaeth_cli.output.trace import TreeView
from megaeth_cli.traces.folding import fold
from megaeth_cli.traces.frame import Frame
from megaeth_cli.traces.names import Names
from megaeth_cli.traces.selectors import at_hand
from megaeth_cli.traces.storage import changed
from megaeth_cli.traces.subject import call_tree
from megaeth_cli.visible import one_line

Json = Any

app = typer.Typer()


@app.command(cls=NegativeNumbers)
def trace(
    context: typer.Context,
    what: Called = None,
    call: Call = False,
    depth: Annotated[
        int | None, typer.Option("--depth", min=1, metavar="N", help="Calls inside each other, at most.")
    ] = None,
    filter_: Annotated[
        str | None,
        typer.Option(
            "--filter",
            metavar="TEXT",
            help="Only calls whose contract, function or address has this in it, and what leads to them.",
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Fold nothing and shorten nothing.")] = False,
    selectors: Selectors_ = None,
    block: Block = "latest",
    sender: From = None,
    value: Value = "0",
    gas: Gas = None,
    as_: As = None,
    abi: AbiFile = None,
    file: File = None,
    rpc_url: options.RpcUrl = None,
) -> int:
    """Show the calls of a transaction, or of a call that is not sent, with names, gas, events and failures.

    Gas is in both dimensions. What repeats itself is folded, and so is what lies too deep to be read; -v adds the
    variables that changed. The exit code is 1 where it failed.
    """
    env = environment(context)
    network, subject = looked_at(
        context, rpc_url, arguments(what), call, block, sender, value, gas, as_, abi, file
    )
    root = call_tree(network, subject)
    network.contracts.expect(frame.to for frame in root.walk() if frame.to is not None)
    names = Names(network, at_hand(network, selectors))
    matches = _matching(filter_, names) if filter_ is not None else None
    if matches is not None and not any(matches(frame) for frame in root.walk()):
        env.note(f"no call has {one_line(filter_ or '')} in its contract, function or address")
    view = TreeView(
        fold(root, depth, matches, all_=all_),
        names.frame,
        names.failure,
        network.interface_at,
        names.executes_nothing,
        whole=all_,
    )
    changes = changed(network, subject, root) if env.verbosity > 0 else None
    status = ExitStatus.FAILURE if root.failed else ExitStatus.SUCCESS
    if env.json:
        body = {"transaction": subject.hash, "frames": sum(1 for _ in root.walk()), "trace": view.json(root)}
        if changes is not None:
            body["storage"] = changes_json(changes, lambda at: network.known(at).to_json())
        env.write(json.dumps(body, indent=2))
        return status
    env.write(f"{subject.title}\n\n{view.text(root)}")
    if changes is not None:
        env.write(f"\nStorage\n{diff_text(changes, [], network.label, network.interface_at, {})}")
    return status


def _matching(text: str, names: Names) -> Callable[[Frame], bool]:
    wanted = text.lower()

    def matches(frame: Frame) -> bool:
        named = names.frame(frame)
        address = f"0x{frame.to.hex()}" if frame.to is not None else ""
        return wanted in f"{named.place} {named.signature} {address} 0x{frame.input[:4].hex()}".lower()

    return matches
