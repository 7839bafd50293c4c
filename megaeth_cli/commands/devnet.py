"""`megaeth devnet ...`: start, watch and stop the processes of a local network (see `devnet.supervision`)."""

import enum
import hashlib
import json
import os
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from devnet.config import Config
from devnet.errors import NotRunningError, UnavailableError
from devnet.paths import DEFAULT_NAME
from devnet.session import ProcessId, Session, running_sessions
from devnet.settings import FILE_NAME, load_config, render_toml
from megaeth_cli.commands.devnet_status import list_devnets, status
from megaeth_cli.commands.devnet_top import top
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.faults.kinds import Fault
from megaeth_cli.output import print_whole, show
from megaeth_cli.select_devnet import START_ONE, DataDir, Name, find_session, require_session
from megaeth_cli.settings_options import with_settings

app = typer.Typer(no_args_is_help=True)

FOLLOW_INTERVAL_S = 0.2
STOP_TIMEOUT_S = 10.0

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


@app.callback()
def group() -> None:
    """Start, watch and stop a devnet."""


@app.command()
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
    """Start a devnet. Without -d it shows its blocks until Ctrl-C."""
    env = environment(context)
    config = load_config(flags, env.variables, config_file, env.cwd)
    _start(env, _name(config, name), config, detach=detach)


@app.command()
def down(
    context: typer.Context,
    name: Name = None,
    data_dir: DataDir = None,
    every: Annotated[bool, typer.Option("--all", help="Stop every devnet of this user.")] = False,
) -> None:
    """Stop a devnet. Its chain stays on disk, unless it is ephemeral."""
    env = environment(context)
    sessions = running_sessions(env.paths.home) if every else [require_session(env, name, data_dir)]
    for session in sessions:
        _stop(session)
        env.note(f"stopped {session.name} (chain kept in {session.data_dir})" if not session.ephemeral
                 else f"stopped {session.name}")  # fmt: skip
    if env.json:
        show(env, {"stopped": [session.name for session in sessions]}, str)


app.command()(status)
app.command("list")(list_devnets)
app.command()(top)


@app.command()
def logs(
    context: typer.Context,
    node: Annotated[
        str,
        typer.Argument(
            metavar="NODE", help="sequencer, full-node-1, ..., or supervisor for a detached one's own."
        ),
    ] = "sequencer",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as lines come, until Ctrl-C.")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
    name: Name = None,
    data_dir: DataDir = None,
) -> None:
    """Show the log of a process, also of a devnet that has stopped."""
    env = environment(context)
    session = find_session(env, name, data_dir)
    paths = env.paths.network(session.name if session is not None else name or env.network_name)
    path = paths.log(node)
    if not path.is_file():
        known = sorted(entry.stem for entry in paths.logs.glob("*.log"))
        raise CliError(
            f"there is no log of '{node}'",
            f"{paths.logs} has {', '.join(known) if known else 'none yet'}",
            START_ONE if not known else f"megaeth devnet logs {known[0]}",
        )
    shown, position = _last_lines(path, lines)
    for line in chain(shown, _new_lines(path, position) if follow else ()):
        env.write(json.dumps({"line": line}) if env.json else line)


class Addable(enum.StrEnum):
    """What a running devnet can be given more of."""

    FULL_NODE = "full-node"
    PROVER = "prover"


NodeName = Annotated[
    str, typer.Argument(metavar="NODE", help="As `status` calls it: full-node-1, prover-1, ...")
]


@app.command()
def add(
    context: typer.Context,
    role: Annotated[Addable, typer.Argument(help="What to add.", show_default=False)],
    name: Name = None,
    data_dir: DataDir = None,
) -> None:
    """Add a full node or a prover to a running devnet. It stays until the devnet goes down."""
    from devnet.supervision.control import ask

    env = environment(context)
    answer = ask(require_session(env, name, data_dir), "add", role=str(role))
    _tell(env, answer, "added")


@app.command()
def stop(context: typer.Context, node: NodeName, name: Name = None, data_dir: DataDir = None) -> None:
    """Stop one node; the others go on. (`down` stops them all.)"""
    _about_node(environment(context), "stop-node", node, name, data_dir, "stopped")


@app.command()
def start(context: typer.Context, node: NodeName, name: Name = None, data_dir: DataDir = None) -> None:
    """Start a node that was stopped or has failed; it goes on from its own disk."""
    _about_node(environment(context), "start-node", node, name, data_dir, "started")


@app.command()
def restart(
    context: typer.Context,
    node: Annotated[
        str | None,
        typer.Argument(metavar="[NODE]", help="One node; without it the whole devnet.", show_default=False),
    ] = None,
    name: Name = None,
    data_dir: DataDir = None,
) -> None:
    """Restart one node; or stop the devnet and start it again in the background, with the same settings and ports."""
    env = environment(context)
    if node is not None:
        _about_node(env, "restart-node", node, name, data_dir, "restarted")
        return
    session = require_session(env, name, data_dir)
    if session.ephemeral:
        raise CliError(
            "an ephemeral devnet cannot be restarted", "stopping it deletes its chain", "megaeth devnet down"
        )
    config = _config_of(session)
    _stop(session)
    _start(env, session.name, config, detach=True)


def _about_node(
    env: Environment, command: str, node: str, name: str | None, data_dir: Path | None, done: str
) -> None:
    from devnet.supervision.control import ask

    _tell(env, ask(require_session(env, name, data_dir), command, node), done)


def _tell(env: Environment, answer: dict[str, Any], done: str) -> None:
    endpoints = answer.get("endpoints", {})
    where = f" at {endpoints['http']}" if "http" in endpoints else ""
    show(env, {"node": answer["node"], "endpoints": endpoints}, lambda: f"{done} {answer['node']}{where}")


@app.command()
def inject(
    context: typer.Context,
    kind: Annotated[Fault, typer.Argument(help="What shall go wrong.", show_default=False)],
    node: Annotated[
        str | None, typer.Option("--node", metavar="NODE", help="Who plays it, when several could.")
    ] = None,
    patience: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=1, help="For somebody to notice.")
    ] = 60.0,
    name: Name = None,
    data_dir: DataDir = None,
) -> int:
    """Have a node lie or fail on purpose, and show who notices, when, and with what evidence. Exit code 1: nobody does.

    The chain itself stays true: nodes that were lied to give up what they got and take the truth instead.
    """
    from megaeth_cli.faults import injection

    env = environment(context)
    session = require_session(env, name, data_dir)
    env.note(f"having '{kind}' played ...")
    outcome = injection.inject(session, kind, node, patience)

    def render() -> Any:  # noqa: ANN401
        from megaeth_cli.output.incidents import outcome_text

        return outcome_text(outcome)

    show(env, outcome.to_json(), render)
    return ExitStatus.SUCCESS if outcome.detection is not None else ExitStatus.FAILURE


@app.command()
def incidents(
    context: typer.Context,
    node: Annotated[
        str | None, typer.Argument(metavar="[NODE]", help="Only of this node.", show_default=False)
    ] = None,
    name: Name = None,
    data_dir: DataDir = None,
) -> None:
    """List what nodes have found wrong: when, what, and where the evidence lies."""
    from megaeth_cli.faults.injection import noticed_by

    env = environment(context)
    session = require_session(env, name, data_dir)
    if node is not None and session.node(node) is None:
        known = ", ".join(each.name for each in session.nodes)
        raise CliError(f"there is no node '{node}'", f"this devnet has {known}")
    noticed = [
        noticed_by(session, each)
        for each in session.nodes
        if "http" in each.endpoints and node in (None, each.name)
    ]
    found = [incident for each in noticed for incident in each.incidents]
    found.sort(key=lambda incident: str(incident["at"]))
    dropped = {
        each.node: {"incidents": each.dropped, "reproductions": each.dropped_reproductions}
        for each in noticed
        if each.dropped or each.dropped_reproductions
    }

    def render() -> Any:  # noqa: ANN401
        from megaeth_cli.output.incidents import incidents_table

        return incidents_table(found, dropped)

    show(env, {"incidents": found, "dropped": dropped}, render)


@app.command()
@with_settings
def init(
    context: typer.Context,
    file: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write.")] = Path(
        FILE_NAME
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    **flags: object,
) -> None:
    """Write a devnet.toml that explains every setting, with the given flags filled in."""
    env = environment(context)
    target = env.cwd / file
    text = render_toml(load_config(flags, {}, Path(os.devnull), env.cwd))
    try:
        with target.open("w" if force else "x") as output:
            output.write(text)
    except FileExistsError:
        raise CliError(
            f"{file} is there already", "", "give --force to replace it, or -o for another name"
        ) from None
    except OSError as error:
        raise UnavailableError(f"cannot write {file}", error.strerror or str(error)) from error
    show(env, {"file": str(target)}, lambda: f"wrote {file}; megaeth devnet up reads it from here")


# Starting


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


def _start(env: Environment, name: str, config: Config, *, detach: bool) -> None:
    from devnet.supervision.supervisor import Launch

    launch = Launch(name, env.paths.network(name).root, config)
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
        from megaeth_cli.output.banner import MOST_SHOWN, Account, banner

        shown = min(config.accounts.count, MOST_SHOWN) if accounts else 0
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
        """The banner, then a line per block."""
        self._ready = True
        _announce(self._env, session, self._config, accounts=True)
        if not (self._env.quiet or self._env.json):
            from megaeth_cli.chain.block_stream import follow_blocks

            self._env.note("\nCtrl-C stops it.\n")
            follow_blocks(
                session, self._block, lambda error: self.trouble(f"no more blocks are shown here: {error!r}")
            )

    def trouble(self, message: str) -> None:
        """A warning."""
        self._env.complain(message, "warning:", "bold yellow")

    def stopping(self) -> None:
        """A last word."""
        if self._ready:
            self._env.note("stopping ...")

    def _block(self, block: Any) -> None:  # noqa: ANN401
        self._env.write(
            f"block {block.number:>7}   {block.transactions:>6} txs   {block.gas_used:>14,} gas"
            f"   {block.mini_blocks:>4} mini-blocks"
        )


# Stopping


def _stop(session: Session) -> None:
    import signal

    from devnet.supervision.control import ask

    try:
        ask(session, "stop")
    except (NotRunningError, UnavailableError):
        # It does not listen (yet, or any more); a signal reaches it all the same.
        if session.supervisor.runs():
            os.kill(session.supervisor.pid, signal.SIGTERM)
    everybody = [session.supervisor, *(node.process for node in session.nodes)]
    if _are_gone([session.supervisor]):
        return
    # It hangs, so that nothing but this is left. Its nodes would end by themselves, unless they hang too.
    for process in everybody:
        if process.runs():
            os.kill(process.pid, signal.SIGKILL)
    if not _are_gone(everybody):
        left = [str(process.pid) for process in everybody if process.runs()]
        raise UnavailableError(
            f"{session.name} does not stop",
            f"the system holds {', '.join(left)}, though killed: a disk or a network that hangs can do that",
            "see what they wait for with ps, or restart the machine",
        )


def _are_gone(processes: list[ProcessId]) -> bool:
    """Whether they end within a while."""
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while any(process.runs() for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _config_of(session: Session) -> Config:
    """The settings that a running devnet was started with, with the port that it found."""
    from dataclasses import replace
    from urllib.parse import urlsplit

    from devnet.settings import config_from_json
    from devnet.supervision.control import ask

    config = config_from_json(ask(session, "settings")["settings"])
    port = urlsplit(session.rpc_url).port or config.rpc.port
    return replace(config, rpc=replace(config.rpc, port=port), storage=replace(config.storage, reset=False))


# Logs


def _last_lines(path: Path, count: int) -> tuple[list[str], int]:
    """The last lines, and where the file ended then."""
    with path.open("rb") as file:
        start = end = file.seek(0, os.SEEK_END)
        block = b""
        while start > 0 and block.count(b"\n") <= count:
            start = max(0, start - 65_536)
            file.seek(start)
            block = file.read(end - start)
    lines = block.decode(errors="replace").splitlines()
    return (lines[-count:] if count else []), end


def _new_lines(path: Path, position: int) -> Iterator[str]:
    """Lines as they are written from a position on, over rotations."""
    file = path.open("rb")
    file.seek(position)
    while True:
        line = file.readline()
        if line.endswith(b"\n"):
            position += len(line)
            yield line.decode(errors="replace").rstrip("\r\n")
            continue
        file.seek(position)
        try:
            rotated = path.stat().st_ino != os.fstat(file.fileno()).st_ino
        except FileNotFoundError:
            rotated = False
        if rotated:
            file.close()
            file, position = path.open("rb"), 0
        else:
            time.sleep(FOLLOW_INTERVAL_S)
