"""Keeps the log as short as it shall be, in the background.

Owns one thread of less priority. It moves the beginning of the log, then forgets what lies before, in batches with a
rest after each, and has LevelDB give the disk back when enough has gone. Neither the builder nor the log's thread waits
for it, except for LevelDB's write queue during one batch.

The beginning never passes the snapshot, from which a start goes on.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

from devnet.storage.rows import Index
from devnet.storage.store import Store
from devnet.threads import OnDeath, give_way, start_thread

log = logging.getLogger(__name__)

COMPACTED_BYTES: Final = 32 << 20
"""The disk is not asked for less."""
COMPACTED_SHARE: Final = 4
"""Nor for less than this part of what is there: giving it back means to write the rest anew."""
PAUSE_S: Final = 0.01
"""How often it is seen to whether a pause is over."""


class Stopped(Exception):
    """The thread ended before it came to what was asked."""


P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Pruned:
    """What was done."""

    begins_after: int
    """The log begins after this block."""
    blocks: int
    """So many have gone."""
    held_by: str | None
    """Why more than was asked for is kept."""


class Pruner:
    """Call `start` once, `stop` once. `on_failure` is told when the thread dies of an error."""

    def __init__(
        self,
        store: Store,
        index: Index,
        on_failure: OnDeath,
        history: int | None,
        limit: Callable[[], int] | None = None,
        interval_s: float = 5.0,
        rest: float = 1.0,
    ) -> None:
        """`history`: as many blocks are kept; None: all of them, unless somebody asks otherwise. `limit`: the block
        that the beginning must not pass. `rest`: how long, after each batch, as a share of what that took."""
        self._store = store
        self._index = index
        self._on_failure = on_failure
        self._history = history
        self._limit = limit
        self._interval_s = interval_s
        self._rest = rest
        self._asked: queue.SimpleQueue[tuple[int, Future[Pruned]] | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._pausing = threading.Event()
        self._pruning = threading.Lock()
        self._freed = 0
        """Bytes that have gone since the disk was asked for them."""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to look after the log."""
        self._thread = start_thread(self._run, "prune", self._on_failure)

    def stop(self) -> None:
        """Ends the thread; the next start goes on with what is left to be forgotten."""
        self._stopping.set()
        self._asked.put(None)
        if self._thread is not None:
            self._thread.join()
        while not self._asked.empty():
            if (asked := self._asked.get()) is not None:
                asked[1].set_exception(Stopped())

    def ask(self, keep: int) -> Future[Pruned]:
        """Have all but the newest `keep` blocks go, this once; done when the disk has been given back.
        Raises `Stopped` where the thread is."""
        asked: Future[Pruned] = Future()
        self._asked.put((keep, asked))
        return asked

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The log begins where it does meanwhile; waits for the batch in work."""
        self._pausing.set()
        with self._pruning:
            self._pausing.clear()
            yield

    def pausing(self, work: Callable[P, T]) -> Callable[P, T]:
        """Something that is done while this pauses."""

        def paused(*args: P.args, **kwargs: P.kwargs) -> T:
            with self.paused():
                return work(*args, **kwargs)

        return paused

    def prune(self, keep: int) -> Pruned:
        """Has all but the newest `keep` blocks go, in the thread that calls."""
        before = self._begin()
        held_by = self._move(keep)
        self._forget()
        return Pruned(self._begin(), self._begin() - before, held_by)

    def compact(self) -> None:
        """Has the disk given back, if anything has gone."""
        if not self._freed:
            return
        self._freed = 0
        for _ in self._rested(self._store.compact_pruned()):
            if self._stopping.is_set():
                return

    def _run(self) -> None:
        give_way()
        self._forget()
        while not self._stopping.is_set():
            try:
                asked = self._asked.get(timeout=self._interval_s if self._history is not None else None)
            except queue.Empty:
                asked = None
            if self._stopping.is_set():
                return
            if asked is not None:
                self._answer(*asked)
            elif self._history is not None:
                self.prune(self._history)
                if self._freed > max(COMPACTED_BYTES, self._store.disk_bytes() // COMPACTED_SHARE):
                    self.compact()

    def _answer(self, keep: int, asked: Future[Pruned]) -> None:
        try:
            pruned = self.prune(keep)
            self.compact()
        except BaseException as error:
            asked.set_exception(error)
            raise
        asked.set_result(pruned)

    def _begin(self) -> int:
        return (self._store.first or self._store.origin).block

    def _move(self, keep: int) -> str | None:
        """Moves the beginning; what holds it back."""
        with self._pruning:
            store = self._store
            tip = (store.tip or store.origin).block
            wanted = tip - keep
            snapshot = (store.snapshot or store.origin).block
            limit = self._limit() if self._limit is not None else wanted
            place = min(wanted, snapshot, limit)
            if place > self._begin():
                store.begin_after(place)
                log.debug("the log begins after block %d", place)
            if wanted <= max(place, self._begin()):
                return None
            if snapshot <= limit:
                return f"the state on disk stands at block {snapshot}, from which a start goes on"
            return f"what comes after block {limit} is not validated yet"

    def _forget(self) -> None:
        """Rows go until none is left before the beginning, or the process is to end."""
        for freed in self._rested(self._batches()):
            self._freed += freed
            if self._stopping.is_set():
                return

    def _batches(self) -> Iterator[int]:
        while True:
            with self._pruning:
                freed = self._store.prune_some(self._index)
            if not freed:
                return
            yield freed

    def _rested(self, steps: Iterator[T]) -> Iterator[T]:
        """Each followed by a rest as long as itself; none while somebody wants a pause."""
        began = time.monotonic()
        for step in steps:
            yield step
            self._stopping.wait(self._rest * (time.monotonic() - began))
            while self._pausing.is_set() and not self._stopping.wait(PAUSE_S):
                pass
            began = time.monotonic()
