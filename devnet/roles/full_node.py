"""A full node: follows the sequencer's log, applies its state diffs, serves everything that reads the chain.

    upstream --items--> `sync-apply`: Engine.apply_* checks --> store --> shown: RPC, subscriptions --> other nodes
                                         | BadData                          ^
                                         v                                  | verified height
                              refused, evidence kept                attestations, quorum

| thread               | owns                                                                           |
|----------------------|--------------------------------------------------------------------------------|
| main                 | the event loop: sockets, subscriptions, peers, signals; start and stop of the rest |
| `sync-apply`         | applying, and appending to the store (`sync/follower.py`)                      |
| `snapshot`           | the state snapshot, never beyond the verified height while provers are counted |
| `jit`                | having contracts compiled, by a child process (`jit/service.py`)               |
| the engine's own     | answering reads                                                                |

What it checks itself is a setting: signatures and digests only, trusting a quorum of provers for the rest (`proofs`),
each block's state root (`roots`), or every transaction (`reexecute`).

When a quorum of provers contradicts a block that this node has, the block is refused: evidence goes to disk, the log is
cut back to the verified height, and the node begins anew from there (`refusal.py`). It does the same behind the last
block when the next one contradicts the mini-blocks that were taken before it, also when asked for again. A node that
was away for so long that nobody's log reaches back to where it stands begins anew too, with a snapshot.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from pathlib import Path
from typing import Any, Final, Literal, cast

from devnet._engine import BadData, Engine
from devnet.config import Config
from devnet.errors import UnavailableError
from devnet.genesis import derive
from devnet.proving.quorum import Contradiction
from devnet.role_config import NetworkPlace, RoleConfig, run_role, write_ready_file
from devnet.roles.chain import (
    CATCH_UP_S,
    DRAIN_S,
    bind_rpc,
    compiler_for,
    engine_for,
    open_store,
    restore_engine,
    server_settings,
    snapshotter,
)
from devnet.roles.membership import (
    Membership,
    credentials_of,
    endpoint_text,
    endpoints_of,
    local_of,
    sync_settings,
)
from devnet.roles.node_methods import chain_methods, devnet_methods, jit_methods
from devnet.roles.process import Failure, serve_role
from devnet.roles.publishing import Publishing
from devnet.roles.refusal import Refusal, Refusals
from devnet.roles.standing import Standing
from devnet.rpc.forwarding import Forwarder, ForwardingDoor
from devnet.rpc.server import RpcServer, tune_interpreter
from devnet.storage import Corrupted, Identity, Store
from devnet.sync import (
    NEWCOMER,
    BadSnapshot,
    Credentials,
    EngineTarget,
    Item,
    ItemKind,
    Position,
    Progress,
    Refused,
    StoreLog,
    SyncNode,
    fetch_genesis,
    fetch_snapshot,
)
from devnet.sync.frames import Manifest
from devnet.sync.snapshot import Row
from devnet.tasks import Tasks

log = logging.getLogger(__name__)

Mode = Literal["proofs", "roots", "reexecute"]
"""How much a full node checks itself (`devnet.config.VERIFY_MODES`)."""
CATCHING_UP: Final = 200
"""Items behind the farthest known place, from which on a node counts as catching up."""
SAME_REFUSAL_S: Final = 30.0
"""The same refusal is kept as evidence no more often than this."""
CONTRADICTING: Final = frozenset({"roots", "header", "order", "parent"})
"""What is wrong with a block whose record and mini-blocks do not go together; it may be either."""
STRANDED_S: Final = 5.0
"""So long nobody's log may reach back to where this node stands, until it begins anew with a snapshot."""


def serve(role: RoleConfig) -> None:
    """Runs until SIGTERM, SIGINT or a failure."""
    serve_role(role, _serve)


async def _serve(role: RoleConfig, failure: Failure) -> None:
    if role.network is None:
        raise UnavailableError("a full node needs a network", "its configuration names none")
    sockets = await bind_rpc(role)
    with open_store(role) as store:
        refusals = Refusals(Path(role.data_dir))
        refused = refusals.carry_out(store)
        engine = await failure.interruptible(_open_chain(role, role.network, store))
        credentials = await credentials_of(role.network)
        node = FullNode(role, role.network, credentials, engine, store, failure, refusals)
        await node.run(refused, sockets)


async def _open_chain(role: RoleConfig, place: NetworkPlace, store: Store) -> Engine:
    """The engine at the place where the log ends; a node that is new asks its peers what the chain begins with."""
    config = role.config
    settings = sync_settings(place, config)
    peers, credentials = endpoints_of(place), await credentials_of(place)
    if store.identity is None:
        log.info("new here: asking %s for the genesis", ", ".join(peer.node for peer in peers) or "nobody")
        found = await fetch_genesis(local_of(role, NEWCOMER), credentials, peers, settings)
        identity = Identity.decode(found.identity, store.directory)

        def checked(genesis_hash: bytes) -> Identity:
            if genesis_hash != found.genesis_hash or identity.genesis_hash != genesis_hash:
                raise UnavailableError(
                    "the peers' genesis is not what it says it is",
                    f"0x{found.genesis_hash.hex()} is claimed, the document makes 0x{genesis_hash.hex()}",
                )
            return identity

        engine_for(config, store, found.document, checked)
    assert store.identity is not None
    genesis_hash = store.identity.genesis_hash
    if store.tip is None:
        trust = _StateRootTrust(config, store.identity)
        local = local_of(role, genesis_hash)
        await fetch_snapshot(local, credentials, peers, settings, store, trust, _say_progress)
    known = store.identity
    engine = engine_for(config, store, store.genesis, lambda _: known, keeps_trie=_keeps_trie(config))
    await asyncio.to_thread(restore_engine, store, engine)
    return engine


def _keeps_trie(config: Config) -> bool:
    """Whether the node computes state roots: who waits for provers has no use for them."""
    return config.network.verify != "proofs"


def _say_progress(progress: Progress) -> None:
    log.info("%s from %s: %d of %d", progress.stage, progress.peer, progress.done, progress.total)


class _StateRootTrust:
    """Believes a snapshot whose state has the root in its block's header, sealed by the sequencer (`sync.Trust`)."""

    def __init__(self, config: Config, identity: Identity) -> None:
        self._config = config
        self._identity = identity

    def verify_chunk(self, manifest: Manifest, index: int, rows: list[Row]) -> None:
        """The whole is checked instead."""

    def verify_state(self, manifest: Manifest, store: Store) -> None:
        """An engine of its own restores the state, checks the block's seal and computes the root."""
        engine = engine_for(self._config, store, store.genesis, lambda _: self._identity)
        try:
            restore_engine(store, engine)
        except Corrupted as error:
            raise BadSnapshot(str(error)) from None
        number = manifest.position.tip.block
        header = json.loads(engine.head_json(number))  # the block's transactions are not here
        root = engine.state_root()
        if header["stateRoot"] != "0x" + root.hex():
            raise BadSnapshot(
                f"its state has the root 0x{root.hex()}, block {number} says {header['stateRoot']}"
            )


class FullNode:
    """The parts of a running full node."""

    def __init__(
        self,
        role: RoleConfig,
        place: NetworkPlace,
        credentials: Credentials,
        engine: Engine,
        store: Store,
        failure: Failure,
        refusals: Refusals,
    ) -> None:
        config = role.config
        self._given_up = refusals
        self._given_up_before: Refusal | None = None
        self._role = role
        self._engine = engine
        self._store = store
        self._failure = failure
        self._loop = asyncio.get_running_loop()
        self._refused: tuple[int, str] | None = None
        """The place in the log of what was refused last, and what it was."""
        self._refusals: dict[tuple[str, int], float] = {}
        self._contradicting = 0
        """The block that was refused last for contradicting what was taken before it."""
        accounts = derive(config.accounts.mnemonic, config.accounts.count)
        self._standing = Standing(role, store, self._health)
        waiting = self._standing.wait_for_mini
        self._forwarder = Forwarder(place.sequencer, waiting, proofs=not _keeps_trie(config))
        self._server = RpcServer(
            ForwardingDoor(engine, self._forwarder), server_settings(config, accounts), self._standing.health
        )
        self._membership = Membership(role, place, engine, store, self._server, failure)
        self._membership.suspect = self._suspect
        self._membership.verification.contradicted = self._contradicted
        self._server.add(self._forwarder.methods(engine))
        self._server.add(chain_methods(store))
        reexecutes = config.network.verify == "reexecute"
        self._jit = compiler_for(role, engine, failure, executes_to_check=reexecutes)
        self._server.add(jit_methods(self._jit))
        self._server.add(devnet_methods(role.token, self._membership.incidents, _plays_nothing))
        publishing = Publishing(self._server.hub, self._standing, self._membership)
        self._target = EngineTarget(engine, store, publishing.publish, BadData)
        self._sync = SyncNode(
            local_of(role, engine.genesis_hash()),
            credentials,
            sync_settings(place, config),
            log=StoreLog(store),
            target=self._target,
            store=store,
            on_refused=self._on_refused,
            on_failure=failure,
        )

    async def run(self, given_up: Refusal | None, sockets: list[socket.socket]) -> None:
        """Until it is told to stop. What was given up before may ask for a pause before anybody is followed."""
        role, failure, store = self._role, self._failure, self._store
        snapshots = snapshotter(role.config, store, failure, self._membership.verification.may_be_folded)
        await self._server.start(sockets)
        self._jit.start()
        self._engine.follow(cast(Mode, role.config.network.verify))
        await self._membership.start(self._sync)
        if given_up is not None:
            self._sync.rest(given_up.pause_s)
            self._given_up_before = given_up
        snapshots.start()
        endpoints = {
            "http": self._server.http_url,
            "ws": self._server.ws_url,
            "sync": endpoint_text(self._sync.endpoint),
        }
        write_ready_file(role, endpoints, self._server.port)
        tune_interpreter()
        tasks = Tasks(failure)
        tasks.spawn(self._look_whether_stranded(), "stranded")
        await failure.stopping.wait()
        await tasks.cancel()
        began = time.monotonic()
        await self._server.stop(DRAIN_S)
        self._jit.stop()
        await self._membership.stop()
        self._forwarder.close()
        await self._loop.run_in_executor(None, self._engine.stop)
        in_order = failure.error is None and not failure.begin_anew
        snapshots.stop(CATCH_UP_S if in_order else 0.0)
        log.info("stopped at %s in %.2f s", store.tip, time.monotonic() - began)

    # --- what it refuses ----------------------------------------------------------------------------------

    def _on_refused(self, refused: Refused, node: str) -> None:
        """A peer gave something that the engine does not take."""
        item = refused.item
        self._refused = (item.after.sequence, f"{refused} from {node}")
        if self._contradicts_again(refused):
            self._give_up_open_block(refused, node)
            return
        key = (refused.kind, item.after.sequence)
        now = time.monotonic()
        if now - self._refusals.get(key, -SAME_REFUSAL_S) < SAME_REFUSAL_S:
            return
        self._refusals = {known: at for known, at in self._refusals.items() if now - at < SAME_REFUSAL_S}
        self._refusals[key] = now
        self._record_refusal(refused, node)

    def _record_refusal(self, refused: Refused, node: str) -> None:
        item = refused.item
        evidence = {
            "item": item.kind.name.lower(),
            "number": item.number,
            "record": "0x" + item.record.hex(),
            "other_record": "0x" + refused.other.hex() if refused.other is not None else None,
            "reason": refused.reason,
        }
        block = item.after.blocks + (item.kind is ItemKind.MINI)
        self._membership.incidents.record(
            refused.kind, block, f"refused {refused} from {node}", evidence, source=node
        )

    def _contradicts_again(self, refused: Refused) -> bool:
        """Whether a block is no better when asked for again: then something that was taken before it is wrong."""
        number = refused.item.number
        if refused.item.kind is not ItemKind.BLOCK or refused.kind not in CONTRADICTING:
            return False
        again, self._contradicting = self._contradicting == number, number
        # Mini-blocks that were executed are right.
        is_proven = self._role.config.network.verify == "reexecute" and refused.kind != "parent"
        return again and not is_proven

    def _give_up_open_block(self, refused: Refused, node: str) -> None:
        """Takes the open block's mini-blocks anew."""
        number = refused.item.number
        # Another parent than ours: ours is what is wrong.
        keep = max(number - (2 if refused.kind == "parent" else 1), 0)
        incident = self._membership.incidents.record(
            refused.kind,
            number,
            f"refused block {number}, which contradicts what came before it: {refused.reason}",
            {
                "reason": refused.reason,
                "block_record": "0x" + refused.item.record.hex(),
                "mini_block_records": self._minis_after(keep),
            },
            source=node,
        )
        self._given_up.refuse(number, keep, incident.evidence)
        self._failure.start_again()

    def _minis_after(self, block: int) -> list[str]:
        """The records of the mini-blocks that were taken after a block."""
        before, tip = self._store.block(block), self._store.tip
        first = before[0] + 1 if before is not None else 0
        records = self._store.minis(first, tip.mini) if tip is not None else ()
        return ["0x" + record.hex() for _, record in records]

    def _suspect(self, mini: int, record: bytes, block: int, source: str) -> None:
        """Another node has another record of a mini-block: the engine tells whether the sequencer has signed both."""
        item = Item(ItemKind.MINI, Position(mini + 1, block - 1), record)
        try:
            self._target.recheck(item)
        except Refused as refused:
            self._loop.call_soon_threadsafe(self._record_refusal, refused, source)

    def _contradicted(self, contradiction: Contradiction) -> None:
        """A quorum of provers says something else than this node has: give the block up, and begin anew."""
        number, own, attested = contradiction.block, contradiction.own, contradiction.attested
        keep = self._membership.verification.verified
        differing = ", ".join(own.differences(attested))
        several = len(contradiction.attestations) > 1
        what = (
            f"refused block {number}: {len(contradiction.attestations)} prover{'s attest' if several else ' attests'} "
            f"to another {differing} than this node was given"
        )
        block = self._store.block(number)
        before = self._store.block(number - 1) if number > 1 else None
        first = before[0] + 1 if before is not None else 0
        records = list(self._store.minis(first, block[0])) if block is not None else []
        incident = self._membership.incidents.record(
            "contradiction",
            number,
            what,
            {
                "own": own.to_json(),
                "attested": attested.to_json(),
                "attestations": [attestation.to_json() for attestation in contradiction.attestations],
                "block_record": "0x" + block[1].hex() if block is not None else None,
                "mini_block_records": ["0x" + record.hex() for _, record in records],
            },
            source=self._sync.status().upstream or "",
        )
        self._given_up.refuse(number, keep, incident.evidence)
        self._failure.start_again()

    async def _look_whether_stranded(self) -> None:
        since: float | None = None
        while True:
            await asyncio.sleep(1.0)
            now = self._loop.time()
            since = (since or now) if self._sync.status().stranded else None
            if since is not None and now - since > STRANDED_S:
                tip = self._store.tip
                self._given_up.refuse(tip.block if tip is not None else 0, None)
                self._failure.start_again()
                return

    # --- status -------------------------------------------------------------------------------------------

    def _health(self) -> dict[str, Any]:
        status = self._sync.status()
        network = self._role.config.network
        told: dict[str, Any] = {
            **self._membership.health(),
            "verify": network.verify,
            "upstream": status.upstream,
        }
        if network.verify == "reexecute" and not self._membership.verification.quorum.counting:
            told["verified_height"] = self._store.tip.block if self._store.tip is not None else 0
        if status.behind > CATCHING_UP:
            told["catching_up"] = {
                "done": status.position.sequence,
                "total": status.best_known.sequence,
            }
        if self._refused is not None and status.position.sequence < self._refused[0]:
            told["refused"] = self._refused[1]
        elif self._given_up_before is not None and status.position.blocks < self._given_up_before.block:
            before = self._given_up_before
            told["refused"] = (
                f"block {before.block}, which was given up {before.times} times (evidence: {before.evidence})"
            )
        return told


async def _plays_nothing(kind: str, options: object) -> dict[str, Any]:
    raise ValueError(f"a full node does not play '{kind}'; the sequencer and provers do")


if __name__ == "__main__":
    run_role(serve)
