"""What of a node's log is kept: the thread that prunes it, and the method that asks for more (`devnet_prune`).

Not here: how rows go (`storage/pruner.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict

import orjson

from devnet._engine import index_records
from devnet.config import Config, VerifyMode
from devnet.roles.authority import authorised
from devnet.roles.chain import fold_interval_s
from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import invalid_params, refused
from devnet.rpc.methods import method
from devnet.storage import Pruner, Store
from devnet.storage.pruner import Stopped
from devnet.threads import OnDeath

_ABOUT = "Forgets all but the newest blocks, and what only they need; where the log begins then."


def pruner_of(config: Config, store: Store, failure: OnDeath) -> Pruner:
    """The thread that prunes, as often as the snapshot moves. What the node's own validator has not come to stays."""
    is_validating = config.network.verify is VerifyMode.STATELESS

    def validated() -> int:
        found = store.validated
        return found.tip.number if found is not None else 0

    limit: Callable[[], int] | None = validated if is_validating else None
    return Pruner(store, index_records, failure, config.storage.history, limit, fold_interval_s(config))


class PruneNamespace:
    """Of a node with a chain, for who has the devnet's token."""

    def __init__(self, token: str, pruner: Pruner) -> None:
        self._token = token
        self._pruner = pruner

    @method("devnet_prune", "token", "keep", about=_ABOUT)
    async def prune(self, given: list[object], call: Call) -> bytes:
        """Keep so many blocks; answered when the disk has been given back."""
        [keep] = authorised(self._token, given)
        if not isinstance(keep, int) or isinstance(keep, bool) or keep < 1:
            raise invalid_params("keep must be a number of blocks, 1 at least")
        try:
            pruned = await asyncio.wrap_future(self._pruner.ask(keep))
        except Stopped:
            raise refused("the node stops") from None
        return orjson.dumps(asdict(pruned))
