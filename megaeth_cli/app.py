"""The command table and the way from arguments to an exit code.

Commands are known by name and one line of help; a command's module is imported when it is asked for, so that
`megaeth --help` costs no more than typer itself. A new group is one line in COMMANDS and one module in
`megaeth_cli.commands` that holds a `typer.Typer` named `app`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from devnet.errors import UserError
from megaeth_cli import help, options
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus, report, report_fault

if TYPE_CHECKING:
    from typer._click import Command, Context

NETWORK = "Network"
_COMPLETION = ("install_completion", "show_completion")

CONTRACTS = "Contracts and transactions"
CHAIN = "Blocks and state"


@dataclass(frozen=True)
class LazyCommand:
    """A command that is imported when it is used."""

    module: str
    help: str
    panel: str


COMMANDS: dict[str, LazyCommand] = {
    "devnet": LazyCommand("megaeth_cli.commands.devnet", "Start, watch and stop a devnet.", NETWORK),
    "deploy": LazyCommand("megaeth_cli.commands.deploy", "Compile and deploy a contract.", CONTRACTS),
    "lint": LazyCommand("megaeth_cli.commands.lint", "Find what bites on MegaETH, in sources.", CONTRACTS),
    "compare": LazyCommand(
        "megaeth_cli.commands.compare", "Show what a contract costs under each fork.", CONTRACTS
    ),
    "import": LazyCommand(
        "megaeth_cli.commands.import_contracts", "Know what other tools built and deployed.", CONTRACTS
    ),
    "tx": LazyCommand("megaeth_cli.commands.tx", "Send a transaction, or look at one.", CONTRACTS),
    "call": LazyCommand("megaeth_cli.commands.call", "Read from a contract.", CONTRACTS),
    "estimate": LazyCommand("megaeth_cli.commands.estimate", "Say what a transaction would cost.", CONTRACTS),
    "trace": LazyCommand("megaeth_cli.commands.trace", "Show the calls of a transaction or call.", CONTRACTS),
    "debug": LazyCommand("megaeth_cli.commands.debug", "Step through a transaction or call.", CONTRACTS),
    "abi": LazyCommand("megaeth_cli.commands.abi", "Build and read calldata.", CONTRACTS),
    "accounts": LazyCommand("megaeth_cli.commands.accounts", "List the dev accounts.", CONTRACTS),
    "impersonate": LazyCommand(
        "megaeth_cli.commands.impersonate", "Use an account without its key.", CONTRACTS
    ),
    "state": LazyCommand("megaeth_cli.commands.state", "Keep a chain's accounts in a file.", CHAIN),
    "snapshot": LazyCommand(
        "megaeth_cli.commands.snapshot", "Keep a chain's state by name, and go back to it.", CHAIN
    ),
    "inspect-diff": LazyCommand("megaeth_cli.commands.inspect_diff", "Show what changed, with names.", CHAIN),
    "verify": LazyCommand("megaeth_cli.commands.verify", "Check blocks and proofs, trusting nobody.", CHAIN),
    "replay": LazyCommand(
        "megaeth_cli.commands.replay", "Execute a block again, by any fork's rules.", CHAIN
    ),
    "bench": LazyCommand("megaeth_cli.commands.bench", "Put a load on a node.", CHAIN),
    "jit": LazyCommand("megaeth_cli.commands.jit", "See what runs as native code.", CHAIN),
    "rpc": LazyCommand("megaeth_cli.commands.rpc", "Call any JSON-RPC method of a node.", CHAIN),
}


class LazyGroup(TyperGroup):
    """The root command: names and help from COMMANDS, the real thing on use."""

    def list_commands(self, ctx: "Context") -> list[str]:
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":
        """A light stand-in, enough for help and completion of names; `resolve_command` loads the real one."""
        return _stand_in(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> "tuple[str | None, Command | None, list[str]]":
        """The command that the arguments name, imported now."""
        # What typos are compared with.
        self.commands = {name: _stand_in(name) for name in COMMANDS}
        name, stand_in, rest = super().resolve_command(ctx, args)
        if name is None or stand_in is None:
            return name, stand_in, rest
        return name, load_command(name), rest


def _stand_in(name: str) -> TyperCommand:
    entry = COMMANDS[name]
    return TyperCommand(name=name, help=entry.help, rich_help_panel=entry.panel)


def load_command(name: str) -> "Command":
    """Import a command of the table and give it, and all below it, the common options."""
    entry = COMMANDS[name]
    app: typer.Typer = import_module(entry.module).app
    command = typer.main.get_command(app)
    command.name = name
    command.help = command.help or entry.help
    # Completion is installed for the whole program, not per command.
    command.params = [option for option in command.params if option.name not in _COMPLETION]
    options.add_common(command)
    return command


app = typer.Typer(
    name="megaeth",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Start with: megaeth devnet up. Exit codes and every option: docs/cli.md.",
)


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        from devnet import __version__

        env = environment(context)
        env.write(f'{{"version": "{__version__}"}}' if env.json else f"megaeth {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    json: options.Json = False,
    verbose: options.Verbose = 0,
    quiet: options.Quiet = False,
) -> None:
    """A MegaETH network on your laptop: its own EVM, mini-blocks and realtime API behind one command."""


def run(arguments: Sequence[str], env: Environment) -> int:
    """Run one command line in an environment; the exit code. Every exception ends here."""
    # Parsing may fail before the option is seen; the error shall be JSON all the same.
    env.json = env.json or "--json" in arguments
    program = typer.main.get_command(app)
    help.adopt(program)
    try:
        outcome: Any = program.main(args=list(arguments), prog_name="megaeth", standalone_mode=False, obj=env)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # typer does not export it
            typer.echo(error.format_message())
            return ExitStatus.SUCCESS
        return report(env, _usage_error(error))
    except UserError as error:
        return report(env, error)
    except (KeyboardInterrupt, typer.Abort):
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        # The reader of our pipe left (`megaeth ... | head`): not an error.
        return ExitStatus.SUCCESS
    except Exception as error:
        return report_fault(env, error)
    return int(outcome) if isinstance(outcome, int) else ExitStatus.SUCCESS


def _usage_error(error: TyperException) -> CliError:
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help" if context is not None else "megaeth --help"
    why = context.get_usage().replace("Usage: ", "usage: ", 1) if context is not None else ""
    return CliError(error.format_message(), why, hint, ExitStatus.USAGE)
