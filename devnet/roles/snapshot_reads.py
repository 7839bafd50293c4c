"""JSON-RPC methods that give a snapshot of the chain out, frame by frame (`devnet/snapshots/file.py`).

    mega_openSnapshot --> waits for the open block, if that has changed anything --> FrozenBlock      LevelDB's view
    mega_readSnapshot --> the next frame, made in a thread                        ... null at the end

The view stands still: the node goes on, and the builder waits for nothing. It is let go at the end, and when nobody has
read from it for a while.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Final

import orjson

from devnet._engine import Engine, fold_diffs
from devnet.roles.node_status import NodeStatus
from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import invalid_params, limit_exceeded, refused
from devnet.rpc.methods import method
from devnet.snapshots.file import PART_BYTES, Frame
from devnet.snapshots.manifest import Place
from devnet.storage import Store
from devnet.storage.frozen_block import FrozenBlock
from devnet.storage.rows import Row, in_chunks

AT_ONCE: Final = 4
"""So many may be read at the same time."""
IDLE_S: Final = 60.0
LATE_S: Final = 5.0
"""How much later than on time a block may be closed."""


@dataclass
class _Reading:
    frozen: FrozenBlock
    chunks: Iterator[list[Row]]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    letting_go: asyncio.TimerHandle | None = None
    is_over: bool = False

    def next_frame(self) -> Frame | None:
        """In a thread."""
        rows = next(self.chunks, None)
        return Frame.of(rows) if rows is not None else None


class SnapshotReadNamespace:
    """Of a node with a chain."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        status: NodeStatus,
        block_time_s: float,
        *,
        is_fork: bool,
    ) -> None:
        """`is_fork`: a part of the state is another chain's, and not here."""
        self._engine = engine
        self._store = store
        self._status = status
        self._patience_s = 2 * block_time_s + LATE_S
        self._is_fork = is_fork
        self._readings: dict[str, _Reading] = {}

    @method(
        "mega_openSnapshot",
        "options?",
        about="Has the state at the end of a block stand still for `mega_readSnapshot`: its id, and of what it is.",
    )
    async def open(self, given: list[object], call: Call) -> bytes:
        """`{"history": bool}`. The block is the newest one, once it has in it what can be seen now."""
        history = _history(given[0] if given else None)
        if self._is_fork:
            raise refused("the state of a fork is in part the remote's: mega_dumpState gives what is here")
        if len(self._readings) >= AT_ONCE:
            raise limit_exceeded(f"{AT_ONCE} snapshots are being read already")
        name = f"0x{secrets.token_hex(16)}"
        frozen = await self._freeze()
        try:
            place = self._place(frozen, history)
        except BaseException:
            frozen.close()
            raise
        reading = _Reading(frozen, in_chunks(frozen.rows(fold_diffs, history=history), PART_BYTES))
        self._readings[name] = reading
        self._used(name, reading)
        return orjson.dumps({"id": name, "place": asdict(place)})

    @method("mega_readSnapshot", "snapshot", about="The next part of a snapshot; null at its end.")
    async def read(self, given: list[object], call: Call) -> bytes:
        """A zstd frame, and how many bytes are in it."""
        name = given[0]
        reading = self._readings.get(name) if isinstance(name, str) else None
        if reading is None:
            raise invalid_params("there is no such snapshot: it was read, or nobody read from it for a while")
        assert isinstance(name, str)
        async with reading.lock:
            if reading.is_over:
                raise invalid_params("there is no such snapshot any more")
            try:
                frame = await asyncio.to_thread(reading.next_frame)
            except BaseException:
                self._end(name, reading)
                raise
            if frame is None:
                self._end(name, reading)
                return b"null"
            self._used(name, reading)
        return b'{"frame":"0x%b","contentBytes":%d}' % (frame.data.hex().encode(), frame.content_bytes)

    async def _freeze(self) -> FrozenBlock:
        frozen = self._store.freeze_block()
        if frozen.end.block and not await asyncio.to_thread(frozen.changed_since, fold_diffs):
            return frozen
        wanted, rollbacks = frozen.end.block + 1, frozen.rollbacks
        frozen.close()
        if not await self._status.wait_for(-1, self._patience_s, wanted, rollbacks):
            raise refused(
                f"block {wanted} is open, and what is in it belongs to no snapshot before it is closed: evm_mine does, "
                "or megaeth devnet mine"
            )
        return self._store.freeze_block()

    def _place(self, frozen: FrozenBlock, history: bool) -> Place:
        identity = self._store.identity
        assert identity is not None
        head = orjson.loads(self._engine.head_json(frozen.end.block))
        if head is None or not frozen.end.block:
            raise refused("the chain was rolled back meanwhile")
        begins_after = frozen.first if history else frozen.end
        return Place(
            chain_id=identity.chain_id,
            spec=str(identity.settings["spec"]),
            genesis_hash=f"0x{identity.genesis_hash.hex()}",
            settings=dict(identity.settings),
            block=frozen.end.block,
            mini_block=frozen.end.mini,
            block_hash=head["hash"],
            state_root=head["stateRoot"],
            timestamp=int(head["timestamp"], 16),
            rollbacks=frozen.rollbacks,
            history=history,
            log_begins_after=(begins_after.mini, begins_after.block) if begins_after is not None else None,
        )

    def _used(self, name: str, reading: _Reading) -> None:
        if reading.letting_go is not None:
            reading.letting_go.cancel()
        loop = asyncio.get_running_loop()
        reading.letting_go = loop.call_later(IDLE_S, self._unless_busy, name, reading)

    def _unless_busy(self, name: str, reading: _Reading) -> None:
        if reading.lock.locked():
            self._used(name, reading)
        else:
            self._end(name, reading)

    def _end(self, name: str, reading: _Reading) -> None:
        self._readings.pop(name, None)
        reading.is_over = True
        if reading.letting_go is not None:
            reading.letting_go.cancel()
        reading.frozen.close()

    async def close(self) -> None:
        """Before the store is closed."""
        for name, reading in list(self._readings.items()):
            async with reading.lock:
                if not reading.is_over:
                    self._end(name, reading)


def _history(options: object) -> bool:
    if options is None:
        return False
    if not isinstance(options, dict) or not isinstance(history := options.get("history", False), bool):
        raise invalid_params('options must be an object: {"history": true or false}')
    if unknown := [name for name in options if name != "history"]:
        raise invalid_params(f"unknown option {unknown[0]}")
    return history
