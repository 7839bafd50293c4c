"""`megaeth debug HASH|--call CONTRACT FUNCTION ARGS`: step through what a transaction or a call did."""

import typer

from megaeth_cli import options
from megaeth_cli.commands.contract_options import AbiFile, As, From, NegativeNumbers, Value, arguments
from megaeth_cli.commands.traced import Block, Call, Called, File, Gas, Selectors_, looked_at
from megaeth_cli.env import environment
from megaeth_cli.errors import CliError, ExitStatus

app = typer.Typer()


@app.command(cls=NegativeNumbers)
def debug(
    context: typer.Context,
    what: Called = None,
    call: Call = False,
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
    """Step through a transaction, or a call that is not sent, instruction by instruction, forwards and backwards.

    Shows the source line, the instructions, the calls that are open, the stack, memory, storage, and gas in both
    dimensions. Arrow keys step; c goes to the next call, o out of it, r to the revert, d to where detention began;
    ? tells all keys. It needs a terminal; `megaeth trace` tells the same calls without one.
    """
    env = environment(context)
    if env.json or not (env.stdin.isatty() and env.stdout.isatty()):
        raise CliError(
            "the stepper needs a terminal",
            "it has no JSON" if env.json else "stdin or stdout is none",
            "megaeth trace   shows the calls of a transaction anywhere, and takes --json",
            ExitStatus.USAGE,
        )
    # Imported here: textual takes its time, which an error shall not.
    from megaeth_cli.stepper.recording import Recording
    from megaeth_cli.stepper.screen import Stepper
    from megaeth_cli.traces.names import Names
    from megaeth_cli.traces.selectors import at_hand

    network, subject = looked_at(
        context, rpc_url, arguments(what), call, block, sender, value, gas, as_, abi, file
    )
    Stepper(Recording.of(network, subject, Names(network, at_hand(network, selectors)))).run()
