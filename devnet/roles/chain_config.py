"""From the devnet's settings to what the engine takes, and to what makes a chain this chain and no other.

Block 0 is stored with the chain, therefore a later version with other predeploys, or a second start at
another time, goes on with the same genesis. Settings that only say how the node works (mini-block time, pool,
memory) may change from start to start; those in `identity_settings` may not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from devnet.config import Config
from devnet.genesis import DevAccount, genesis
from devnet.genesis.build import Alloc

NAMES = {
    "chain_id": "--chain-id",
    "spec": "--spec",
    "gas_limit": "--gas-limit",
    "base_fee": "--base-fee",
    "bucket_capacity": "--bucket-capacity",
    "salt_data_buckets": "--salt-data-buckets",
    "accounts": "the developer accounts (--mnemonic, --accounts)",
    "balance_wei": "the developer accounts' balance in wei (--balance)",
    "genesis_file": "the content of the --genesis file",
}
"""What a user calls each setting of the identity."""


def genesis_document(config: Config, accounts: list[DevAccount], extra: Alloc, timestamp: int) -> bytes:
    """The document that is stored with a new chain."""
    return orjson.dumps(genesis(timestamp, accounts, config.balance_wei, extra))


def identity_settings(config: Config, accounts: list[DevAccount], extra: Alloc) -> dict[str, Any]:
    """The settings that block 0 and every later block depend on, comparable and short."""
    addresses = ",".join(account.address.lower() for account in accounts)
    return {
        "chain_id": config.chain.chain_id,
        "spec": config.chain.spec,
        "gas_limit": config.chain.gas_limit,
        "base_fee": config.chain.base_fee,
        "bucket_capacity": dict(_capacities(config)),
        "salt_data_buckets": config.chain.salt_data_buckets,
        "accounts": f"{len(accounts)}, {accounts[0].address} first ({_digest(addresses.encode())})"
        if accounts
        else "none",
        "balance_wei": str(config.balance_wei),
        "genesis_file": _digest(orjson.dumps(extra, option=orjson.OPT_SORT_KEYS)) if extra else "none",
    }


def engine_config(config: Config, document: bytes, keeps_trie: bool = True) -> bytes:
    """The engine's configuration: today's settings over the chain's genesis. `keeps_trie`: whether the state root is
    computed here."""
    return orjson.dumps(
        {
            "chain_id": config.chain.chain_id,
            "spec": config.chain.spec,
            "genesis": orjson.Fragment(document),
            "gas_limit": config.chain.gas_limit,
            "base_fee": config.chain.base_fee,
            "block_time_ms": round(config.blocks.block_time_s * 1000),
            "mini_block_time_us": config.blocks.mini_block_time_ms * 1000,
            "history_blocks": config.blocks.history_blocks,
            "execution_threads": config.blocks.execution_threads,
            "bucket_capacities": _capacities(config),
            "salt_data_buckets": config.chain.salt_data_buckets,
            "follow_commitment": keeps_trie,
            "quorum": config.network.quorum if config.network.provers else 0,
            "pool": {
                "account_slots": config.pool.account_slots,
                "total_slots": config.pool.total_slots,
                "price_bump_percent": config.pool.price_bump_percent,
                "order": config.blocks.order,
            },
        }
    )


def _capacities(config: Config) -> Mapping[str, int]:
    return {str(bucket): slots for bucket, slots in sorted(config.chain.bucket_capacity)}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
