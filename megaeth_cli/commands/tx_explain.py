"""`megaeth tx explain HASH|--call CONTRACT FUNCTION ARGS`: why it ended as it did, and where its gas went."""

import json
from typing import Annotated

import typer

from megaeth_cli import options
from megaeth_cli.commands.contract_options import AbiFile, As, From, Value, arguments
from megaeth_cli.commands.traced import Block, Call, Called, File, Gas, Selectors_, looked_at
from megaeth_cli.env import environment


def explain_command(
    context: typer.Context,
    what: Called = None,
    call: Call = False,
    forks: Annotated[
        bool,
        typer.Option("--forks/--no-forks", help="What it does on Ethereum and under MegaETH's other forks."),
    ] = True,
    selectors: Selectors_ = None,
    block: Block = "latest",
    sender: From = None,
    value: Value = "0",
    gas: Gas = None,
    as_: As = None,
    abi: AbiFile = None,
    file: File = None,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Say why a transaction, or a call that is not sent, ended as it did: to the line, with the numbers.

    Then where its gas went, frame by frame; how near it came to each limit; what crowded buckets add; and what it does
    under other rules. The numbers are the engine's, which executes it again on the state that it met.
    """
    # Imported here: no other command of `tx` shall pay for it.
    from megaeth_cli.output.explain import explanation_json, explanation_text
    from megaeth_cli.traces.explanation import explain
    from megaeth_cli.traces.names import Names
    from megaeth_cli.traces.selectors import at_hand

    env = environment(context)
    network, subject = looked_at(
        context, rpc_url, arguments(what), call, block, sender, value, gas, as_, abi, file
    )
    found = explain(network, subject, Names(network, at_hand(network, selectors)), forks=forks)
    env.write(json.dumps(explanation_json(found), indent=2) if env.json else explanation_text(found))
