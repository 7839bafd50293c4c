"""The embedded stateless validator of a node with `--verify stateless`, while it follows (`proving/validator.py`): what
it works on, where it goes on when the node was started again, and who is told how far it has come.

It reports as every stateless validator does, with `mega_setValidatedBlocks`: to its own node, and to the sequencer,
which need not listen. What it has checked is on disk: a node that was started again begins behind it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from devnet._engine import Engine, SealedBlock, SealedMini
from devnet.config import ValidationMode
from devnet.proving.incidents import Incidents
from devnet.proving.job_queue import SEQUENCER, Source
from devnet.proving.kept import REPRODUCTIONS, Bounds, KeptFiles
from devnet.proving.material import Unavailable, VerificationInput
from devnet.proving.validator import Validator
from devnet.role_config import RoleConfig
from devnet.roles.announcements import Announcement
from devnet.roles.faults import ProverFaults
from devnet.rpc.client import NodeClient, NodeSilentError
from devnet.rpc.errors import RpcFault
from devnet.storage import BlockRef, Store, Validated
from devnet.tasks import Tasks
from devnet.threads import OnDeath

log = logging.getLogger(__name__)

MAX_SOURCES: Final = 32
REPORT: Final = "mega_setValidatedBlocks"
STOP_S: Final = 1.0
"""For blocks in work when the node stops, or leads."""


class NodeBlocks:
    """What the node has of its blocks (`validator.OwnBlocks`)."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    def material(self, number: int) -> VerificationInput | None:
        """A block, its parent's header and its records, without a witness."""
        found = self._store.block(number)
        block = self._call("eth_getBlockByNumber", hex(number), True)
        parent = self._call("eth_getHeaderByNumber", hex(number - 1))
        if found is None or b"null" in (block, parent):
            return None
        last_mini, record = found
        before = self._store.block(number - 1) if number > 1 else None
        first_mini = self._first_mini(number, before)
        minis = self._store.mini_records(first_mini, last_mini)
        if len(minis) != last_mini - first_mini + 1:
            return None  # they are being given up
        records = (*([before[1]] if before is not None else []), *minis, record)
        return VerificationInput(number, _hash_in(block), block, parent, "", records)

    def codes(self, hashes: list[bytes]) -> list[tuple[bytes, bytes]]:
        """Contract code by hash, of what the node has."""
        found = [(one, self._call("eth_getCodeByHash", "0x" + one.hex())) for one in hashes]
        return [(one, bytes.fromhex(orjson.loads(code)[2:])) for one, code in found if code != b"null"]

    def reference(self, number: int) -> BlockRef:
        """A block of the chain with its hash. Unavailable: it was given up."""
        head = self._call("eth_getHeaderByNumber", hex(number))
        if head == b"null":
            raise Unavailable(f"there is no block {number} any more")
        return BlockRef(number, _hash_in(head))

    def _first_mini(self, number: int, before: tuple[int, bytes] | None) -> int:
        if before is not None:
            return before[0] + 1
        first = self._store.first
        return first.mini + 1 if first is not None and first.block == number - 1 else 0

    def _call(self, method: str, *params: object) -> bytes:
        return self._engine.call(method, orjson.dumps(params))


class Validation:
    """Of one node. `start` and `stop` by turns, on the event loop; `note` by the log's thread."""

    PLAYS: Final = "bad-witness"
    """The fault that can be played on it."""

    def __init__(
        self,
        role: RoleConfig,
        engine: Engine,
        store: Store,
        incidents: Incidents,
        failure: OnDeath,
    ) -> None:
        config = role.config
        self.reproductions = KeptFiles(
            Path(role.data_dir) / REPRODUCTIONS, Bounds(config.evidence.files, config.evidence.bytes)
        )
        self._mode = config.network.validation
        self._workers = config.network.prover_workers
        self._engine = engine
        self._store = store
        self._incidents = incidents
        self._sources: OrderedDict[str, Source] = OrderedDict()
        """Other nodes, which may have witnesses: those that were heard of last at the end."""
        self._sequencer = ""
        self._failure = failure
        self._blocks = NodeBlocks(engine, store)
        self._faults = ProverFaults()
        self._loop = asyncio.get_running_loop()
        self._tasks = Tasks(failure)
        self._news = asyncio.Event()
        self._lock = threading.Lock()
        self._validated = Validated(BlockRef(0, b""), BlockRef(0, b""))
        self._validator: Validator | None = None

    # --- life ---------------------------------------------------------------------------------------------

    async def start(self, sequencer: str) -> None:
        """Goes on behind what was checked before. `sequencer`: the HTTP of a node that is told of it."""
        self._validated = await self._loop.run_in_executor(None, self._resume)
        self._sequencer = sequencer
        self._validator = Validator(
            self._blocks,
            self._witness_sources,
            orjson.loads(self._engine.rules()),
            self._validated.tip.number,
            self._incidents,
            self.reproductions,
            self._workers,
            self._advanced,
            self._failure,
            by_diffs=self._mode is ValidationMode.DELTA,
            spoil=self._faults.spoil,
        )
        tip = self._store.tip
        if tip is not None and tip.block > self._validated.tip.number:
            self._validator.note(tip.block)
        self._tasks.spawn(self._report(), "validated-blocks")
        self._validator.start()

    def led_by(self, sequencer: str) -> None:
        """Another node leads from now on, and is told."""
        self._sequencer = sequencer
        self._news.set()

    async def stop(self) -> None:
        """Ends what is in work."""
        await self._tasks.cancel()
        validator, self._validator = self._validator, None
        if validator is not None:
            await self._loop.run_in_executor(None, validator.stop, STOP_S)

    def note(self, sealed: Iterable[SealedMini | SealedBlock]) -> None:
        """These are on disk."""
        validator = self._validator
        for item in sealed if validator is not None else ():
            if isinstance(item, SealedBlock):
                assert validator is not None
                validator.note(item.number)

    def heard_of(self, news: Announcement) -> None:
        """Another node says that it has a block."""
        self._sources.pop(news.node, None)
        self._sources[news.node] = Source(news.node, news.http)
        if len(self._sources) > MAX_SOURCES:
            self._sources.popitem(last=False)

    def _witness_sources(self) -> list[Source]:
        """Any thread."""
        return list(({SEQUENCER: Source(SEQUENCER, self._sequencer)} | self._sources).values())

    def rewound(self, block: int) -> None:
        """The chain was taken back to the end of this block, by a rollback that all nodes carry out."""
        if self._validator is None:
            return
        self._validator.rewind(block)
        with self._lock:
            anchor, tip = self._validated
            if block < tip.number:
                tip = self._blocks.reference(block)
                self._validated = self._begin(Validated(min(anchor, tip), tip))

    def _resume(self) -> Validated:
        """What is on disk, as far as this chain is still that one: a block that was given up since is not."""
        first = self._store.first.block if self._store.first is not None else 0
        newest = self._store.tip.block if self._store.tip is not None else 0
        known = self._store.validated
        if known is not None and known.anchor.number >= first:
            anchor, tip = known
            if newest < tip.number:
                tip = self._blocks.reference(max(newest, anchor.number))
            if anchor.number <= newest and tip == self._blocks.reference(tip.number):
                return self._begin(Validated(anchor, tip))
        begin = self._blocks.reference(first)
        return self._begin(Validated(begin, begin))

    def _begin(self, validated: Validated) -> Validated:
        self._store.validated = validated
        self._engine.validates_after(*validated.anchor)
        if validated.tip != validated.anchor:
            self._tell(validated.tip, validated.tip)
        log.info(
            "validating blocks behind %d, of those behind %d", validated.tip.number, validated.anchor.number
        )
        return validated

    # --- how far it has come ------------------------------------------------------------------------------

    def _advanced(self, _: int) -> None:
        """A worker has settled one."""
        with self._lock:
            validator, before = self._validator, self._validated.tip.number
            number = validator.window.validated if validator is not None else before
            if number == before:
                return
            tip = self._blocks.reference(number)
            self._validated = self._validated._replace(tip=tip)
            self._store.validated = self._validated
            self._tell(self._blocks.reference(min(before + 1, number)), tip)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.set)

    def _tell(self, first: BlockRef, last: BlockRef) -> None:
        """The node itself."""
        self._engine.call(REPORT, orjson.dumps([_named(first), _named(last)]))

    async def _report(self) -> None:
        """Tell the sequencer, as often as it takes an answer."""
        client = NodeClient(self._sequencer)
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                if client.url != self._sequencer:
                    client.close()
                    client = NodeClient(self._sequencer)
                tip = _named(self._validated.tip)
                try:
                    await client.call(REPORT, tip, tip)
                except (NodeSilentError, RpcFault) as error:
                    log.debug("%s was not told of block %d: %s", client.url, tip[0], error)
        finally:
            client.close()

    def status(self) -> dict[str, Any]:
        """For `/healthz`."""
        validator, validated = self._validator, self._validated
        told = {"mode": self._mode, "anchor": validated.anchor.number, "tip": validated.tip.number}
        return told | validator.status() if validator is not None else told

    async def inject(self, kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Plays a fault: what was fetched arrives spoilt. ValueError: it can't."""
        return await self._faults.inject(kind, options)


def _hash_in(head: bytes) -> bytes:
    return bytes.fromhex(orjson.loads(head)["hash"][2:])


def _named(block: BlockRef) -> tuple[int, str]:
    return block.number, "0x" + block.hash.hex()
