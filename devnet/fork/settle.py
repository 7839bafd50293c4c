"""What a fork's settings leave open, found out before anything starts: the chain id, the block of a new fork, the rules
of a chain that has a published schedule, and over how many buckets the state is spread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from devnet._engine import published_spec
from devnet.config import ChainSettings, Config
from devnet.fork.buckets import data_buckets
from devnet.fork.genesis import ETHEREUM
from devnet.fork.point import find_point
from devnet.fork.remote import Remote
from devnet.storage.identity import CARD, Identity

FORK = "fork"
"""The setting of a chain's identity that says where it was forked."""
UNFORKED = "none"


REMOTE_TIMEOUT_S: Final = 10.0
"""For one answer, while a person waits."""
REMOTE_PATIENCE_S: Final = 15.0
"""After that a question is not asked again."""


def settled(config: Config, node_dir: Path, tell: Callable[[str], object] = lambda _: None) -> Config:
    """The same settings with nothing left open. The remote is asked unless `node_dir` holds the fork already, which
    goes on without it. `tell`: what takes long. ConfigError, or RemoteSilentError."""
    fork, chain = config.fork, config.chain
    if fork.url is None:
        return config
    known = None if config.storage.reset else _known(node_dir)
    if known is not None:
        chain_id, spec = known.chain_id, str(known.settings["spec"])
        buckets = int(known.settings.get("salt_data_buckets", chain.salt_data_buckets))
    else:
        with Remote(
            fork.url,
            fork.headers,
            timeout_s=REMOTE_TIMEOUT_S,
            patience_s=REMOTE_PATIENCE_S,
            retrying=tell,
        ) as remote:
            point = find_point(remote, fork.block_number)
            buckets = data_buckets(remote) if chain.spec != ETHEREUM else chain.salt_data_buckets
        chain_id, spec = point.chain_id, published_spec(point.chain_id, point.timestamp) or chain.spec
        fork = replace(fork, block_number=point.number)
    defaults = ChainSettings()
    if chain.chain_id == defaults.chain_id:
        chain = replace(chain, chain_id=chain_id)
    if chain.spec == defaults.spec:
        chain = replace(chain, spec=spec)
    if chain.salt_data_buckets == defaults.salt_data_buckets:
        chain = replace(chain, salt_data_buckets=buckets)
    return replace(config, chain=chain, fork=fork)


def _known(node_dir: Path) -> Identity | None:
    """The fork that is there already."""
    card = node_dir / CARD
    if not card.exists():
        return None
    identity = Identity.decode(card.read_bytes(), node_dir)
    return identity if identity.settings.get(FORK, UNFORKED) != UNFORKED else None
