"""Notices writes that hang: a disk that takes nothing gives no error, and whoever waits for it can't say so.

with watched("writing the chain log"): ...      the thread that may hang
watch(say, died)                                once per process: a thread that looks at all of them
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from devnet.threads import OnDeath, start_thread

LOOK_S = 1.0
TOO_LONG_S = 5.0


class Stalls:
    """What is being written just now. Any thread."""

    def __init__(self, too_long_s: float = TOO_LONG_S) -> None:
        self._too_long_s = too_long_s
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._begun: dict[int, tuple[str, float]] = {}
        self._told: dict[int, tuple[str, float]] = {}

    @contextmanager
    def watched(self, what: str) -> Iterator[None]:
        """Somebody waits for the disk."""
        number = next(self._numbers)
        with self._lock:
            self._begun[number] = what, time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                del self._begun[number]

    def look(self, say: Callable[[str], None]) -> None:
        """Say what hangs, once, and when it goes on."""
        now = time.monotonic()
        with self._lock:
            begun = dict(self._begun)
        for number, (what, since) in begun.items():
            if now - since >= self._too_long_s and number not in self._told:
                self._told[number] = what, since
                say(f"{what} has been waiting for the disk for {now - since:.0f} s")
        for number in self._told.keys() - begun.keys():
            what, since = self._told.pop(number)
            say(f"{what} goes on after {now - since:.0f} s")


_process = Stalls()
watched = _process.watched


def watch(say: Callable[[str], None], died: OnDeath) -> None:
    """Look once a second, for as long as the process lives."""

    def run() -> None:
        while True:
            time.sleep(LOOK_S)
            _process.look(say)

    start_thread(run, "stalls", died)
