"""A node with a chain, put together: it leads, or it follows, and may go from one to the other while it runs.

    leads     engine builds --sealed--> `chain-log`: store --> shown: RPC, subscriptions --> peers
    follows   upstream --items--> `sync-apply`: engine checks, applies --> store --> shown: RPC, subscriptions --> peers

| thread               | owns                                                                               |
|----------------------|------------------------------------------------------------------------------------|
| main                 | the event loop: sockets, subscriptions, peers, signals; start and stop of the rest  |
| `chain-log`          | of who leads: appending to the store (`roles/chain_log.py`)                         |
| `sync-apply`         | of who follows: applying, and appending to the store (`sync/follower.py`)           |
| `snapshot`           | the state snapshot, never beyond the verified height while provers are counted      |
| `prune`              | forgetting the beginning of the log (`roles/pruning.py`)                            |
| `console`            | showing what contracts told `console.log` (`roles/console_log.py`)                  |
| `rpc-*`              | waiting for the engine's answers (`rpc/server.py`)                                  |
| `sync-*`             | reading the log for peers (`sync/`)                                                 |
| `jit`                | having contracts compiled, by a child process (`jit/service.py`)                    |
| the engine's own     | building, executing, recovering senders; never touch Python except its archive      |

What differs between the two is all in `lead` and `follow`: who appends to the store, what is forwarded, who gives the
log and who gets it, what becomes of a contradiction (`network_service.py`). Which node is to lead is for others to
decide: where the chain has standbys, for the lease (`succession/candidate.py`), and then the log says so (`succeed`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from devnet._engine import BadData, Engine
from devnet.config import VerifyMode
from devnet.errors import UnavailableError
from devnet.jit.service import JitService
from devnet.role_config import RoleConfig, write_ready_file
from devnet.roles.chain import (
    CATCH_UP_S,
    DRAIN_S,
    RpcSockets,
)
from devnet.roles.chain_log import ChainLog
from devnet.roles.console_log import ConsoleLog
from devnet.roles.fanout import Fanout
from devnet.roles.network_service import NetworkService, endpoint_text
from devnet.roles.node_methods import (
    Promote,
)
from devnet.roles.node_status import NodeStatus
from devnet.roles.priorities import recovery_gives_way
from devnet.roles.process import DEATH_S, Failure
from devnet.roles.rewinding import Rewinding
from devnet.roles.snapshot_reads import SnapshotReadNamespace
from devnet.roles.succession import Succession
from devnet.rpc.forwarding import OWN_VIEW_S, Forwarder, ForwardingRpc
from devnet.rpc.leader_client import PATIENCE_S
from devnet.rpc.server import RpcServer, tune_interpreter
from devnet.rpc.state_files import StateFiles
from devnet.session import Role
from devnet.storage import Pruner, Snapshotter, Store
from devnet.succession.candidate import CannotPromote
from devnet.succession.confirmations import Confirmations
from devnet.sync import EngineSink, LogOffset
from devnet.sync.chain_rollback import ChainRollback, InvalidRollback
from devnet.sync.leadership import Leadership

if TYPE_CHECKING:
    pass

log = logging.getLogger(__name__)


CONFIRM_S: Final = 0.3
"""What is built last waits so long for standbys when the process stops. Nobody has seen it."""


class ChainNode:
    """Call `start` once, then `lead` or `follow` as often as need be, and `close` once."""

    def __init__(
        self,
        role: RoleConfig,
        store: Store,
        engine: Engine,
        rpc: ForwardingRpc,
        server: RpcServer,
        status: NodeStatus,
        network: NetworkService | None,
        jit: JitService,
        console: ConsoleLog,
        snapshots: Snapshotter,
        pruner: Pruner,
        state_files: StateFiles,
        snapshot_reads: SnapshotReadNamespace,
        failure: Failure,
        keeps_trie: bool,
        succession: Succession,
    ) -> None:
        """`rpc`: what the server asks. `keeps_trie`: whether the engine computes state roots. The engine stands where
        the store's log ends, and is idle."""
        self._role = role
        self._store = store
        self._engine = engine
        self._rpc = rpc
        self._server = server
        self._status = status
        self._network = network
        self._jit = jit
        self._console = console
        self._snapshots = snapshots
        self._pruner = pruner
        self.state_files = state_files
        """The chain's accounts, out and in."""
        self._snapshot_reads = snapshot_reads
        self._failure = failure
        self._keeps_trie = keeps_trie
        self._succession = succession
        self._loop = asyncio.get_running_loop()
        self._fanout = Fanout(server.hub, status, network)
        self._rewinding = Rewinding(
            *(store, engine, server, network, console, snapshots, succession),
            self._follow_log,
            self._heard_of,
        )
        self._switching = asyncio.Lock()
        self._chain_log: ChainLog | None = None
        """While it leads."""
        self._forwarder: Forwarder | None = None
        """While it follows."""
        self._promote: Promote | None = None
        """Of a candidate."""

    async def start(self, sockets: RpcSockets) -> None:
        """Answers JSON-RPC and knows its peers, but neither leads nor follows yet."""
        if self._role.role is Role.FULL_NODE and self._role.network is not None:
            self._forward_to(self._role.network.sequencer)
        await self._server.start(sockets.own, sockets.gateway)
        if self._network is not None:
            follow_back = self._pruner.pausing(self._rewinding.follow_back)
            sink = EngineSink(self._engine, self._store, self._fanout.publish, BadData, follow_back)
            self._network.on_leadership = self._heard_leadership
            self._network.supersedes = self._succession.supersedes
            await self._network.start(self._server.http_url, sink)
        self._jit.start()
        self._console.start()
        recovery_gives_way()

    # --- its mode -----------------------------------------------------------------------------------------

    async def lead(self) -> None:
        """Builds from where the log ends, and feeds the others. UnavailableError: this node can't."""
        if not self._keeps_trie:
            raise UnavailableError(
                "this node cannot lead",
                "it leaves state roots to provers, and blocks need one",
                "--verify roots",
            )
        async with self._switch():
            await self._halt()
            await self._build()

    async def _build(self) -> None:
        self._engine.start()
        self._forward_to(None)
        if self._succession.confirmations is not None:
            self._succession.confirmations.begin()
        self._chain_log = ChainLog(
            *(self._engine, self._store, self._fanout, self._failure),
            confirming=self._succession.confirmations,
        )
        self._chain_log.start()
        if self._network is not None:
            await self._network.lead()

    async def succeed(self, term: int, confirmations: Confirmations) -> bytes:
        """Leads in a term, with all that is here; the record of that, as the log has it. UnavailableError: this node
        can't."""
        if self._network is None or not self._keeps_trie:
            raise UnavailableError("this node cannot lead", "it has no place in a network, or no state roots")
        network = self._network
        async with self._switch():
            await self._halt()
            record = await self._loop.run_in_executor(
                None, self._succession.succeed, term, self._server.http_url
            )
            assert record.leadership is not None
            self._succession.is_news(record.leadership)
            self._succession.confirmations = confirmations
            self._forward_to(None)
            await network.lead()
            network.rolled_back(record)
            self._heard_of(record)
            await self._build()
        network.tell_leadership(record.encode())
        return record.encode()

    def is_candidate(self, stored: Callable[[str, LogOffset], None], promote: Promote) -> None:
        """`stored`: is told of what standbys have on disk. `promote`: has another candidate lead."""
        assert self._network is not None
        self._network.on_stored = stored
        self._promote = promote

    async def promote(self, node: str) -> dict[str, Any]:
        """Has that node lead instead of this one. CannotPromote: it does not."""
        if self._promote is None:
            raise CannotPromote("the chain has no standbys, or this node is none")
        return await self._promote(node)

    def confirmations(self) -> Confirmations:
        """For one leadership of this node's."""
        assert self._network is not None
        return Confirmations(self.end, self._network.write, self._network.confirm)

    def end(self) -> LogOffset:
        """Where the log ends."""
        return LogOffset.of(self._store.tip or self._store.origin, self._store.rollbacks)

    @property
    def term(self) -> int:
        """The newest in which somebody leads, as far as is known here; 0: none."""
        return self._succession.term

    def led_in(self, term: int) -> bool:
        """Whether this node led in that term, and its log knows of no later one."""
        return self._succession.led_in(term)

    async def fence(self, term: int, needed: int, timeout_s: float) -> dict[str, LogOffset]:
        """Where those other candidates stand that follow nobody of an earlier term any more; so many are waited for."""
        assert self._network is not None
        return await self._network.fence(term, needed, timeout_s)

    async def follow_leader(self, leader: Leadership) -> None:
        """Follows who leads."""
        self._led_by(leader)
        if self._network is not None:
            self._network.led_by(leader)  # its own log may have told it before
        await self.follow(leader.http)

    async def pause(self) -> bool:
        """Neither leads nor follows any more; transactions that come wait. Whether all that was built is shown."""
        async with self._switch():
            return await self._halt()

    async def go_on(self) -> None:
        """Leads on after a pause."""
        async with self._switch():
            await self._build()

    async def hand_over(self, leader: Leadership) -> list[bytes]:
        """After a pause: follows who leads now; the raw transactions that wait here, for that one. Who waits for their
        receipts goes on waiting."""
        assert self._network is not None
        self._succession.confirmations = None
        async with self._switch():
            self._forward_to(leader.http)
            waiting = await self._loop.run_in_executor(None, self._engine.hand_over)
            await self._loop.run_in_executor(None, self._follow_log)
            self._led_by(leader)
            await self._network.follow(leader.http)
        return waiting

    def depose(self) -> None:
        """Somebody else may lead: nothing is shown any more, and the process begins anew from its disk."""
        if self._succession.confirmations is not None:
            self._succession.confirmations.depose()
        self._failure.start_again()

    async def follow(self, sequencer: str, after_s: float = 0.0) -> None:
        """Takes the log from peers, none of which is asked before `after_s`, and has the sequencer, which answers
        JSON-RPC at that address, do what only it can. UnavailableError: this node can't."""
        if self._network is None:
            raise UnavailableError("this node cannot follow", "it has no place in a network")
        async with self._switch():
            self._forward_to(sequencer)
            await self._halt()
            await self._loop.run_in_executor(None, self._follow_log)
            await self._network.follow(sequencer, after_s)

    async def rewind(self, minis: int, first_gone: int) -> None:
        """Goes back to a chain of so many mini-blocks, has the others do the same, and builds on from there; the
        `evm_snapshot` ids from `first_gone` on are good no more. UnavailableError: this node can't, and nothing has
        changed."""
        if self._chain_log is None:
            raise UnavailableError("the chain cannot be rolled back", "this node follows another one")
        if self._succession.confirmations is not None and self._succession.confirmations.missing:
            raise UnavailableError("the chain cannot be rolled back", "too few standbys answer")
        async with self._switch():
            chain_log, self._chain_log = self._chain_log, None
            # In one thread, from the end of building to the end of the chain: each way to another one costs time.
            take_back = self._pruner.pausing(self._rewinding.take_back)
            refusal = await self._loop.run_in_executor(None, take_back, chain_log, minis, first_gone)
            await self._build()
        if refusal is not None:
            raise UnavailableError("the chain cannot be rolled back", refusal)

    def _follow_log(self) -> None:
        """Has the engine take records. What is validated afterwards has its roots checked as all that keep a trie."""
        verify = self._role.config.network.verify
        self._engine.follow(VerifyMode.ROOTS if verify is VerifyMode.STATELESS else verify)

    def _heard_of(self, rollback: ChainRollback) -> None:
        """Of one that takes nothing back here; others may have said something of what it took back there."""
        self._status.rewound()
        if self._network is not None:
            self._network.rewound(rollback)
        if rollback.leadership is not None:
            self._led_by(rollback.leadership)

    def _heard_leadership(self, record: bytes) -> bool:
        """A peer tells who leads; whether that is true. On the loop."""
        try:
            leadership = self._succession.hear(record)
        except InvalidRollback as error:
            log.warning("a peer tells of a leader: %s", error)
            return False
        self._led_by(leadership)
        return True

    def _led_by(self, leadership: Leadership) -> None:
        """Somebody leads, as the log, the lease or a peer tells. On the loop."""
        if not self._succession.is_news(leadership):
            return
        assert self._network is not None
        self._network.led_by(leadership)
        if self._chain_log is not None:
            log.warning("%s leads in term %d: this node is deposed", leadership.node, leadership.term)
            self.depose()
        elif self._forwarder is not None:
            self._forward_to(leadership.http)

    @asynccontextmanager
    async def _switch(self) -> AsyncIterator[None]:
        """One at a time; a node that got stuck between two modes is of no use to anybody."""
        async with self._switching:
            try:
                yield
            except Exception as error:
                self._failure(error)
                raise

    async def _halt(self, patience_s: float = DEATH_S) -> bool:
        """Neither; whether everything that was built is on disk, after so long at most."""
        is_written = True
        chain_log, self._chain_log = self._chain_log, None
        if chain_log is not None:
            # In a thread: the engine hands its last blocks to the log and its last answers to the loop meanwhile.
            is_written = await self._loop.run_in_executor(None, chain_log.finish, patience_s)
        if self._network is not None:
            await self._network.halt()
        if chain_log is None:  # which halts the engine before it ends
            await self._loop.run_in_executor(None, self._engine.halt)
        return is_written

    def _forward_to(self, sequencer: str | None) -> None:
        """Who takes transactions; None: this node itself."""
        before = self._forwarder
        if before is not None and sequencer is not None and self._may_be_led_by_another:
            before.redirect(sequencer)
            return
        self._forwarder = None
        if sequencer is not None:
            self._forwarder = Forwarder(
                sequencer,
                self._status.wait_for,
                proofs=not self._keeps_trie,
                # A replica that shall be behind is behind with that, too.
                own_view_s=0.0 if self._role.config.network.replica_lag_ms else OWN_VIEW_S,
                patience_s=PATIENCE_S if self._may_be_led_by_another else 0.0,
            )
            self._server.add(self._forwarder.methods(self._engine))
        elif before is not None:
            self._server.remove(before.forwarded)
        self._rpc.forward(self._forwarder)
        self._server.leader.forward = self._forwarder.forward if self._forwarder is not None else None
        if before is not None and self._may_be_led_by_another:
            before.hand_over(self._server.http_url)
        elif before is not None:
            before.close()

    @property
    def _may_be_led_by_another(self) -> bool:
        """Whether another node may take over from who leads."""
        return self._role.network is not None and bool(self._role.network.lease)

    # --- its life -----------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Says that it is ready; returns when it is told to stop."""
        self._snapshots.start()
        self._pruner.start()
        endpoints = {
            "http": self._server.http_url,
            "ws": self._server.ws_url,
            **self._server.gateway_endpoints,
        }
        if self._network is not None:
            endpoints["sync"] = endpoint_text(self._network.endpoint)
        write_ready_file(self._role, endpoints, self._server.port)
        tune_interpreter()
        await self._failure.stopping.wait()

    async def close(self) -> None:
        """Stops in order; what can be written is on disk then."""
        began = time.monotonic()
        await self._server.stop(DRAIN_S)
        self.state_files.close()
        await self._snapshot_reads.close()
        self._jit.stop()
        async with self._switching:
            # The standbys may be stopping, too.
            is_written = await self._halt(DEATH_S if self._succession.confirmations is None else CONFIRM_S)
        await self._loop.run_in_executor(None, self._console.finish)
        await self._loop.run_in_executor(None, self._engine.stop)
        if self._network is not None:
            await self._network.stop()
        if self._forwarder is not None:
            self._forwarder.close()
        await self._loop.run_in_executor(None, self._pruner.stop)
        in_order = is_written and self._failure.error is None and not self._failure.begin_anew
        self._snapshots.stop(CATCH_UP_S if in_order else 0.0)
        log.info("stopped at %s in %.2f s", self._store.tip, time.monotonic() - began)
