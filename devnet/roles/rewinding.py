"""How a node goes back to an earlier place of its chain: engine, disk, and all who have heard of what goes.

    leads     ends building, plans it, carries it out, signs it as an entry of the log; where there are standbys, waits
              until enough of them have gone back, too
    follows   carries out what the log says, when it is signed by who may order it

Any thread but the event loop's, while nothing else is done with the chain.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from devnet._engine import Engine, EngineError
from devnet.roles.chain_log import ChainLog
from devnet.roles.console_log import ConsoleLog
from devnet.roles.network_service import NetworkService
from devnet.roles.process import DEATH_S
from devnet.roles.succession import Succession
from devnet.rpc.server import RpcServer
from devnet.storage import Snapshotter, Store
from devnet.sync import LogOffset
from devnet.sync.chain_rollback import ChainRollback, InvalidRollback

if TYPE_CHECKING:
    from devnet._engine import Rewind

log = logging.getLogger(__name__)


class Rewinding:
    """Of one node. Made on the event loop."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        server: RpcServer,
        network: NetworkService | None,
        console: ConsoleLog,
        snapshots: Snapshotter,
        succession: Succession,
        follow_log: Callable[[], None],
        heard_of: Callable[[ChainRollback], None],
    ) -> None:
        """`follow_log`: has the engine take records again. `heard_of`: is told on the loop of what is carried out."""
        self._store = store
        self._engine = engine
        self._server = server
        self._network = network
        self._console = console
        self._snapshots = snapshots
        self._succession = succession
        self._follow_log = follow_log
        self._heard_of = heard_of
        self._loop = asyncio.get_running_loop()

    def take_back(self, chain_log: ChainLog | None, minis: int, first_gone: int) -> str | None:
        """Of who leads: ends building and goes back to a chain of so many mini-blocks; the `evm_snapshot` ids from
        `first_gone` on are good no more. Why not, if nothing has changed."""
        if chain_log is not None and not chain_log.finish(DEATH_S):
            raise RuntimeError("the chain log does not take what was built")
        try:
            plan = self._engine.plan_rewind(minis)
        except EngineError as error:
            return str(error)
        number = self._store.rollbacks + 1
        genesis_hash = self._engine.genesis_hash()
        rollback = ChainRollback.sign(number, plan.minis, plan.block, genesis_hash, self._engine.sign)
        self._carry_out(plan, rollback, first_gone)
        return None

    def follow_back(self, rollback: ChainRollback) -> None:
        """Of who follows: does as the sequencer did. The thread that applies. InvalidRollback: nothing has changed."""
        store = self._store
        if rollback.number != store.rollbacks + 1:
            raise InvalidRollback(f"it is number {rollback.number}, but {store.rollbacks + 1} is next")
        self._require_signed(rollback)
        end = LogOffset.of(store.tip or store.origin, store.rollbacks)
        if not rollback.cuts(end):
            store.note_rollback(rollback.encode())
            self._succession.carried_out(rollback)
            self._on_loop(lambda: self._heard_of(rollback))
            return
        self._engine.halt()
        refusal = ""
        try:
            plan = self._engine.plan_rewind(rollback.after(end).minis)
        except EngineError as error:
            log.warning("cannot go back to mini-block %d, so beginning anew: %s", rollback.minis, error)
            assert self._network is not None
            self._loop.call_soon_threadsafe(self._network.strand)
            refusal = f"this node cannot carry it out: {error}"
        else:
            if plan.block == rollback.blocks:
                self._carry_out(plan, rollback, 0)
            else:
                refusal = f"it keeps {rollback.blocks} blocks, but {plan.block} end before that"
        self._follow_log()
        if refusal:
            raise InvalidRollback(refusal)

    def _require_signed(self, rollback: ChainRollback) -> None:
        if rollback.leadership is not None:
            self._succession.require(rollback)
            return
        signer, sequencer = rollback.signer(self._engine.genesis_hash()), self._engine.sequencer()
        if signer != sequencer:
            raise InvalidRollback(f"0x{signer.hex()} has signed it, not the sequencer, 0x{sequencer.hex()}")

    def _carry_out(self, plan: Rewind, rollback: ChainRollback, first_gone: int) -> None:
        """In the engine, on disk, and for all who have heard of what goes. Any thread but the loop's."""
        self._on_loop(lambda: self._server.rewinding(plan))
        self._console.drain()
        self._engine.rewind(plan)
        with self._snapshots.paused():
            self._store.rewind(plan, first_gone, rollback.encode())
        self._succession.carried_out(rollback)
        if self._network is not None:
            network = self._network
            self._on_loop(lambda: network.rolled_back(rollback))
        self._until_confirmed()
        self._on_loop(lambda: self._told_back(plan, rollback))
        log.info("rolled back to %s", self._store.tip)

    def _until_confirmed(self) -> None:
        """Of who leads a chain with standbys: until enough of them have gone back, too."""
        if self._succession.confirmations is None:
            return
        self._succession.confirmations.begin()
        if not self._succession.confirmations.confirm([]):
            raise RuntimeError("somebody else leads now")

    def _told_back(self, plan: Rewind, rollback: ChainRollback) -> None:
        self._server.rewound(plan)
        self._heard_of(rollback)

    def _on_loop(self, work: Callable[[], None]) -> None:
        async def run() -> None:
            work()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()
