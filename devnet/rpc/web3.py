"""The `web3_` namespace: what answers here, and Ethereum's hash."""

from __future__ import annotations

from typing import Final

import orjson

from devnet._engine import keccak256
from devnet.rpc import params
from devnet.rpc.engine_bridge import Call
from devnet.rpc.methods import method

HARDHAT: Final = b"hardhat"
"""How its requests' User-Agent begins, in small letters."""


class Web3Namespace:
    """Methods that need no chain."""

    def __init__(self, client_version: str) -> None:
        self._client_version = client_version

    @method("web3_clientVersion", about="What answers, and its version.")
    async def version(self, given: list[object], call: Call) -> bytes:
        """Name the program.

        Hardhat's network helpers work with nodes only whose version begins with one of three names. So Hardhat, which
        says in each request that it is that, is told one of them first; everybody else who asks learns who answers.
        """
        is_hardhat = call.client.user_agent[: len(HARDHAT)].lower() == HARDHAT
        return orjson.dumps(f"anvil/{self._client_version}" if is_hardhat else self._client_version)

    @method("web3_sha3", "data", about="The Keccak-256 hash of some bytes.")
    async def sha3(self, given: list[object], call: Call) -> bytes:
        """Hash."""
        return orjson.dumps("0x" + keccak256(params.data(given[0], "data")).hex())
