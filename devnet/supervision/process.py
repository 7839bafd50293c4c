"""One role process: started, its output kept in a rotating log, its end noticed at once.

Threads: whoever makes the object owns it; per process one thread pumps its output into the log, one waits
for its end, one waits until it is bound and healthy. They touch nothing but this object and call `report`.
Whatever becomes of the log, the output is read: a process whose pipe is full stands still.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devnet.errors import UnavailableError, UserError, user_error
from devnet.role_config import LIFELINE_FD, READY_FD, USER_ERROR_EXIT, Bound
from devnet.session import ProcessId, health
from devnet.supervision.rotating_log import RotatingLog
from devnet.threads import start_thread

HEALTH_RETRY_S = 0.02
TAIL_LINES = 20
LAST_WORDS_S = 0.2
"""How long the output of an ended process may still trickle in."""


@dataclass(frozen=True)
class Healthy:
    """The process is bound and its `/healthz` answers."""

    process: "RoleProcess"
    bound: Bound


@dataclass(frozen=True)
class Exited:
    """The process is gone."""

    process: "RoleProcess"
    code: int
    """Exit code, or minus the signal that killed it."""


@dataclass(frozen=True)
class Trouble:
    """Something went wrong that the process itself can't say."""

    message: str


Report = Callable[[Healthy | Exited | Trouble], None]


class RoleProcess:
    """A started role process."""

    def __init__(
        self,
        node: str,
        module: str,
        config: Path,
        log: Path,
        report: Report,
        keep_open: tuple[int, ...] = (),
        gone: Callable[[str], None] | None = None,
    ) -> None:
        """`gone`: told the node's name at the moment of its end, by a thread of this object, before it is reported."""
        self.node = node
        self._report = report
        self._gone_at_once = gone
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._log = RotatingLog(log)
        ready_reader, ready_writer = os.pipe()
        lifeline_reader, self._lifeline = os.pipe()
        environment = {**os.environ, READY_FD: str(ready_writer), LIFELINE_FD: str(lifeline_reader)}
        environment["PYTHONUNBUFFERED"] = "1"
        self._child = subprocess.Popen(
            # -P: the working directory is the user's; what lies there must not be imported.
            [sys.executable, "-P", "-m", module, "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=(ready_writer, lifeline_reader, *keep_open),
            # Ctrl-C in the terminal is for the supervisor, which then stops its children in order.
            process_group=0,
        )
        os.close(ready_writer)
        os.close(lifeline_reader)
        self.id = ProcessId.of(self._child.pid)
        self.exit_code: int | None = None
        """Once it is gone."""
        self._gone = threading.Event()
        self._pumping = start_thread(self._pump, f"{node}-log", self._died)
        start_thread(self._reap, f"{node}-reap", self._died)
        start_thread(lambda: self._await_health(ready_reader), f"{node}-ready", self._died)

    @property
    def tail(self) -> str:
        """The last lines it wrote."""
        return b"".join(self._tail).decode(errors="replace").rstrip()

    def terminate(self) -> None:
        """Ask it to stop."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Stop it for certain."""
        self._signal(signal.SIGKILL)

    def wait_gone(self, timeout_s: float) -> bool:
        """Wait until it is gone and its log is complete; whether it is."""
        return self._gone.wait(timeout_s)

    def failure(self, code: int) -> UserError:
        """Why it ended, in its own words if it left any."""
        if code == USER_ERROR_EXIT and self._tail:
            try:
                error = json.loads(self._tail[-1])["error"]
                return user_error(error)
            except (ValueError, KeyError, TypeError):
                pass
        what = f"{self.node} (pid {self.id.pid}) {describe_exit(code)}"
        return UnavailableError(what, self.tail, f"megaeth devnet logs {self.node}   shows what came before")

    def _signal(self, number: signal.Signals) -> None:
        # Popen refuses to signal a pid that it has reaped, so a reused pid is never hit.
        if not self._gone.is_set():
            self._child.send_signal(number)

    def _pump(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._tail.append(line)
            was_whole = not self._log.lost
            self._log.write(line)
            if was_whole and self._log.lost:
                self._report(Trouble(f"the log of {self.node} has gaps from here on: {self._log.reason}"))
            elif not was_whole and not self._log.lost:
                self._report(Trouble(f"the log of {self.node} is written again"))
        self._log.close()

    def _reap(self) -> None:
        code = self._child.wait()
        if self._gone_at_once is not None:
            self._gone_at_once(self.node)
        # A grandchild may hold the output open; do not wait for it.
        self._pumping.join(LAST_WORDS_S)
        os.close(self._lifeline)
        self.exit_code = code
        self._gone.set()
        self._report(Exited(self, code))

    def _died(self, error: BaseException) -> None:
        """A thread of this object: what it looked after is out of sight, so that the process had better end."""
        thread = threading.current_thread().name
        self._report(Trouble(f"{self.node} is killed, as the thread {thread} failed: {error!r}"))
        self.kill()

    def _await_health(self, ready_reader: int) -> None:
        with os.fdopen(ready_reader) as line:
            text = line.read()
        if not text:
            return  # it ended before it was bound; `_pump` reports that
        bound = Bound(**json.loads(text))
        url = bound.endpoints["http"]
        while not self._gone.is_set():
            if health(url) is not None:
                self._report(Healthy(self, bound))
                return
            time.sleep(HEALTH_RETRY_S)


def describe_exit(code: int) -> str:
    """`was killed by SIGKILL`, `ended with exit code 1`."""
    if code < 0:
        try:
            return f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"was killed by signal {-code}"
    return f"ended with exit code {code}"
