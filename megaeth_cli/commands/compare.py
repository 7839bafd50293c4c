"""`megaeth compare FILE[:NAME]`: what a contract's functions cost, and do, under each set of rules."""

import json
from dataclasses import replace
from typing import Annotated

import typer

from megaeth_cli.abi import Interface
from megaeth_cli.commands.compiler_options import (
    EvmVersion,
    Optimize,
    Remapping,
    Runs,
    Solc,
    ViaIr,
    compiler_options,
)
from megaeth_cli.commands.contract_options import (
    ConstructorArguments,
    NegativeNumbers,
    argument_texts,
    arguments,
)
from megaeth_cli.compile import Contract
from megaeth_cli.contracts.calls import read_arguments
from megaeth_cli.contracts.product import locate, prepare
from megaeth_cli.env import environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.output.trials import trials_json, trials_text
from megaeth_cli.trials import calls
from megaeth_cli.trials.trial import Trial

app = typer.Typer()


@app.command(cls=NegativeNumbers)
def compare(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(metavar="FILE[:NAME]", help="Source or build artifact, and which contract in it."),
    ],
    args: Annotated[list[str] | None, typer.Argument(help="The constructor's arguments.")] = None,
    arguments_file: ConstructorArguments = None,
    call: Annotated[
        list[str] | None,
        typer.Option(
            "--call", metavar="CALL", help='Call this instead of tests: "transfer(0x..., 5)"; again for more.'
        ),
    ] = None,
    function: Annotated[
        list[str] | None,
        typer.Option("--function", metavar="NAME", help="Only this one of the tests; again for more."),
    ] = None,
    solc: Solc = None,
    remapping: Remapping = None,
    optimize: Optimize = None,
    runs: Runs = None,
    via_ir: ViaIr = None,
    evm_version: EvmVersion = None,
) -> int:
    """Show gas and outcome of a contract's functions under Ethereum's rules and each of MegaETH's forks.

    The contract is deployed on an engine without a chain; no node is needed. What is called are its own tests as forge
    knows them (`test...()`, each right after `setUp()`), without forge's cheatcodes; or the calls of --call, one after
    another. The exit code is 1 where something succeeds under some of the rules only.
    """
    env = environment(context)
    if call and function:
        raise CliError(
            "either --call or --function", "--function chooses among tests", status=ExitStatus.USAGE
        )
    path, name = locate(env, source)
    options = compiler_options(env, solc, remapping, optimize, runs, via_ir, evm_version)
    compilation, contract = prepare(path, name, options)
    interface = Interface(contract.abi, contract.layout.get("enums", {}))
    encoded = _constructor_arguments(
        contract, interface, argument_texts(env, arguments(args), arguments_file)
    )
    if call:
        wanted = calls.written(interface, contract.name, call)
    else:
        wanted = calls.chosen(calls.tests(interface), function or ())
        if not wanted:
            raise CliError(
                f"{contract.name} has no tests",
                "a test is a function without arguments whose name begins with test",
                f"megaeth compare {source} --call 'function(arguments)'",
                ExitStatus.USAGE,
            )
    trial = Trial(
        contract, compilation, encoded, None if call else calls.setup(interface), tuple(wanted), not call
    )
    rows = trial.run()
    env.write(
        json.dumps(trials_json(contract.name, rows), indent=2)
        if env.json
        else trials_text(contract.name, rows)
    )
    return ExitStatus.SUCCESS if all(row.agrees for row in rows) else ExitStatus.FAILURE


def _constructor_arguments(contract: Contract, interface: Interface, texts: list[str]) -> bytes:
    constructor = replace(interface.constructor, name=contract.name)
    return constructor.encode_call(read_arguments(constructor, texts, lambda _: None))
