"""Where a snapshot stands to the chain that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from megaeth_cli.chain.rpc_client import RpcClient


def is_in_chain(node: RpcClient, block: int, block_hash: str) -> bool:
    """Whether that block is one of the node's chain, which so can go back to it."""
    found = node.call("eth_getHeaderByNumber", hex(block))
    return found is not None and found["hash"] == block_hash
