"""A devnet's genesis document, as MegaETH's node and validator read one: what block 0 says, and a `config` that tells
when which hardfork begins."""

from typing import Any, Final

from megaeth_cli.chain.rpc_client import RpcClient, RpcError
from megaeth_cli.errors import CliError

Json = Any

FIELDS: Final = {
    "nonce": "nonce",
    "timestamp": "timestamp",
    "extraData": "extraData",
    "gasLimit": "gasLimit",
    "difficulty": "difficulty",
    "mixHash": "mixHash",
    "coinbase": "miner",
    "number": "number",
    "gasUsed": "gasUsed",
    "parentHash": "parentHash",
    "baseFeePerGas": "baseFeePerGas",
    "excessBlobGas": "excessBlobGas",
    "blobGasUsed": "blobGasUsed",
}
"""The document's names for fields of block 0's header."""


def genesis_of(node: RpcClient) -> dict[str, Json]:
    """The document of a node's chain. CliError if the node does not tell its rules.

    `alloc` is empty, as in the documents that MegaETH publishes: block 0's state root is SALT's, which nobody computes
    from an allocation.
    """
    try:
        config = node.call("mega_getChainRules").get("config")
    except RpcError as error:
        raise _no_devnet(node, str(error)) from error
    if config is None:
        raise _no_devnet(node, "its answer to mega_getChainRules has no config")
    block = node.call("eth_getBlockByNumber", "0x0", False)
    header = {name: block[of_block] for name, of_block in FIELDS.items() if block.get(of_block) is not None}
    return {"config": config, **header, "alloc": {}}


def _no_devnet(node: RpcClient, why: str) -> CliError:
    return CliError(
        f"{node.url} does not tell its chain's genesis", why, "megaeth devnet up starts one that does"
    )
