"""`megaeth devnet down`, and stopping a devnet whatever state it is in."""

import os
import signal
import time
from typing import Annotated

import typer

from devnet.errors import NotRunningError, UnavailableError, UserError, user_error
from devnet.session import ProcessId, Session, running_sessions
from megaeth_cli.env import environment
from megaeth_cli.output import show
from megaeth_cli.select_devnet import DataDir, Name, require_session

STOP_TIMEOUT_S = 10.0


def down(
    context: typer.Context,
    name: Name = None,
    data_dir: DataDir = None,
    every: Annotated[bool, typer.Option("--all", help="Stop every devnet of this user.")] = False,
) -> None:
    """Stop a devnet. Its chain stays on disk, unless it is ephemeral."""
    env = environment(context)
    sessions = running_sessions(env.paths.home) if every else [require_session(env, name, data_dir)]
    undone: list[UserError] = []
    for session in sessions:
        try:
            stop_devnet(session)
        except UserError as error:
            undone.append(error)
            if session.supervisor.runs():
                continue
        env.note(f"stopped {session.name} (chain kept in {session.data_dir})" if not session.ephemeral
                 else f"stopped {session.name}")  # fmt: skip
    if undone:
        raise undone[0]
    if env.json:
        show(env, {"stopped": [session.name for session in sessions]}, str)


def stop_devnet(session: Session) -> None:
    """Ask it to stop; kill it if it does not. UnavailableError if even that does not help. UserError: it is gone, and
    something was not done before, such as saving the state."""
    from devnet.supervision.control import ask

    undone: list[dict[str, str]] = []
    try:
        undone = ask(session, "stop").get("undone", [])
    except (NotRunningError, UnavailableError):
        # It does not listen (yet, or any more); a signal reaches it all the same.
        if session.supervisor.runs():
            os.kill(session.supervisor.pid, signal.SIGTERM)
    everybody = [session.supervisor, *(node.process for node in session.nodes)]
    if _are_gone([session.supervisor]):
        if undone:
            raise user_error(undone[0])
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
