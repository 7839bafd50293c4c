"""The `net_` namespace: which network this is. Nothing here is about the chain's content."""

from __future__ import annotations

import orjson

from devnet.rpc import params
from devnet.rpc.dispatch import Handler
from devnet.rpc.engine_bridge import Call


def methods(chain_id: int) -> dict[str, Handler]:
    """Return the methods of this namespace by name."""

    async def version(given: list[object], call: Call) -> bytes:
        params.exactly(given)
        return orjson.dumps(str(chain_id))

    async def listening(given: list[object], call: Call) -> bytes:
        params.exactly(given)
        return b"true"

    async def peer_count(given: list[object], call: Call) -> bytes:
        params.exactly(given)
        return b'"0x0"'

    return {"net_version": version, "net_listening": listening, "net_peerCount": peer_count}
