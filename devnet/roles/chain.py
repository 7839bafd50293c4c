"""An engine at the place where a node's log ends, its store, and the threads and settings that go with them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devnet._engine import Engine, EngineError, fold_diffs, native_rules
from devnet.config import Config
from devnet.descriptors import share_out
from devnet.errors import ConfigError, cannot_listen
from devnet.genesis import DevAccount
from devnet.jit.policy import Policy
from devnet.jit.service import JitService
from devnet.role_config import RoleConfig
from devnet.roles import chain_config
from devnet.roles.network_service import NetworkService
from devnet.roles.process import end_with
from devnet.rpc.backend import Backend
from devnet.rpc.engine_rpc import ChainRpc
from devnet.rpc.gateway.rules import Gateway
from devnet.rpc.interventions import Interventions
from devnet.rpc.listener import bind
from devnet.rpc.settings import ForkedFrom, ServerSettings
from devnet.rpc.state_files import PIECES_AT_ONCE, StateFiles
from devnet.session import Role
from devnet.storage import Corrupted, Identity, Snapshotter, Store, StoreArchive, restore

ANSWER_TIMEOUT_S = 600.0
"""By then every request is answered, if only with an error."""
LOCK_PATIENCE_S = 2.0
"""A killed predecessor may take a moment to let go of its files."""
DRAIN_S = 0.4
"""For requests in work when the stop begins; a stop as a whole takes less than 1.5 s."""
CATCH_UP_S = 0.5
"""For the snapshot on stop; what is left over is replayed from the log at the next start."""
SNAPSHOT_S, SNAPSHOT_LEAST_S, SNAPSHOT_BLOCKS = 5.0, 0.05, 5


def open_store(role: RoleConfig) -> Store:
    """The node's own store, waiting for a predecessor that is just dying."""
    store = Store.open(
        Path(role.data_dir),
        LOCK_PATIENCE_S,
        fsync=role.config.storage.syncs,
        max_open_files=share_out(role.config.rpc.max_connections).store,
    )
    # The engine would take an answer that can't be given for "not there". No answer is better than a wrong one.
    store.damaged = end_with
    return store


def engine_for(
    config: Config,
    store: Store,
    document: bytes,
    identity: Callable[[bytes], Identity],
    keeps_trie: bool = True,
) -> Engine:
    """A fresh engine of the chain in the store; a new store is given its identity."""
    try:
        interventions = chain_config.has_interventions(config, store.identity)
        settings = chain_config.engine_config(config, document, keeps_trie, interventions)
        engine = Engine(settings, StoreArchive(store))
    except (EngineError, ValueError) as error:
        raise ConfigError("the engine can't make a chain of these settings", str(error)) from None
    genesis_hash = engine.genesis_hash()
    if store.identity is None:
        store.create(identity(genesis_hash), document, chain_config.first_block(document))
    elif store.identity.genesis_hash != genesis_hash:
        raise Corrupted(
            store.directory,
            f"its genesis is 0x{store.identity.genesis_hash.hex()}, "
            f"but this version makes 0x{genesis_hash.hex()} of it",
        )
    return engine


def restore_engine(store: Store, engine: Engine) -> None:
    """Bring a fresh engine to where the log ends."""
    try:
        restore(store, engine)
    except EngineError as error:
        raise Corrupted(store.directory, str(error)) from None


def snapshotter(
    config: Config, store: Store, failure: Callable[[BaseException], None], limit: Callable[[], int]
) -> Snapshotter:
    """The snapshot thread."""
    return Snapshotter(store, fold_diffs, failure, fold_interval_s(config), limit=limit)


def fold_interval_s(config: Config) -> float:
    """How often the snapshot moves: a few blocks at a time; with short blocks more often, as they hold less."""
    return max(min(SNAPSHOT_S, SNAPSHOT_BLOCKS * config.blocks.block_time_s), SNAPSHOT_LEAST_S)


def compiler_for(
    role: RoleConfig,
    engine: Engine,
    failure: Callable[[BaseException], None],
    *,
    executes_to_check: bool = False,
) -> JitService:
    """The service that gives contracts native code; not to who executes to check what others say."""
    return JitService(
        engine,
        native_rules(role.config.chain.spec),
        Path(role.native_dir),
        Policy("off" if executes_to_check else role.config.jit.mode),
        failure=failure,
    )


def state_files_of(
    role: RoleConfig,
    engine: Engine,
    rpc: ChainRpc,
    settings: ServerSettings,
    network: NetworkService | None,
) -> StateFiles:
    """What takes the chain's accounts out and in."""

    def is_alone() -> bool:
        wanted = role.config.network.full_nodes + role.config.network.provers
        others = network is not None and (network.feeds_anybody or network.verification.quorum.counting)
        return settings.fork is None and not wanted and not others

    backend = Backend(rpc, PIECES_AT_ONCE)
    chain = {"chainId": role.config.chain.chain_id, "spec": role.config.chain.spec}
    interventions = Interventions(backend, settings.interventions, settings.gas_limit)
    return StateFiles(engine, backend, interventions, chain, is_alone)


def server_settings(
    config: Config,
    accounts: list[DevAccount],
    identity: Identity | None = None,
    fork: ForkedFrom | None = None,
) -> ServerSettings:
    """The settings of the JSON-RPC server from those of the devnet."""
    return ServerSettings(
        host=config.rpc.host,
        port=config.rpc.port,
        chain_id=config.chain.chain_id,
        interventions=chain_config.has_interventions(config, identity),
        fork=fork,
        gas_limit=config.chain.gas_limit,
        order=config.blocks.order,
        accounts={account.address: account.key for account in accounts},
        allow_origins=config.rpc.allow_origins,
        allow_hosts=config.rpc.allow_hosts,
        gateway=Gateway(config.rpc.gateway),
        gateway_port=config.rpc.gateway_port,
        max_body_bytes=config.rpc.max_body_bytes,
        max_message_bytes=config.rpc.max_body_bytes,
        max_batch=config.rpc.max_batch,
        max_answer_bytes=config.rpc.max_answer_bytes,
        max_connections=config.rpc.max_connections,
        max_filters=config.rpc.max_filters,
        # The engine's own limit comes first.
        answer_timeout_s=max(ANSWER_TIMEOUT_S, 2 * config.rpc.call_timeout_s),
    )


@dataclass(frozen=True)
class RpcSockets:
    """Where clients of a node knock."""

    own: list[socket.socket]
    gateway: list[socket.socket]
    """Empty without one."""


async def bind_rpc(role: RoleConfig) -> RpcSockets:
    """Take the ports of the JSON-RPC server, or tell the user why not.

    Done before the chain is read: clients that come back after a restart wait then, where many of them would give up
    after a connection that was refused.
    """
    rpc = role.config.rpc
    has_gateway = role.role is not Role.PROVER and rpc.gateway != Gateway.OFF
    return RpcSockets(
        await _bind(rpc.host, rpc.port, "--port"),
        await _bind(rpc.host, rpc.gateway_port, "--gateway-port") if has_gateway else [],
    )


async def _bind(host: str, port: int, flag: str) -> list[socket.socket]:
    try:
        return await bind(host, port)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise cannot_listen(host, port, why, flag) from None
