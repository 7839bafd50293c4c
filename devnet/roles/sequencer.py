"""The sequencer: one engine, its store, and a JSON-RPC server around it.

| thread               | owns                                                                           |
|----------------------|--------------------------------------------------------------------------------|
| main                 | the event loop: sockets, subscriptions, signals; start and stop of the rest     |
| `chain-log`          | appending to the store (`roles/chain_log.py`)                                  |
| `snapshot`           | the state snapshot (`storage/snapshot.py`)                                     |
| `rpc-*`              | waiting for the engine's answers (`rpc/server.py`)                             |
| the engine's own     | building, executing, recovering senders; never touch Python except its archive |

A failure in any thread ends the process with a message and exit code 1: a node that is half alive would take
transactions it can't keep.

Not here: processes (`devnet/supervisor.py`), and any knowledge of methods or records.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from devnet._engine import Engine, EngineError, fold_diffs
from devnet.config import Config
from devnet.errors import ConfigError, UnavailableError
from devnet.genesis import DevAccount, derive, load_alloc
from devnet.role_config import RoleConfig, run_role, write_ready_file
from devnet.roles import chain_config
from devnet.roles.chain_log import ChainLog
from devnet.rpc.server import RpcServer, new_event_loop, tune_interpreter
from devnet.rpc.settings import ServerSettings
from devnet.storage import Corrupted, Identity, Snapshotter, Store, StoreArchive, restore

log = logging.getLogger(__name__)

LOCK_PATIENCE_S = 2.0
"""A killed predecessor may take a moment to let go of its files."""
DRAIN_S = 0.4
"""For requests in work when the stop begins; a stop as a whole takes less than 1.5 s."""
CATCH_UP_S = 0.5
"""For the snapshot on stop; what is left over is replayed from the log at the next start."""
SNAPSHOT_S, SNAPSHOT_LEAST_S, SNAPSHOT_BLOCKS = 5.0, 0.05, 5
DEATH_S = 5.0
"""A process that failed and can't even stop is ended after this."""
FAILED_EXIT = 1


def serve(role: RoleConfig) -> None:
    """Runs until SIGTERM, SIGINT or a failure."""
    logging.basicConfig(
        level=role.config.log.level.upper(),
        stream=sys.stderr,
        format="%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    loop = new_event_loop()
    asyncio.set_event_loop(loop)
    failure = Failure(loop)
    try:
        loop.run_until_complete(_serve(role, failure))
    finally:
        loop.close()
    if failure.error is not None:
        log.critical("the sequencer failed: %r", failure.error, exc_info=failure.error)
        die()


async def _serve(role: RoleConfig, failure: Failure) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, failure.stopping.set)
    accounts = derive(role.config.accounts.mnemonic, role.config.accounts.count)
    with open_chain(role, accounts) as (engine, store):
        server = RpcServer(engine, server_settings(role.config, accounts), lambda: _health(role, store))
        chain_log = ChainLog(engine, store, server.hub, failure)
        # A few blocks at a time; with short blocks more often, as they hold less.
        interval_s = min(SNAPSHOT_S, SNAPSHOT_BLOCKS * role.config.blocks.block_time_s)
        snapshotter = Snapshotter(store, fold_diffs, failure, max(interval_s, SNAPSHOT_LEAST_S))
        await _listen(server, role)
        engine.start()
        chain_log.start()
        snapshotter.start()
        write_ready_file(role, {"http": server.http_url, "ws": server.ws_url}, server.port)
        tune_interpreter()
        await failure.stopping.wait()
        began = time.monotonic()
        await server.stop(DRAIN_S)
        # In a thread: the engine hands its last blocks to the log and its last answers to the loop meanwhile.
        written = await loop.run_in_executor(None, chain_log.finish, DEATH_S)
        snapshotter.stop(CATCH_UP_S if written and failure.error is None else 0.0)
        log.info("stopped at %s in %.2f s", store.tip, time.monotonic() - began)


@contextmanager
def open_chain(role: RoleConfig, accounts: list[DevAccount]) -> Iterator[tuple[Engine, Store]]:
    """The engine at the place where the log ends, and its store; nothing is running yet."""
    config = role.config
    extra = load_alloc(Path(config.chain.genesis)) if config.chain.genesis else {}
    settings = chain_config.identity_settings(config, accounts, extra)
    with Store.open(Path(role.data_dir), LOCK_PATIENCE_S) as store:
        if store.identity is None:
            # In the past, so that block 1, whose timestamp is later, need not wait for the next second.
            timestamp = int(time.time()) - 1
            document = chain_config.genesis_document(config, accounts, extra, timestamp)
        else:
            store.require(settings, chain_config.NAMES)
            document = store.genesis
        try:
            engine = Engine(chain_config.engine_config(config, document), StoreArchive(store))
        except (EngineError, ValueError) as error:
            raise ConfigError("the engine can't make a chain of these settings", str(error)) from None
        genesis_hash = engine.genesis_hash()
        if store.identity is None:
            store.create(Identity(config.chain.chain_id, genesis_hash, settings), document)
        elif store.identity.genesis_hash != genesis_hash:
            raise Corrupted(
                store.directory,
                f"its genesis is 0x{store.identity.genesis_hash.hex()}, "
                f"but this version makes 0x{genesis_hash.hex()} of it",
            )
        try:
            restore(store, engine)
        except EngineError as error:
            raise Corrupted(store.directory, str(error)) from None
        yield engine, store


def server_settings(config: Config, accounts: list[DevAccount]) -> ServerSettings:
    """The settings of the JSON-RPC server from those of the devnet."""
    return ServerSettings(
        host=config.rpc.host,
        port=config.rpc.port,
        chain_id=config.chain.chain_id,
        accounts={account.address: account.key for account in accounts},
        allow_origins=config.rpc.allow_origins,
        allow_hosts=config.rpc.allow_hosts,
        max_body_bytes=config.rpc.max_body_bytes,
        max_batch=config.rpc.max_batch,
        max_connections=config.rpc.max_connections,
    )


async def _listen(server: RpcServer, role: RoleConfig) -> None:
    try:
        await server.start()
    except OSError as error:
        rpc = role.config.rpc
        raise UnavailableError(
            f"cannot listen on {rpc.host}:{rpc.port}",
            os.strerror(error.errno) if error.errno else str(error),
            "stop what listens there, or choose another --port (0 picks a free one)",
        ) from None


def _health(role: RoleConfig, store: Store) -> dict[str, Any]:
    mini, block = store.tip or (-1, 0)
    return {
        "ready": True,
        "status": "ok",
        "node": role.node,
        "role": role.role,
        "height": block,
        "mini_block": max(mini, 0),
    }


class Failure:
    """Called by any thread with the error that ends it: the first one stops the process."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.error: BaseException | None = None
        self.stopping = asyncio.Event()
        self._loop = loop

    def __call__(self, error: BaseException) -> None:
        """Notes the error and asks the event loop to stop."""
        if self.error is None:
            self.error = error
            log.critical("thread %s failed: %r", threading.current_thread().name, error)
            watchdog = threading.Timer(DEATH_S, die)
            watchdog.daemon = True
            watchdog.start()
        self._loop.call_soon_threadsafe(self.stopping.set)


def die() -> NoReturn:
    """Ends the process whatever its threads do."""
    logging.shutdown()
    os._exit(FAILED_EXIT)


if __name__ == "__main__":
    run_role(serve)
