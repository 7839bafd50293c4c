"""`python -m tests.torture.crash.doomed PLAN MODULE --config FILE`: a role's process that ends where its plan says.

It wraps what writes to disk, and kills its own process (SIGKILL) before or after the n-th call of one. Amid a write the
kernel does it: a limit on the size of files lets some bytes more into LevelDB's log, and what does not fit is a fatal
signal, so that a part of the record is there.
"""

from __future__ import annotations

import os
import resource
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from devnet import files
from devnet.storage import store
from devnet.storage.chain_log import ChainLog
from devnet.storage.snapshot_rows import SnapshotRows
from devnet.storage.store import Store
from tests.torture.crash.plan import AFTER, BEFORE, TORN, Plan
from tests.torture.crash.power import PRELOAD, preloaded

POINTS: Final[dict[str, tuple[Any, str]]] = {
    "open": (store, "open_leveldb"),
    "create": (Store, "create"),
    "aside": (files, "write_aside"),
    "append": (ChainLog, "append"),
    "fold": (SnapshotRows, "fold"),
    "nodes": (SnapshotRows, "keep_nodes"),
    "install": (Store, "install"),
    "restored": (Store, "restored"),
}
"""Where a process can be made to end. `aside`: `chain.json` or `chain.mark` is written and not in its place yet."""


def arm(plan: Plan) -> None:
    """Puts the plan's end in the place of what writes."""
    owner, name = POINTS[plan.point]
    real, left, lock = getattr(owner, name), [plan.count], threading.Lock()

    def doomed(*arguments: Any, **named: Any) -> Any:
        with lock:
            left[0] -= 1
            is_it = left[0] == 0
        if not is_it:
            return real(*arguments, **named)
        if plan.when == BEFORE:
            _die()
        if plan.when == TORN:
            _allow(_log_bytes(arguments[0]) + plan.spare)
        result = real(*arguments, **named)
        if plan.when == AFTER:
            _die()
        return result

    if plan.when == TORN:  # Python has it ignored
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    setattr(owner, name, doomed)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _allow(file_bytes: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, hard))


def _log_bytes(owner: Any) -> int:
    """Of the file that LevelDB appends to; 0 while it is not open."""
    if not isinstance(owner, Store):
        return 0
    logs = sorted((Path(owner.directory) / "chain").glob("*.log"))
    return logs[-1].stat().st_size if logs else 0


def _shift(clock_s: float) -> None:
    real: Callable[[], float] = time.time
    time.time = lambda: real() + clock_s


def main() -> None:
    """The role, with the plan carried out."""
    plan, module = Plan.decode(sys.argv[1]), sys.argv[2]
    if plan.preload and os.environ.get(PRELOAD) != plan.preload:
        # Before anything is loaded that has its own idea of what these functions are.
        watched = {**os.environ, **preloaded(Path(plan.preload), Path(plan.journal))}
        os.execve(
            sys.executable, [sys.executable, "-m", "tests.torture.crash.doomed", *sys.argv[1:]], watched
        )
    for name, value in plan.limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    if plan.clock_s:
        _shift(plan.clock_s)
    if plan.point:
        arm(plan)
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
