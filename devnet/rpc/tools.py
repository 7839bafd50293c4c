"""What testing tools ask of a local node besides: what it is, and what cannot be changed here, with the reason.

Not here: what is done to the state (`interventions.py`), blocks, time and the pool (the engine).
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any, Final

import orjson

from devnet.rpc.backend import Backend
from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import refused
from devnet.rpc.methods import method
from devnet.rpc.settings import ServerSettings

HEADERS_ARE_CHECKED: Final = (
    "whoever checks a block compares its header with the chain's rules, which are the same for all blocks"
)
NOT_HERE: Final = {
    "coinbase": f"the account that receives fees cannot be changed: {HEADERS_ARE_CHECKED}",
    "base fee": f"the base fee cannot be changed for a block: {HEADERS_ARE_CHECKED}. Begin a chain with --base-fee",
    "gas limit": f"the gas limit cannot be changed for a block: {HEADERS_ARE_CHECKED}. Begin a chain with --gas-limit",
    "prevrandao": (
        "PREVRANDAO cannot be chosen: it follows from the parent's hash, and whoever checks the block computes it"
    ),
    "chain id": "the chain id cannot be changed: it is part of what the chain is. Begin a chain with --chain-id",
    "gas price": "there is no least price besides the base fee, which all blocks share. Begin a chain with --base-fee",
    "signature": (
        "ECRECOVER cannot be made to find another signer: whoever checks a block executes it by the same rules. "
        "anvil_impersonateAccount sends transactions in anybody's name"
    ),
    "traces": "there is nothing to turn on: debug_traceTransaction and trace_transaction tell of every transaction",
    "fork": "what a chain is forked from is chosen when it begins: megaeth devnet up --fork-url URL",
}
"""What cannot hold here, and why."""


class ToolNamespace:
    """Facts about the node in the forms that anvil and hardhat have for them, and refusals that say why."""

    def __init__(self, backend: Backend, settings: ServerSettings) -> None:
        self._backend = backend
        self._settings = settings
        self._instance = "0x" + hashlib.sha256(uuid.uuid4().bytes).hexdigest()

    def _fork_config(self) -> dict[str, Any]:
        """As anvil names it."""
        fork = self._settings.fork
        url, number = (fork.url, fork.number) if fork is not None else (None, None)
        return {"forkUrl": url, "forkBlockNumber": number, "forkRetryBackoff": None}

    def _forked_network(self) -> dict[str, Any] | None:
        """As hardhat names it."""
        fork = self._settings.fork
        if fork is None:
            return None
        return {"chainId": fork.chain_id, "forkBlockNumber": fork.number, "forkBlockHash": fork.hash}

    async def _newest(self) -> dict[str, Any]:
        block = await self._backend.call("eth_getBlockByNumber", "latest", False)
        assert isinstance(block, dict)
        return block

    @method("anvil_nodeInfo", about="The newest block, the rules and the prices, as anvil tells them.")
    async def node_info(self, given: list[object], call: Call) -> bytes:
        """Tell what the node is."""
        block = await self._newest()
        rules: Any = await self._backend.call("mega_getChainRules")
        return orjson.dumps(
            {
                "currentBlockNumber": block["number"],
                "currentBlockTimestamp": int(block["timestamp"], 16),
                "currentBlockHash": block["hash"],
                "hardFork": rules["spec"],
                "transactionOrder": "fifo" if self._settings.order == "fifo" else "fees",
                "environment": {
                    "baseFee": block["baseFeePerGas"],
                    "chainId": self._settings.chain_id,
                    "gasLimit": block["gasLimit"],
                    "gasPrice": await self._backend.call("eth_gasPrice"),
                },
                "forkConfig": self._fork_config(),
                "network": "megaeth",
            }
        )

    @method("anvil_metadata", about="The program, the chain and its newest block, as anvil tells them.")
    @method("hardhat_metadata", about="The program, the chain and its newest block, as hardhat tells them.")
    async def metadata(self, given: list[object], call: Call) -> bytes:
        """Tell which program runs which chain."""
        block = await self._newest()
        return orjson.dumps(
            {
                "clientVersion": self._settings.client_version,
                "chainId": self._settings.chain_id,
                "instanceId": self._instance,
                "latestBlockNumber": int(block["number"], 16),
                "latestBlockHash": block["hash"],
                "forkedNetwork": self._forked_network(),
                "snapshots": {},
            }
        )

    @method("anvil_getGenesisTime", about="The first block's timestamp.")
    async def genesis_time(self, given: list[object], call: Call) -> bytes:
        """Tell when the chain began."""
        block: Any = await self._backend.call("eth_getBlockByNumber", "earliest", False)
        return orjson.dumps(int(block["timestamp"], 16))

    @method(
        "anvil_getLastBlockWallTime", about="When the newest block was closed, in milliseconds since 1970."
    )
    async def last_block_wall_time(self, given: list[object], call: Call) -> bytes:
        """Tell when the newest block's last mini-block was sealed; of the first block, its timestamp."""
        block = await self._newest()
        minis: Any = await self._backend.call("mega_getBlockMiniBlocks", block["number"])
        if not minis:
            return orjson.dumps(int(block["timestamp"], 16) * 1000)
        return orjson.dumps(int(minis[-1]["mini_block_timestamp"], 16) // 1000)

    @method("anvil_setCoinbase", "address", about="Refused: whoever checks a block knows who receives fees.")
    @method(
        "hardhat_setCoinbase", "address", about="Refused: whoever checks a block knows who receives fees."
    )
    async def set_coinbase(self, given: list[object], call: Call) -> bytes:
        """Say why not."""
        raise refused(NOT_HERE["coinbase"])

    @method("anvil_setNextBlockBaseFeePerGas", "base fee", about="Refused: the base fee is the chain's.")
    @method("hardhat_setNextBlockBaseFeePerGas", "base fee", about="Refused: the base fee is the chain's.")
    async def set_base_fee(self, given: list[object], call: Call) -> bytes:
        """Say why not."""
        raise refused(NOT_HERE["base fee"])

    @method("anvil_setBlockGasLimit", "gas limit", about="Refused: the gas limit is the chain's.")
    @method("evm_setBlockGasLimit", "gas limit", about="Refused: the gas limit is the chain's.")
    async def set_gas_limit(self, given: list[object], call: Call) -> bytes:
        """Say why not."""
        raise refused(NOT_HERE["gas limit"])

    @method("anvil_setMinGasPrice", "gas price", about="Refused: the base fee is the least.")
    @method("hardhat_setMinGasPrice", "gas price", about="Refused: the base fee is the least.")
    async def set_min_gas_price(self, given: list[object], call: Call) -> bytes:
        """Say why not."""
        raise refused(NOT_HERE["gas price"])

    @method("anvil_setNextBlockPrevRandao", "value", about="Refused: it follows from the parent's hash.")
    @method("hardhat_setPrevRandao", "value", about="Refused: it follows from the parent's hash.")
    async def set_prevrandao(self, given: list[object], call: Call) -> bytes:
        """Say why not."""
        raise refused(NOT_HERE["prevrandao"])

    @method("anvil_setChainId", "chain id", about="Refused: it is part of what the chain is.")
    async def set_chain_id(self, given: list[object], call: Call) -> bytes:
        """Say why not."""
        raise refused(NOT_HERE["chain id"])

    @method("anvil_impersonateSignature", "signature", "address", about="Refused: ECRECOVER is a rule.")
    async def impersonate_signature(self, given: list[object], call: Call) -> bytes:
        """Say why not."""
        raise refused(NOT_HERE["signature"])

    @method("anvil_enableTraces", about="Refused: every transaction can be traced.")
    async def enable_traces(self, given: list[object], call: Call) -> bytes:
        """Say why not."""
        raise refused(NOT_HERE["traces"])

    @method("anvil_setRpcUrl", "url", about="Refused: what is forked is chosen when a chain begins.")
    async def set_rpc_url(self, given: list[object], call: Call) -> bytes:
        """Say why not."""
        raise refused(NOT_HERE["fork"])
