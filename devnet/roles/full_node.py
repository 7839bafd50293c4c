"""A full node's process: a node that follows (`chain_node.py`), from what its peers say the chain begins with, from a
snapshot of theirs, or from where its own log ends.

What it checks itself is a setting: signatures and digests only, trusting a quorum of provers for the rest (`proofs`),
each block's state root (`roots`), or every transaction (`reexecute`).

When a quorum of provers contradicts a block that this node has, the block is refused: evidence goes to disk, the log is
cut back to the verified height, and the node begins anew from there (`rollback.py`). It does the same behind the last
block when the next one contradicts the mini-blocks that were taken before it, also when asked for again. A node that
was away for so long that nobody's log reaches back to where it stands begins anew too, with a snapshot.
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

from devnet._engine import Engine
from devnet.config import Config, VerifyMode
from devnet.errors import UnavailableError
from devnet.fork import Fetcher
from devnet.role_config import NetworkPlace, RoleConfig, run_role
from devnet.roles.assembly import assemble
from devnet.roles.chain import CATCH_UP_S, bind_rpc, engine_for, open_store, restore_engine
from devnet.roles.forked import fetcher_of, open_fork
from devnet.roles.network_service import credentials_of, endpoints_of, local_of, sync_settings
from devnet.roles.process import Failure, serve_role
from devnet.roles.rollback import Rollbacks
from devnet.storage import Corrupted, Identity, Store
from devnet.storage.rows import Row
from devnet.succession.leaders import require_leadership
from devnet.sync import NEWCOMER, BadSnapshot, Progress, fetch_genesis, fetch_snapshot
from devnet.sync.chain_rollback import ChainRollback, InvalidRollback
from devnet.sync.frames import Manifest

log = logging.getLogger(__name__)


def serve(role: RoleConfig) -> None:
    """Runs until SIGTERM, SIGINT or a failure."""
    serve_role(role, _serve)


async def _serve(role: RoleConfig, failure: Failure) -> None:
    if role.network is None:
        raise UnavailableError("a full node needs a network", "its configuration names none")
    verify = role.config.network.verify
    sockets = await bind_rpc(role)
    rollbacks = Rollbacks(Path(role.data_dir))
    with open_store(role) as store:
        given_up = rollbacks.carry_out(store)
        engine, fetcher = await failure.interruptible(open_from_peers(role, role.network, store, failure))
        node = assemble(
            *(role, store, engine, failure, rollbacks, given_up),
            keeps_trie=_keeps_trie(role.config),
            compiles=verify is not VerifyMode.REEXECUTE,
        )
        await node.start(sockets)
        await node.follow(role.network.sequencer, given_up.pause_s if given_up is not None else 0.0)
        await node.serve()
        await node.close()
        if fetcher is not None:
            fetcher.stop(CATCH_UP_S)


async def open_from_peers(
    role: RoleConfig, place: NetworkPlace, store: Store, failure: Failure
) -> tuple[Engine, Fetcher | None]:
    """The engine at the place where the log ends, and over a fork who asks its remote; a node that is new asks its
    peers what the chain begins with."""
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
        trust = _StateRootTrust(config, store.identity, bytes.fromhex(place.authority[2:]))
        local = local_of(role, genesis_hash)
        await fetch_snapshot(local, credentials, peers, settings, store, trust, _say_progress)
    known = store.identity
    engine = engine_for(config, store, store.genesis, lambda _: known, keeps_trie=_keeps_trie(config))
    fork = await asyncio.to_thread(open_fork, role, store)
    fetcher = fetcher_of(fork, engine, failure) if fork is not None else None
    await asyncio.to_thread(restore_engine, store, engine)
    return engine, fetcher


def _keeps_trie(config: Config) -> bool:
    """Whether the node computes state roots: who waits for provers has no use for them."""
    return config.network.verify is not VerifyMode.PROOFS


def _say_progress(progress: Progress) -> None:
    log.info("%s from %s: %d of %d", progress.stage, progress.peer, progress.done, progress.total)


class _StateRootTrust:
    """Believes a snapshot whose state has the root in its block's header, sealed by the sequencer (`sync.Trust`)."""

    def __init__(self, config: Config, identity: Identity, authority: bytes) -> None:
        self._config = config
        self._identity = identity
        self._authority = authority

    def verify_chunk(self, manifest: Manifest, index: int, rows: list[Row]) -> None:
        """The whole is checked instead."""

    def verify_state(self, manifest: Manifest, store: Store) -> None:
        """An engine of its own restores the state, checks the block's seal and computes the root. Who is said to have
        led the chain must have been vouched for."""
        self._verify_leaders(store)
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

    def _verify_leaders(self, store: Store) -> None:
        genesis_hash, chain_id, term = self._identity.genesis_hash, self._identity.chain_id, 0
        try:
            for record in store.rollback_records():
                rollback = ChainRollback.decode(record)
                if rollback.leadership is not None:
                    term = require_leadership(rollback, genesis_hash, chain_id, self._authority, term).term
        except InvalidRollback as error:
            raise BadSnapshot(f"its word on who led the chain: {error}") from None


if __name__ == "__main__":
    run_role(serve)
