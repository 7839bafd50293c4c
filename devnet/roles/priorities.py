"""Which threads of a role give way to the others: those that take all the processor time that there is.

Under full load that is recovering senders. The system lets whoever has a core keep it for a millisecond or more, and a
mini-block passes from thread to thread on its way to subscribers: builder, log, event loop. Each of them is woken for
less than a millisecond's work, and the system lets it in sooner where a thread of less priority has the core.

Not here: who compiles, which is a process of its own (`jit/child.py`).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from devnet.threads import NICENESS

THREADS: Final = Path("/proc/self/task")
RECOVERY: Final = "recover-"
"""How the engine's threads that do it are called."""


def recovery_gives_way() -> None:
    """Lower the priority of the threads that recover senders. Where the system has no such thing, nothing happens."""
    for thread in THREADS.iterdir() if THREADS.is_dir() else ():
        with suppress(OSError):  # one that has ended
            if (thread / "comm").read_text().startswith(RECOVERY):
                number = int(thread.name)
                niceness = os.getpriority(os.PRIO_PROCESS, number) + NICENESS
                os.setpriority(os.PRIO_PROCESS, number, niceness)
