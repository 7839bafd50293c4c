"""A state snapshot as it goes over the wire: rows of the store's tables (`storage/rows.py`), cut into chunks, each with
its digest.

The serving end (`SnapshotServer`) and the format. A snapshot is read from a LevelDB view that stands still while the
node goes on; one view at most is held, as long as somebody reads from it.

Tables: state and code (the whole), and of the newest blocks, which the EVM may ask for, the records and how many
transactions there were before them. Owns one thread (`sync-snapshot`); everything else happens on the event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from devnet.storage.frozen import FrozenState
from devnet.storage.rows import encode_rows, in_chunks
from devnet.storage.store import Store
from devnet.sync.frames import KIB, Channel, Chunk, ChunkRequest, Genesis, Malformed, Manifest
from devnet.sync.log_offset import GENESIS, LogOffset
from devnet.sync.peer import Session, SessionClosed
from devnet.tasks import Tasks
from devnet.threads import OnDeath

log = logging.getLogger(__name__)

CHUNK_BYTES: Final = 256 * KIB
IDLE_S: Final = 30.0
"""A view that nobody read from for so long is let go."""
REQUESTS_AT_ONCE: Final = 8


def digest(chunk: bytes) -> bytes:
    """What the manifest holds of a chunk."""
    return hashlib.sha256(chunk).digest()


@dataclass
class _Held:
    manifest: Manifest
    frozen: FrozenState
    starts: list[bytes]
    """The first key of each chunk."""
    used_at: float

    def chunk(self, index: int) -> bytes:
        """One chunk, as it was digested."""
        stop = self.starts[index + 1] if index + 1 < len(self.starts) else None
        return encode_rows(self.frozen.rows(self.starts[index], stop))


class SnapshotServer:
    """Gives the genesis and snapshots to peers that ask."""

    def __init__(self, store: Store, failure: OnDeath) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._held: _Held | None = None
        self._making = asyncio.Lock()
        self._reading = 0
        self._tasks = Tasks(failure)
        self._asking: dict[asyncio.Task[None], Session] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sync-snapshot")

    def genesis(self, session: Session) -> None:
        """A peer asks what the chain begins with."""
        self._answer(session, self._send_genesis(session))

    def manifest(self, session: Session) -> None:
        """A peer asks for a snapshot's manifest."""
        self._answer(session, self._send_manifest(session))

    def chunk(self, session: Session, frame: ChunkRequest) -> None:
        """A peer asks for a chunk."""
        self._answer(session, self._send_chunk(session, frame))

    def _answer(self, session: Session, work: Coroutine[object, None, None]) -> None:
        if sum(each is session for each in self._asking.values()) >= REQUESTS_AT_ONCE:
            work.close()
            raise Malformed("too many requests at once")
        task = self._tasks.spawn(self._guard(session, work), f"serve {session}")
        self._asking[task] = session
        task.add_done_callback(lambda done: self._asking.pop(done, None))

    @staticmethod
    async def _guard(session: Session, work: Coroutine[object, None, None]) -> None:
        try:
            await work
        except SessionClosed:
            pass
        except Exception:
            log.exception("cannot serve %s", session)
            session.close("internal error")

    async def _send_genesis(self, session: Session) -> None:
        identity = self._store.identity
        assert identity is not None
        await session.stream(Channel.DATA, [Genesis(identity.encode(), self._store.genesis).encode()])

    async def _send_manifest(self, session: Session) -> None:
        held = await self._hold()
        manifest = held.manifest if held is not None else Manifest(GENESIS, b"", ())
        await session.stream(Channel.DATA, [manifest.encode()])

    async def _send_chunk(self, session: Session, frame: ChunkRequest) -> None:
        held = self._held
        data = b""
        if held is not None and held.manifest.position == frame.position and frame.index < len(held.starts):
            held.used_at = self._loop.time()
            self._reading += 1
            try:
                data = await self._loop.run_in_executor(self._thread, held.chunk, frame.index)
            finally:
                self._reading -= 1
        await session.stream(Channel.DATA, [Chunk(frame.index, data).encode()])

    async def _hold(self) -> _Held | None:
        """The snapshot that is being read by others, or a new one."""
        async with self._making:
            held = self._held
            if held is None or (
                self._idle(held)
                and held.manifest.position != LogOffset.of(self._store.snapshot, self._store.rollbacks)
            ):
                self._let_go()
                self._held = held = await self._loop.run_in_executor(self._thread, self._make)
            if held is not None:
                held.used_at = self._loop.time()
            return held

    def _make(self) -> _Held | None:
        frozen = self._store.freeze()
        if frozen is None:
            return None
        starts: list[bytes] = []
        digests: list[bytes] = []
        for rows in in_chunks(frozen.rows(), CHUNK_BYTES):
            starts.append(rows[0][0])
            digests.append(digest(encode_rows(rows)))
        manifest = Manifest(
            LogOffset.of(frozen.marker, frozen.rollbacks), frozen.block_record, tuple(digests)
        )
        return _Held(manifest, frozen, starts, 0.0)

    def _idle(self, held: _Held) -> bool:
        return not self._reading and self._loop.time() - held.used_at > IDLE_S

    def swept(self) -> None:
        """Several times a second: lets go of what nobody reads any more."""
        if self._held is not None and not self._making.locked() and self._idle(self._held):
            self._let_go()

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.frozen.close()

    async def stop(self) -> None:
        """Serves nobody any more."""
        await self._tasks.cancel()
        await self._loop.run_in_executor(None, self._thread.shutdown)
        self._let_go()
