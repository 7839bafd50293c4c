"""Moves the snapshot forward in the background, so that a start has little log to replay.

Owns one thread. It reads sealed blocks from the log, folds their diffs (natively, without the GIL) and writes
them in batches that end at a block's end, each with its marker: whenever the process dies, the snapshot is
exactly the state at some block. The builder and the log thread never wait for it, except for LevelDB's write
queue during one batch.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from devnet.storage import tables
from devnet.storage.database import Tip
from devnet.storage.rows import Fold
from devnet.storage.store import Store
from devnet.threads import OnDeath, start_thread

log = logging.getLogger(__name__)

BATCH_BYTES = 4 << 20  # of log; a batch is never less than one block


class Snapshotter:
    """Call `start` once, `stop` once. `on_failure` is told when the thread dies of an error."""

    def __init__(
        self,
        store: Store,
        fold: Fold,
        on_failure: OnDeath,
        interval_s: float = 5.0,
        batch_bytes: int = BATCH_BYTES,
        limit: Callable[[], int] | None = None,
    ) -> None:
        """`limit`: the block that the snapshot must not pass, as those after it may have to be given up."""
        self._store = store
        self._fold = fold
        self._on_failure = on_failure
        self._interval_s = interval_s
        self._batch_bytes = batch_bytes
        self._limit = limit
        self._stopping = threading.Event()
        self._folding = threading.Lock()
        self._pausing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to follow the log."""
        self._thread = start_thread(self._run, "snapshot", self._on_failure)

    def stop(self, patience_s: float = math.inf) -> None:
        """Ends the thread, then brings the snapshot to the newest sealed block as far as the time allows."""
        deadline = time.monotonic() + patience_s
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self.catch_up(lambda: time.monotonic() >= deadline)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is folded meanwhile; waits for the batch that is being folded."""
        self._pausing.set()
        with self._folding:
            self._pausing.clear()
            yield

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            self.catch_up(lambda: self._stopping.is_set() or self._pausing.is_set())

    def catch_up(self, enough: Callable[[], bool] = lambda: False) -> None:
        """Folds all sealed blocks, batch by batch; leaves off before a batch when it is `enough`."""
        with self._folding:
            for records, nodes, end in self._batches():
                if enough():
                    return
                entries, codes = self._fold(records)
                self._store.fold(entries, codes, end, nodes.items())
                log.debug("snapshot at block %d: %d values", end.block, len(entries))

    def _batches(self) -> Iterator[tuple[list[bytes], dict[bytes, bytes], Tip]]:
        tip = self._store.tip
        end = self._store.snapshot or self._store.origin
        if tip is None:
            return
        last = tip.block if self._limit is None else min(tip.block, self._limit())
        if last <= end.block:
            return
        records: list[bytes] = []
        nodes: dict[bytes, bytes] = {}
        size = 0
        for block, last_mini, closing in self._store.blocks(end.block + 1, last):
            for _, record in self._store.minis(end.mini + 1, last_mini):
                records.append(record)
                size += len(record)
            records.append(closing)  # it says which of SALT's buckets grew
            rows = self._store.block_nodes(block)
            nodes.update(tables.node_rows(rows))
            size += len(rows)
            end = Tip(last_mini, block)
            if size >= self._batch_bytes:
                yield records, nodes, end
                records, nodes, size = [], {}, 0
        if records:
            yield records, nodes, end
