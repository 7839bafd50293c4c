"""Which devnet a command means: by name, by data directory, or the only one that runs."""

from pathlib import Path
from typing import Annotated

import typer

from devnet.errors import NotRunningError
from devnet.paths import DEFAULT_NAME
from devnet.session import Session, read_session, running_sessions
from megaeth_cli.env import Environment
from megaeth_cli.errors import CliError, ExitStatus

Name = Annotated[
    str | None,
    typer.Option(
        "--name", envvar="MEGAETH_NAME", metavar="NAME", help="Which devnet, when several run side by side."
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", metavar="DIR", help="Which devnet, by its data directory.", show_default=False
    ),
]

START_ONE = "megaeth devnet up -d"


def is_chosen(env: Environment, name: str | None, data_dir: Path | None) -> bool:
    """Whether the user says which devnet is meant."""
    return name is not None or data_dir is not None or bool(env.variables.get("MEGAETH_NAME"))


def find_session(env: Environment, name: str | None = None, data_dir: Path | None = None) -> Session | None:
    """The running devnet that is meant; None when none runs; an error when it is unclear which."""
    name = name or env.variables.get("MEGAETH_NAME") or None
    if name is not None:
        return read_session(env.paths.network(name).session)
    running = running_sessions(env.paths.home)
    if data_dir is not None:
        wanted = (env.cwd / data_dir).absolute()
        running = [session for session in running if Path(session.data_dir) == wanted]
    if len(running) > 1:
        known = "\n".join(f"{session.name}: {session.rpc_url}, {session.data_dir}" for session in running)
        raise CliError(
            f"{len(running)} devnets are running",
            known,
            "MEGAETH_NAME=NAME chooses one for every command, --name for those of `megaeth devnet`",
            ExitStatus.USAGE,
        )
    return running[0] if running else None


def require_session(env: Environment, name: str | None = None, data_dir: Path | None = None) -> Session:
    """The running devnet that is meant, or a helpful error."""
    session = find_session(env, name, data_dir)
    if session is None:
        raise not_running(env, name)
    return session


def not_running(env: Environment, name: str | None = None) -> NotRunningError:
    """The error that the devnet which is meant does not run; it names those that do."""
    which = f" named '{name}'" if name else ""
    others = ", ".join(session.name for session in running_sessions(env.paths.home))
    why = f"running: {others}" if others else ""
    return NotRunningError(f"no devnet{which} is running", why, of_devnet(START_ONE, name))


def of_devnet(command: str, name: str | None) -> str:
    """A command to type, for the devnet of that name."""
    return command if name in (None, DEFAULT_NAME) else f"{command} --name {name}"


def node_url(env: Environment, node: str) -> str:
    """Where a node of the devnet answers, by its name; a URL stands for itself."""
    if "://" in node:
        return node
    session = require_session(env)
    known = session.node(node)
    if known is None or "http" not in known.endpoints:
        names = ", ".join(each.name for each in session.nodes)
        raise CliError(f"there is no node '{node}'", f"this devnet has {names}", "megaeth devnet status")
    return known.endpoints["http"]
