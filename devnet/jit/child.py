"""The worker as its parent sees it: started when needed, given one job at a time, killed when it takes too long.

One thread at a time. Whatever becomes of the process, `compile` says it by an exception and the next call gets a fresh
one.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any, Final

from devnet.jit import wire
from devnet.jit.selection import EVERYTHING, Wanted
from devnet.threads import start_timer

RECYCLED_AFTER: Final = 200
"""Jobs: LLVM keeps some memory of each."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may use."""

    cpu_s: int = 30
    """Processor time for one job: the limit that matters, as it is the same on a busy machine."""
    clock_s: float = 600.0
    """For one job by the clock: for a worker that hangs."""
    memory: int = 4 << 30
    """Bytes of address space."""
    niceness: int = 10
    """Nobody is to wait because something is compiled."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A worker's answer."""

    body: bytes
    """The object, or its assembly."""
    size: int
    """Bytes of code and constants."""
    seconds: float
    facts: dict[str, Any]
    """What the compiler found: blocks, nodes, loops, and which blocks it took."""


class Refused(Exception):
    """The contract can't or shouldn't be compiled; the worker is well."""


class Died(Exception):
    """The worker crashed, or was killed because it took too long."""


class Child:
    """A worker process."""

    def __init__(self, limits: Limits | None = None, command: tuple[str, ...] = ()) -> None:
        self._limits = limits or Limits()
        self._command = command or (
            # -P: the working directory is the user's; what lies there must not be imported.
            *(sys.executable, "-P", "-m", "devnet.jit.worker"),
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._jobs = 0
        self._work = threading.Lock()
        """Held during a job."""
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> None:
        """Has the process ready for a job that will come soon. Raises Died."""
        with self._work:
            self._running()

    def compile(
        self, code: bytes, rules: bytes, *, wanted: Wanted = EVERYTHING, assembly: bool = False
    ) -> Compiled:
        """The object for bytecode, or the wanted parts of it, under rules. Raises Refused or Died."""
        header = {
            "rules": json.loads(rules),
            "assembly": assembly,
            "size": len(code),
            "wanted": wanted.described(),
        }
        with self._work:
            return self._compile(header, code + wanted.counts)

    def _compile(self, header: dict[str, Any], body: bytes) -> Compiled:
        process = self._running()
        late = threading.Event()

        def kill() -> None:
            late.set()
            process.kill()

        clock = start_timer(self._limits.clock_s, kill, "jit-clock", lambda _: process.kill())
        try:
            assert process.stdin is not None and process.stdout is not None
            wire.write(process.stdin, header, body)
            answer = wire.read(process.stdout)
        except (OSError, wire.BadMessage, ValueError) as error:
            answer = None
            reason = str(error)
        else:
            reason = ""
        finally:
            clock.cancel()
        self._jobs += 1
        if answer is None:
            raise Died(self._end(late=late.is_set(), reason=reason))
        if self._jobs >= RECYCLED_AFTER:
            self._end(late=False, reason="")
        said, made = answer
        if "refused" in said:
            raise Refused(str(said["refused"]))
        return Compiled(made, int(said["size"]), float(said["seconds"]), said)

    def close(self) -> None:
        """From any thread; a job in work ends with Died."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
        with self._work:
            self._end(late=False, reason="")

    def _running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise Died("the compiler is closed")
            if self._process is None:
                limits = self._limits
                given = ("--memory", limits.memory, "--cpu", limits.cpu_s, "--nice", limits.niceness)
                self._process = subprocess.Popen(
                    (*self._command, *map(str, given)), stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
                self._jobs = 0
            return self._process

    def _end(self, *, late: bool, reason: str) -> str:
        """Ends the process; how it had ended."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return reason
        assert process.stdin is not None and process.stdout is not None
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        try:
            status = process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if late:
            return f"it took longer than {self._limits.clock_s:g} s"
        if status == -signal.SIGXCPU:
            return f"it took more than {self._limits.cpu_s} s of processor time"
        return f"the compiler ended with {status}" + (f" ({reason})" if reason else "")
