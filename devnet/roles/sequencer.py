"""The sequencer's process: a node that leads, from genesis on or from where its log ends (`chain_node.py`).

Not here: processes (`devnet/supervision/supervisor.py`), and any knowledge of methods or records.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from devnet._engine import Engine
from devnet.fork.settle import FORK
from devnet.genesis import DevAccount, GenesisFile, derive, load_genesis
from devnet.role_config import RoleConfig, run_role
from devnet.roles import chain_config
from devnet.roles.assembly import assemble
from devnet.roles.candidate import serve_candidate
from devnet.roles.chain import CATCH_UP_S, bind_rpc, engine_for, open_store, restore_engine
from devnet.roles.forked import Fork, fetcher_of, open_fork
from devnet.roles.process import Failure, serve_role
from devnet.roles.rollback import Rollbacks
from devnet.roles.snapshot_to_open import open_snapshot
from devnet.roles.state_files import StateToLoad, save, save_again
from devnet.storage import Identity, Store
from devnet.tasks import Tasks


def serve(role: RoleConfig) -> None:
    """Runs until SIGTERM, SIGINT or a failure."""
    serve_role(role, _serve)


async def _serve(role: RoleConfig, failure: Failure) -> None:
    if role.network is not None and role.network.lease:
        accounts = derive(role.config.accounts.mnemonic, role.config.accounts.count)
        open_snapshot(role)
        await serve_candidate(role, failure, lambda store: open_chain(role, accounts, store))
        return
    sockets = await bind_rpc(role)
    accounts = derive(role.config.accounts.mnemonic, role.config.accounts.count)
    rollbacks = Rollbacks(Path(role.data_dir))
    begins_with = StateToLoad(Path(role.data_dir))
    open_snapshot(role)
    with open_store(role) as store:
        given_up = rollbacks.carry_out(store)
        begins_with.read(role.config.storage, store)
        fork = open_fork(role, store)
        engine = open_chain(role, accounts, store, fork)
        fetcher = fetcher_of(fork, engine, failure) if fork is not None else None
        restore_engine(store, engine)
        node = assemble(role, store, engine, failure, rollbacks, given_up)
        await node.start(sockets)
        await node.lead()
        await failure.interruptible(begins_with.load(node.state_files))
        stopping = asyncio.Event()
        saving = Tasks(failure).spawn(
            save_again(node.state_files, role.config.storage, stopping), "save-state"
        )
        await node.serve()
        stopping.set()
        await saving
        await node.close()
        await asyncio.to_thread(save, node.state_files, role.config.storage)
        if fetcher is not None:
            fetcher.stop(CATCH_UP_S)


def open_chain(
    role: RoleConfig, accounts: list[DevAccount], store: Store, fork: Fork | None = None
) -> Engine:
    """The engine at the chain's beginning; nothing is running yet."""
    config = role.config
    file = load_genesis(Path(config.chain.genesis)) if config.chain.genesis else GenesisFile()
    settings = chain_config.identity_settings(
        config, accounts, file, fork.point if fork is not None else None
    )
    if store.identity is None and fork is not None:
        document = fork.genesis_document(config, accounts, file)
    elif store.identity is None:
        # In the past, so that block 1, whose timestamp is later, need not wait for the next second.
        timestamp = int(time.time()) - 1
        chain_config.check_genesis(config, file, timestamp + 1)
        document = chain_config.genesis_document(config, accounts, file, timestamp)
    else:
        known = store.identity.settings
        if chain_config.GENESIS_TIMESTAMP not in known and config.chain.genesis_timestamp is None:
            del settings[chain_config.GENESIS_TIMESTAMP]
        if chain_config.INTERVENTIONS not in known:
            del settings[chain_config.INTERVENTIONS]
        if FORK not in known and fork is None:
            del settings[FORK]
        store.require(settings, chain_config.NAMES)
        document = store.genesis
    return engine_for(
        config,
        store,
        document,
        lambda genesis_hash: Identity(config.chain.chain_id, genesis_hash, settings),
    )


if __name__ == "__main__":
    run_role(serve)
