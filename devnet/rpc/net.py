"""The `net_` namespace: which network this is. Nothing here is about the chain's content."""

from __future__ import annotations

import orjson

from devnet.rpc.engine_bridge import Call
from devnet.rpc.methods import method


class NetNamespace:
    """What a client asks first."""

    def __init__(self, chain_id: int) -> None:
        self._chain_id = chain_id

    @method("net_version", about="The chain's id, decimal.")
    async def version(self, given: list[object], call: Call) -> bytes:
        """Name the network."""
        return orjson.dumps(str(self._chain_id))

    @method("net_listening", about="True.")
    async def listening(self, given: list[object], call: Call) -> bytes:
        """Tell that who asks is answered."""
        return b"true"

    @method("net_peerCount", about="Zero: no peers of Ethereum's kind.")
    async def peer_count(self, given: list[object], call: Call) -> bytes:
        """Count what is not there."""
        return b'"0x0"'
