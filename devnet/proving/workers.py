"""Threads that check blocks, each of which another follows when it dies."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from typing import Final

from devnet.proving.incidents import Incidents
from devnet.threads import OnDeath, start_thread

MAX_DEATHS: Final = 20
"""After which the node ends: the supervisor starts a fresh one."""


class Workers:
    """Call `start` once; `join` when `run` is about to return."""

    def __init__(
        self,
        name: str,
        count: int,
        run: Callable[[], None],
        block: Callable[[], int],
        is_over: Callable[[], bool],
        incidents: Incidents,
        failure: OnDeath,
    ) -> None:
        """`block`: which one an incident is noted at. `is_over`: nobody is to follow any more. `failure`: they die all
        the time."""
        self._name = name
        self._count = count
        self._run = run
        self._block = block
        self._is_over = is_over
        self._incidents = incidents
        self._failure = failure
        self._threads: dict[int, threading.Thread] = {}
        self._deaths = 0

    def __len__(self) -> int:
        return self._count

    def start(self) -> None:
        """Begin to work."""
        for index in range(self._count):
            self._start(index)

    def join(self, patience_s: float) -> None:
        """Wait for all of them, for so long."""
        deadline = time.monotonic() + patience_s
        for thread in list(self._threads.values()):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _start(self, index: int) -> None:
        self._threads[index] = start_thread(
            self._run, f"{self._name}-{index}", lambda error: self._died(index, error)
        )

    def _died(self, index: int, error: BaseException) -> None:
        """Another takes its place, as long as that helps."""
        if self._is_over():
            return
        self._deaths += 1
        if self._deaths > MAX_DEATHS:
            self._failure(error)
            return
        self._incidents.record(
            "worker died",
            self._block(),
            f"the worker {self._name}-{index} ended with {error!r}; another takes its place",
            {"traceback": "".join(traceback.format_exception(error))},
        )
        self._start(index)
