"""Puts a node with a chain together: all that is made once, before it leads or follows (`chain_node.py`)."""

from __future__ import annotations

from typing import Any

from devnet._engine import Engine
from devnet.genesis import derive
from devnet.role_config import RoleConfig
from devnet.roles.chain import (
    compiler_for,
    server_settings,
    snapshotter,
    state_files_of,
)
from devnet.roles.chain_node import ChainNode
from devnet.roles.console_log import ConsoleLog
from devnet.roles.forked import forked_from
from devnet.roles.going_back import GoingBackNamespace
from devnet.roles.network_service import NetworkService
from devnet.roles.node_methods import (
    ConsoleNamespace,
    DevnetNamespace,
    JitNamespace,
    LogNamespace,
    ModeNamespace,
)
from devnet.roles.node_status import NodeStatus
from devnet.roles.process import Failure
from devnet.roles.pruning import PruneNamespace, pruner_of
from devnet.roles.reset import Forking
from devnet.roles.rollback import Rollback, Rollbacks
from devnet.roles.snapshot_reads import SnapshotReadNamespace
from devnet.roles.succession import Succession
from devnet.rpc.forwarding import ForwardingRpc
from devnet.rpc.server import RpcServer
from devnet.rpc.state_files import StateFileNamespace
from devnet.storage import Store


def assemble(
    role: RoleConfig,
    store: Store,
    engine: Engine,
    failure: Failure,
    rollbacks: Rollbacks,
    given_up: Rollback | None,
    *,
    keeps_trie: bool = True,
    compiles: bool = True,
) -> ChainNode:
    """A node around an engine that stands where the store's log ends. `given_up`: what was given up last, before this
    process began. `compiles`: whether contracts may be given native code."""
    config = role.config
    network = None
    if role.network is not None:
        network = NetworkService(role, role.network, engine, store, rollbacks, given_up, failure)
    rpc = ForwardingRpc(engine)
    succession = Succession(role, store, engine)

    def more() -> dict[str, Any]:
        return (network.health() if network is not None else {}) | succession.health()

    status = NodeStatus(role, store, engine.validated_block, more)
    accounts = derive(config.accounts.mnemonic, config.accounts.count)
    fork = forked_from(config, store)
    server = RpcServer(rpc, server_settings(config, accounts, store.identity, fork), status.health)
    jit = compiler_for(role, engine, failure, executes_to_check=not compiles)
    console = ConsoleLog(engine, server.hub.publish_console, failure, wanted=config.log.console)
    limit = network.may_be_folded if network is not None else lambda: 2**63
    if config.fork.url is not None:
        # A snapshot can't tell what was removed here from what still is to be read from the remote.
        limit = int  # zero
    snapshots = snapshotter(config, store, failure, limit)
    pruner = pruner_of(config, store, failure)
    state_files = state_files_of(role, engine, rpc, server.settings, network)
    reads = SnapshotReadNamespace(
        engine, store, status, config.blocks.block_time_s, is_fork=config.fork.url is not None
    )
    node = ChainNode(
        *(
            role,
            store,
            engine,
            rpc,
            server,
            status,
            network,
            jit,
            console,
            snapshots,
            pruner,
            state_files,
            reads,
        ),
        failure,
        keeps_trie=keeps_trie,
        succession=succession,
    )
    server.serve(
        LogNamespace(store),
        JitNamespace(jit),
        ConsoleNamespace(console.hear),
        GoingBackNamespace(
            *(store, node.rewind, server.require_sendable, server.send, server.empty_pool),
            fork=Forking(config.fork.url, fork.number) if fork is not None else None,
        ),
        StateFileNamespace(state_files, config.rpc.max_answer_bytes),
        reads,
        PruneNamespace(role.token, pruner),
    )
    if network is not None:
        server.serve(
            DevnetNamespace(role.token, network.incidents, network.inject, network.reproductions),
            ModeNamespace(
                *(role.token, node.lead, node.follow, node.promote),
                is_leased=role.network is not None and bool(role.network.lease),
            ),
        )
    return node
