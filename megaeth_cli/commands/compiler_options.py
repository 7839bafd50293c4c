"""Options of the commands that compile sources."""

from typing import Annotated

import typer

from megaeth_cli.compile import Options
from megaeth_cli.env import Environment

_COMPILER = "Compiler"

Solc = Annotated[
    str | None, typer.Option("--solc", metavar="PATH", help="This compiler.", rich_help_panel=_COMPILER)
]
Remapping = Annotated[
    list[str] | None,
    typer.Option(
        "--remapping", metavar="PREFIX=TARGET", help="Where imports lead.", rich_help_panel=_COMPILER
    ),
]
Optimize = Annotated[
    bool | None,
    typer.Option(
        "--optimize/--no-optimize",
        help="Default: as the project says, else optimise.",
        rich_help_panel=_COMPILER,
    ),
]
Runs = Annotated[
    int | None,
    typer.Option(
        "--optimizer-runs",
        min=0,
        metavar="N",
        help="Default: as the project says, else 200.",
        rich_help_panel=_COMPILER,
    ),
]
ViaIr = Annotated[
    bool | None,
    typer.Option("--via-ir/--no-via-ir", help="Compile through Yul.", rich_help_panel=_COMPILER),
]
EvmVersion = Annotated[
    str | None,
    typer.Option(
        "--evm-version",
        metavar="NAME",
        help="Default: as the project says, else prague.",
        rich_help_panel=_COMPILER,
    ),
]


def compiler_options(
    env: Environment,
    solc: str | None,
    remappings: list[str] | None,
    optimize: bool | None,
    runs: int | None,
    via_ir: bool | None,
    evm_version: str | None,
) -> Options:
    """What the flags ask for, in the user's directory."""
    return Options(
        env.paths.cache,
        dict(env.variables),
        solc,
        tuple(remappings or ()),
        optimize,
        runs,
        via_ir,
        evm_version,
        env.note,
        env.cwd,
    )
