"""`megaeth devnet up`: start a devnet, here in the terminal or in the background, and say what runs."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from devnet.config import Config
from devnet.console.lines import ConsoleLine
from devnet.paths import DEFAULT_NAME
from devnet.session import Role, Session
from devnet.settings import FILE_NAME, load_config
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.output import print_whole, show
from megaeth_cli.select_devnet import Name
from megaeth_cli.settings_options import with_settings

if TYPE_CHECKING:
    from megaeth_cli.chain.block_stream import BlockLine

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="MEGAETH_CONFIG",
        metavar="FILE",
        help=f"Settings file; default: ./{FILE_NAME} if there is one.",
    ),
]


@with_settings
def up(
    context: typer.Context,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Run in the background; return when it is ready.")
    ] = False,
    name: Name = None,
    config_file: ConfigFile = None,
    **flags: object,
) -> None:
    """Start a devnet. Without -d it shows its blocks, and what contracts tell console.log, until Ctrl-C."""
    env = environment(context)
    config = load_config(flags, env.variables, config_file, env.cwd)
    start_devnet(env, _name(config, name), config, detach=detach)


def _name(config: Config, name: str | None) -> str:
    """The name that was given, else one that two devnets on different data cannot share."""
    if name is not None:
        if not name.replace("-", "").replace("_", "").isalnum():
            raise CliError(f"not a name: '{name}'", "letters, digits, - and _ make one", "", ExitStatus.USAGE)
        return name
    if config.storage.ephemeral:
        return f"ephemeral-{os.getpid()}"
    if config.storage.data_dir is not None:
        return f"devnet-{hashlib.sha256(config.storage.data_dir.encode()).hexdigest()[:8]}"
    return DEFAULT_NAME


def start_devnet(env: Environment, name: str, config: Config, *, detach: bool) -> None:
    """Start it and announce it; in the foreground this returns when it has stopped."""
    from devnet.supervision.premises import state_not_loaded
    from devnet.supervision.supervisor import Launch

    launch = Launch(name, env.paths.network(name).root, config)
    if config.storage.snapshot is not None:
        from megaeth_cli.snapshots.launching import going_on_from

        config = going_on_from(env, launch, config.storage.snapshot)
        launch = replace(launch, config=config)
    if config.fork.url is not None:
        from devnet.fork.settle import settled

        config = settled(config, launch.node_dir(Role.SEQUENCER.hyphenated), env.note)
        launch = replace(launch, config=config)
    if (file := state_not_loaded(launch)) is not None:
        env.complain(
            f"the chain is there already: {file} is not loaded (--reset begins anew)", "note:", "bold"
        )
    if detach:
        from devnet.supervision.detached import start_detached

        _announce(env, start_detached(launch), config, accounts=env.verbosity > 0)
        env.note(
            "\nIt runs in the background. Next: megaeth accounts --keys, megaeth devnet status, logs -f, down"
        )
    else:
        from devnet.supervision.supervisor import Supervisor

        Supervisor(launch, _Terminal(env, config)).run()


def _announce(env: Environment, session: Session, config: Config, *, accounts: bool) -> None:
    """Say what runs and where; with `accounts` also who is funded, and their keys."""
    from devnet import __version__
    from devnet.genesis.accounts import derive

    if env.json:
        nodes = [
            {"name": node.name, "role": node.role, "pid": node.process.pid, "endpoints": node.endpoints}
            for node in session.nodes
        ]
        show(env, {"name": session.name, "rpc_url": session.rpc_url, "nodes": nodes}, str)
    elif env.quiet:
        env.write(session.rpc_url)
    else:
        from megaeth_cli.output.banner import MAX_SHOWN, Account, banner

        shown = min(config.accounts.count, MAX_SHOWN) if accounts else 0
        funded = [
            Account(account.address, "0x" + account.key.hex())
            for account in (derive(config.accounts.mnemonic, shown) if shown else ())
        ]
        print_whole(env, banner(session, config, funded, __version__))


class _Terminal:
    """Shows a devnet that runs in the foreground."""

    def __init__(self, env: Environment, config: Config) -> None:
        self._env = env
        self._config = config
        self._ready = False

    def starting(self, session: Session) -> None:
        """Nothing to see yet."""

    def ready(self, session: Session) -> None:
        """The banner, then a line per block and per call of console.log."""
        self._ready = True
        _announce(self._env, session, self._config, accounts=True)
        if not (self._env.quiet or self._env.json):
            from megaeth_cli.chain.block_stream import follow_blocks

            self._env.note("\nCtrl-C stops it.\n")
            follow_blocks(
                session, self._show, lambda error: self.trouble(f"no more blocks are shown here: {error!r}")
            )

    def trouble(self, message: str) -> None:
        """A warning."""
        self._env.complain(message, "warning:", "bold yellow")

    def stopping(self) -> None:
        """A last word."""
        if self._ready:
            self._env.note("stopping ...")

    def _show(self, line: "BlockLine | ConsoleLine") -> None:
        self._env.write(_console_line(line) if isinstance(line, ConsoleLine) else _block_line(line))


def _block_line(block: "BlockLine") -> str:
    return (
        f"block {block.number:>7}   {block.transactions:>6} txs   {block.gas_used:>14,} gas"
        f"   {block.mini_blocks:>4} mini-blocks"
    )


def _console_line(line: ConsoleLine) -> str:
    """Further lines of a text stand below its first, so that none passes for a line of ours."""
    source = _short(line.source) if line.is_transaction else line.source
    head = f"console {source:<15}   {_short(line.contract or ''):<13}   "
    return head + line.text.replace("\n", "\n" + " " * len(head))


def _short(digits: str) -> str:
    return f"{digits[:6]}...{digits[-4:]}" if digits else ""
