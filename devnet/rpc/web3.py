"""The `web3_` namespace: what answers here, and Ethereum's hash."""

from __future__ import annotations

import orjson

from devnet._engine import keccak256
from devnet.rpc import params
from devnet.rpc.dispatch import Handler
from devnet.rpc.engine_bridge import Call


def methods(client_version: str) -> dict[str, Handler]:
    """Return the methods of this namespace by name."""

    async def version(given: list[object], call: Call) -> bytes:
        params.exactly(given)
        return orjson.dumps(client_version)

    async def sha3(given: list[object], call: Call) -> bytes:
        [value] = params.exactly(given, "data")
        return orjson.dumps("0x" + keccak256(params.data(value, "data")).hex())

    return {"web3_clientVersion": version, "web3_sha3": sha3}
