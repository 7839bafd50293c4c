"""The sequencer: one engine that builds, its store, a JSON-RPC server around it, and the network it feeds.

| thread               | owns                                                                           |
|----------------------|--------------------------------------------------------------------------------|
| main                 | the event loop: sockets, subscriptions, peers, signals; start and stop of the rest |
| `chain-log`          | appending to the store (`roles/chain_log.py`)                                  |
| `snapshot`           | the state snapshot (`storage/snapshot.py`)                                     |
| `rpc-*`              | waiting for the engine's answers (`rpc/server.py`)                             |
| `sync-*`             | reading the log for peers (`sync/`)                                            |
| `jit`                | having contracts compiled, by a child process (`jit/service.py`)               |
| the engine's own     | building, executing, recovering senders; never touch Python except its archive |

Not here: processes (`devnet/supervision/supervisor.py`), and any knowledge of methods or records.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devnet._engine import Engine
from devnet.genesis import DevAccount, GenesisFile, derive, load_genesis
from devnet.role_config import RoleConfig, run_role, write_ready_file
from devnet.roles import chain_config
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
from devnet.roles.chain_log import ChainLog
from devnet.roles.faults import SequencerFaults
from devnet.roles.membership import Membership, credentials_of, endpoint_text, local_of, sync_settings
from devnet.roles.node_methods import chain_methods, devnet_methods, jit_methods
from devnet.roles.priorities import recovery_gives_way
from devnet.roles.process import DEATH_S, Failure, serve_role
from devnet.roles.publishing import Publishing
from devnet.roles.standing import Standing
from devnet.rpc.server import RpcServer, tune_interpreter
from devnet.storage import Identity, Store
from devnet.sync import StoreLog, SyncNode

log = logging.getLogger(__name__)


def serve(role: RoleConfig) -> None:
    """Runs until SIGTERM, SIGINT or a failure."""
    serve_role(role, _serve)


async def _serve(role: RoleConfig, failure: Failure) -> None:
    loop = asyncio.get_running_loop()
    sockets = await bind_rpc(role)
    accounts = derive(role.config.accounts.mnemonic, role.config.accounts.count)
    with open_chain(role, accounts) as (engine, store):
        standing = Standing(role, store)
        server = RpcServer(engine, server_settings(role.config, accounts), standing.health)
        server.add(chain_methods(store))
        jit = compiler_for(role, engine, failure)
        server.add(jit_methods(jit))
        membership = _join(role, engine, store, server, standing, failure)
        chain_log = ChainLog(engine, store, Publishing(server.hub, standing, membership), failure)
        limit = membership.verification.may_be_folded if membership is not None else lambda: 2**63
        snapshots = snapshotter(role.config, store, failure, limit)
        await server.start(sockets)
        endpoints = {"http": server.http_url, "ws": server.ws_url}
        if membership is not None and role.network is not None:
            sync = SyncNode(
                local_of(role, engine.genesis_hash()),
                await credentials_of(role.network),
                sync_settings(role.network, role.config),
                log=StoreLog(store),
                store=store,
                on_failure=failure,
            )
            await membership.start(sync)
            endpoints["sync"] = endpoint_text(sync.endpoint)
        jit.start()
        engine.start()
        recovery_gives_way()
        chain_log.start()
        snapshots.start()
        write_ready_file(role, endpoints, server.port)
        tune_interpreter()
        await failure.stopping.wait()
        began = time.monotonic()
        await server.stop(DRAIN_S)
        jit.stop()
        # In a thread: the engine hands its last blocks to the log and its last answers to the loop meanwhile.
        written = await loop.run_in_executor(None, chain_log.finish, DEATH_S)
        if membership is not None:
            await membership.stop()
        snapshots.stop(CATCH_UP_S if written and failure.error is None else 0.0)
        log.info("stopped at %s in %.2f s", store.tip, time.monotonic() - began)


def _join(
    role: RoleConfig, engine: Engine, store: Store, server: RpcServer, standing: Standing, failure: Failure
) -> Membership | None:
    if role.network is None:
        return None
    membership = Membership(role, role.network, engine, store, server, failure)
    faults = SequencerFaults(membership)
    standing.extend(membership.health)
    server.add(devnet_methods(role.token, membership.incidents, faults.inject))
    return membership


@contextmanager
def open_chain(role: RoleConfig, accounts: list[DevAccount]) -> Iterator[tuple[Engine, Store]]:
    """The engine at the place where the log ends, and its store; nothing is running yet."""
    config = role.config
    file = load_genesis(Path(config.chain.genesis)) if config.chain.genesis else GenesisFile()
    settings = chain_config.identity_settings(config, accounts, file)
    with open_store(role) as store:
        if store.identity is None:
            # In the past, so that block 1, whose timestamp is later, need not wait for the next second.
            timestamp = int(time.time()) - 1
            chain_config.check_genesis(config, file, timestamp + 1)
            document = chain_config.genesis_document(config, accounts, file, timestamp)
        else:
            known = store.identity.settings
            if chain_config.GENESIS_TIMESTAMP not in known and config.chain.genesis_timestamp is None:
                del settings[chain_config.GENESIS_TIMESTAMP]
            store.require(settings, chain_config.NAMES)
            document = store.genesis
        engine = engine_for(
            config,
            store,
            document,
            lambda genesis_hash: Identity(config.chain.chain_id, genesis_hash, settings),
        )
        restore_engine(store, engine)
        yield engine, store


if __name__ == "__main__":
    run_role(serve)
