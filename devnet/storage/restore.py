"""Start: puts the newest snapshot and the log after it into an engine, in the order in which they came."""

from __future__ import annotations

import logging
import time
from typing import Protocol

from devnet.storage.database import Tip
from devnet.storage.errors import Corrupted
from devnet.storage.store import Store

log = logging.getLogger(__name__)

STATE_CHUNK = 20_000
CODE_CHUNK = 64
PROGRESS_S = 2.0


class Restorable(Protocol):
    """What an engine offers before it starts (`devnet._engine.Engine`)."""

    def load_state(self, entries: list[tuple[bytes, bytes]], codes: list[bytes]) -> None:
        """Lays values over genesis; empty = absent."""

    def load_nodes(self, rows: bytes) -> None:
        """Nodes of the state commitment over those of genesis."""

    def load_tip(self, block_record: bytes) -> bool:
        """The block that the loaded state stands at. Whether its nodes had to be computed."""

    def nodes(self) -> bytes:
        """All nodes at that block."""

    def load_mini(self, record: bytes) -> None:
        """The next mini-block."""

    def load_block(self, record: bytes, nodes: bytes) -> None:
        """The block that closes the mini-blocks loaded before it, and the nodes it changed as far as they are kept."""


def restore(store: Store, engine: Restorable) -> Tip | None:
    """Brings a fresh engine to where the log ends; returns that place."""
    if store.tip is None:
        return None
    began = time.monotonic()
    progress = _Progress()
    start = store.snapshot or store.origin
    values = 0
    if store.snapshot is not None:
        for codes in store.codes(CODE_CHUNK):
            engine.load_state([], [code for _, code in codes])
        for entries in store.state(STATE_CHUNK):
            engine.load_state(entries, [])
            values += len(entries)
            progress.say("restoring the snapshot of block %d: %d values", start.block, values)
        block = store.block(start.block)
        if block is None:
            raise Corrupted(store.directory, f"block {start.block}, where the snapshot stands, is missing")
        for rows in store.nodes(STATE_CHUNK):
            engine.load_nodes(rows)
        if engine.load_tip(block[1]):
            log.info("computed the state commitment of block %d, which was not kept", start.block)
            store.keep_nodes(engine.nodes())
    _replay(store, engine, start, store.tip, progress)
    log.info(
        "restored block %d, mini-block %d: %d values at block %d, %d mini-blocks after it (%.2f s)",
        store.tip.block,
        store.tip.mini,
        values,
        start.block,
        store.tip.mini - start.mini,
        time.monotonic() - began,
    )
    return store.tip


def _replay(store: Store, engine: Restorable, start: Tip, tip: Tip, progress: _Progress) -> None:
    blocks = store.blocks(start.block + 1, tip.block)
    closing = next(blocks, None)
    for mini, record in store.minis(start.mini + 1, tip.mini):
        engine.load_mini(record)
        if closing is not None and mini == closing[1]:
            engine.load_block(closing[2], store.block_nodes(closing[0]))
            closing = next(blocks, None)
        progress.say("replaying the log: mini-block %d of %d", mini, tip.mini)
    if closing is not None:
        raise Corrupted(store.directory, f"block {closing[0]} ends beyond the log")


class _Progress:
    """Says something only when it lasts."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PROGRESS_S

    def say(self, message: str, *values: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            log.info(message, *values)
            self._next = now + PROGRESS_S
