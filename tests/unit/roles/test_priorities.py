"""Threads that take all there is give way, and no others."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from devnet.roles.priorities import NICENESS, THREADS, recovery_gives_way

LEAST = 19
"""There is no lower priority."""


@pytest.mark.skipif(not THREADS.is_dir(), reason="threads have no priorities of their own here")
def test_only_recovery_has_less_priority() -> None:
    """Their names tell which they are."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    found: dict[str, int] = {}
    ready, lowered = threading.Barrier(3), threading.Event()

    def live(name: str) -> None:
        number = threading.get_native_id()
        Path(f"/proc/self/task/{number}/comm").write_text(name)
        ready.wait()
        lowered.wait()
        found[name] = os.getpriority(os.PRIO_PROCESS, number)

    threads = [threading.Thread(target=live, args=(name,)) for name in ("recover-0", "builder")]
    for thread in threads:
        thread.start()
    ready.wait()
    recovery_gives_way()
    lowered.set()
    for thread in threads:
        thread.join()
    assert found == {"recover-0": min(own + NICENESS, LEAST), "builder": own}
    assert os.getpriority(os.PRIO_PROCESS, 0) == own
