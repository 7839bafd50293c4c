"""A sequencer's fork: which block of which remote its chain goes on from, and who answers the engine's questions."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from devnet._engine import Engine
from devnet.config import Config
from devnet.fork import (
    Fetcher,
    ForkCache,
    ForkPoint,
    LeaderFirst,
    Remote,
    RemoteFault,
    RemoteSilentError,
    crowded_buckets,
    data_buckets,
    find_point,
    fork_genesis,
    require_same_chain,
)
from devnet.fork.genesis import ETHEREUM
from devnet.genesis import DevAccount, GenesisFile
from devnet.role_config import RoleConfig
from devnet.rpc.settings import ForkedFrom
from devnet.storage import Store
from devnet.threads import OnDeath

log = logging.getLogger(__name__)

CHECK_S: Final = 15.0
"""How long a start waits for a remote that it need not have."""
DIRECTORY: Final = "fork"
"""Below the node's own directory. Stays when the chain there is begun anew: it may be of the same block again."""


@dataclass(frozen=True)
class Fork:
    """Where the chain goes on from, and how what lies there is read."""

    point: ForkPoint
    remote: Remote
    cache: ForkCache

    def genesis_document(self, config: Config, accounts: list[DevAccount], file: GenesisFile) -> bytes:
        """The document of a new chain. RemoteSilentError: the remote does not say what it takes."""

        def ask(method: str, params: str) -> bytes:
            return self.cache.through(self.remote.ask, method, params)

        crowded = self._crowded(config)
        try:
            document = fork_genesis(
                self.point,
                accounts,
                config.balance_wei,
                file.alloc,
                ask,
                spec=config.chain.spec,
                crowded=crowded,
            )
        except RemoteFault as fault:
            raise RemoteSilentError(f"the fork's remote {self.remote.name} refuses", fault.message) from None
        return orjson.dumps(document)

    def _crowded(self, config: Config) -> dict[int, int]:
        """The remote's buckets that have grown, where storage gas depends on them and there are as many here."""
        if config.chain.spec == ETHEREUM or data_buckets(self.remote) != config.chain.salt_data_buckets:
            return {}
        crowded = crowded_buckets(self.remote, self.point)
        if crowded:
            log.info(
                "%d buckets of %s's state have grown, as far as is known", len(crowded), self.remote.name
            )
        return crowded


def open_fork(role: RoleConfig, store: Store) -> Fork | None:
    """The fork of the chain in the store, or of one that is to begin there; None where there is none. A remote that
    does not answer is no hindrance to a chain that is there; one that has another chain is a ConfigError, of who leads
    from the start."""
    settings = role.config.fork
    if settings.url is None:
        return None
    if store.identity is None:
        remote = Remote(settings.url, settings.headers)
        point = find_point(remote, settings.block_number)
    else:
        document = orjson.loads(store.genesis)
        if "fork" not in document:
            return None
        point = known_point(document)
        if role.network is not None and role.network.sequencer:
            remote = LeaderFirst(role.network.sequencer, settings.url, settings.headers)
            return Fork(point, remote, ForkCache(Path(role.data_dir) / DIRECTORY, point))
        remote = Remote(settings.url, settings.headers)
        with Remote(settings.url, settings.headers, timeout_s=CHECK_S, attempts=1) as hurried:
            _check(hurried, point)
    return Fork(point, remote, ForkCache(Path(role.data_dir) / DIRECTORY, point))


def forked_from(config: Config, store: Store) -> ForkedFrom | None:
    """What tools are told of it."""
    if config.fork.url is None:
        return None
    point = known_point(orjson.loads(store.genesis))
    with Remote(config.fork.url, config.fork.headers) as remote:
        return ForkedFrom(remote.name, point.chain_id, point.number, point.hash)


def known_point(document: dict[str, Any]) -> ForkPoint:
    """Where the chain of a genesis document was forked."""
    return ForkPoint(**document["fork"], timestamp=document["timestamp"] - 1)


def fetcher_of(fork: Fork, engine: Engine, failure: OnDeath) -> Fetcher:
    """Who answers the engine's questions, at work."""
    fetcher = Fetcher(engine, fork.remote, fork.cache, failure)
    fetcher.start()
    return fetcher


def _check(remote: Remote, point: ForkPoint) -> None:
    try:
        require_same_chain(remote, point)
    except RemoteSilentError as silence:
        log.warning("%s: what is not in the cache of the fork cannot be read", silence)
