"""Options that several commands share: `--json`, `-v`, `-q` (added to every command) and `--rpc-url`.

They set the Environment as a side effect, so that commands need not carry them through their signatures.
"""

import logging
from functools import cache
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from megaeth_cli import help
from megaeth_cli.env import environment

if TYPE_CHECKING:
    from typer._click import Command
    from typer._click.core import Parameter

LOGGER = "megaeth"


def _set_json(context: typer.Context, wanted: bool) -> None:
    env = environment(context)
    env.json = env.json or wanted


def _set_verbose(context: typer.Context, times: int) -> None:
    if times:
        environment(context).verbosity += times
        configure_logging(environment(context).verbosity)


def _set_quiet(context: typer.Context, wanted: bool) -> None:
    if wanted:
        environment(context).verbosity = -1
        configure_logging(-1)


def configure_logging(verbosity: int) -> None:
    """Send the program's log lines to stderr from the level that `-v`/`-q` ask for (default: warnings)."""
    import click_log

    logger = click_log.basic_config(logging.getLogger(LOGGER))
    levels = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}
    logger.setLevel(levels.get(verbosity, logging.DEBUG))


Json = Annotated[
    bool,
    typer.Option(
        "--json", callback=_set_json, expose_value=False, help="Print JSON.", rich_help_panel=help.COMMON
    ),
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        callback=_set_verbose,
        expose_value=False,
        help="Say more; twice for everything.",
        rich_help_panel=help.COMMON,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        callback=_set_quiet,
        expose_value=False,
        help="Print results and errors only.",
        rich_help_panel=help.COMMON,
    ),
]
RpcUrl = Annotated[
    str | None,
    typer.Option(
        "--rpc-url",
        "-r",
        envvar="MEGAETH_RPC_URL",
        metavar="URL",
        help="The node to talk to, or several with commas between; default: the running devnet.",
    ),
]


@cache
def _common() -> "tuple[Parameter, ...]":
    app = typer.Typer(add_completion=False)

    @app.command()
    def template(json: Json = False, verbose: Verbose = 0, quiet: Quiet = False) -> None:
        """Hold the options so that typer builds them."""

    return tuple(typer.main.get_command(app).params)


def add_common(command: "Command") -> None:
    """Give a command and all commands below it our help page, `--json`, `-v` and `-q`, unless it has its own."""
    help.adopt(command)
    if isinstance(command, TyperGroup):
        for child in command.commands.values():
            add_common(child)
        return
    taken = {name for parameter in command.params for name in parameter.opts}
    command.params.extend(option for option in _common() if not taken.intersection(option.opts))
