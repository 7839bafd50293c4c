"""A devnet without a terminal: the supervisor in a session of its own, started and awaited by `up -d`.

    up -d  --launch over stdin-->  python -m devnet.supervision.detached  --one JSON line over stdout when ready or
    failed-->  up -d

After that line the supervisor has no tie to whoever started it. Its own messages go to supervisor.log.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from devnet.errors import UnavailableError, UserError, user_error
from devnet.session import Session, read_session
from devnet.supervision.rotating_log import RotatingLog
from devnet.supervision.supervisor import Launch, Supervisor


def start_detached(launch: Launch) -> Session:
    """Start a devnet in the background; returns when every process answers its health check."""
    command: Sequence[str] = [sys.executable, "-P", "-m", "devnet.supervision.detached"]
    log = launch.paths.log("supervisor")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        errors = log.open("ab")
    except OSError as error:
        raise UnavailableError(f"cannot write to {log.parent}", str(error), "set MEGAETH_HOME") from error
    with errors:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            text=True,
        )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        with child.stdin as pipe:
            pipe.write(launch.to_json())
        answer = child.stdout.readline()
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    session = read_session(launch.paths.session)
    if not answer:
        raise UnavailableError("the supervisor ended before it was ready", _tail(log), f"its log is {log}")
    fields = json.loads(answer)
    if "error" in fields:
        child.wait()
        raise user_error(fields["error"])
    if session is None:
        raise UnavailableError("the devnet ended as soon as it was ready", _tail(log), f"its log is {log}")
    # The child outlives us on purpose; without this Popen would warn about it.
    child.returncode = 0
    return session


def _tail(log: Path, lines: int = 10) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


class _PipeObserver:
    """Tells the starter when the devnet is ready, and the log everything."""

    def __init__(self, answer: TextIO, log: RotatingLog) -> None:
        self._answer = answer
        self._log = log
        self.answered = False

    def starting(self, session: Session) -> None:
        """Note it."""
        self._note(f"starting in {session.data_dir}")

    def ready(self, session: Session) -> None:
        """Release the starter."""
        self._note(f"ready at {session.rpc_url}")
        self.answer({"ready": True})

    def trouble(self, message: str) -> None:
        """Note it."""
        self._note(message)

    def stopping(self) -> None:
        """Note it."""
        self._note("stopping")

    def fail(self, error: UserError) -> None:
        """Give the starter the error, or the log if the starter has left."""
        self._note(f"{error}; {error.hint}")
        if not self.answered:
            self.answer({"error": error.to_json()})

    def answer(self, value: object) -> None:
        """The one line that the starter waits for."""
        self.answered = True
        print(json.dumps(value), file=self._answer, flush=True)
        self._answer.close()

    def _note(self, message: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        self._log.write(f"{stamp} {message}\n".encode())


def main() -> None:
    """The detached supervisor's process."""
    launch = Launch.from_json(sys.stdin.read())
    answer = os.fdopen(os.dup(1), "w")
    # Nothing below may hold the starter's pipe open once it has its answer.
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 0)
    os.dup2(2, 1)
    observer = _PipeObserver(answer, RotatingLog(launch.paths.log("supervisor")))
    try:
        Supervisor(launch, observer).run()
    except UserError as error:
        observer.fail(error)
        sys.exit(1)


if __name__ == "__main__":
    main()
