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
from devnet.errors import ConfigError
from devnet.fork import ForkPoint
from devnet.fork.settle import FORK, UNFORKED
from devnet.genesis import DevAccount, GenesisFile, genesis
from devnet.snapshots.rules import RULES
from devnet.storage import Identity

GENESIS_TIMESTAMP = "genesis_timestamp"
"""Chains that were made before it could be chosen have no such setting."""
INTERVENTIONS = "interventions"
"""Likewise: those know none."""
NAMES = {
    **RULES,
    "accounts": "the developer accounts (--mnemonic, --accounts)",
    "balance_wei": "the developer accounts' balance in wei (--balance)",
    "genesis_file": "the content of the --genesis file",
    GENESIS_TIMESTAMP: "the genesis timestamp (--genesis-timestamp, or in the --genesis file)",
    INTERVENTIONS: "whether interventions are allowed (--interventions, --no-interventions)",
    FORK: "what it was forked from (--fork-url, --fork-block)",
}
"""What a user calls each setting of the identity."""


def genesis_document(
    config: Config, accounts: list[DevAccount], file: GenesisFile, first_start: int
) -> bytes:
    """The document that is stored with a new chain; `first_start` is its timestamp where nobody has chosen one."""
    chosen = chosen_timestamp(config, file)
    timestamp = first_start if chosen is None else chosen
    return orjson.dumps(genesis(timestamp, accounts, config.balance_wei, file.alloc, spec=config.chain.spec))


def chosen_timestamp(config: Config, file: GenesisFile) -> int | None:
    """Block 0's timestamp as the user wants it: the flag's before the file's; None where neither says."""
    chosen = config.chain.genesis_timestamp
    return file.timestamp if chosen is None else chosen


def check_genesis(config: Config, file: GenesisFile, now: int) -> None:
    """Refuses a genesis that a chain begun now cannot have."""
    chosen = chosen_timestamp(config, file)
    if chosen is not None and chosen >= now:
        raise ConfigError(
            f"the genesis timestamp {chosen} is in the future",
            f"it is {now} now, and every block's timestamp is later than its parent's",
            "choose one in the past, or leave it out",
        )


def first_block(document: bytes) -> int:
    """The number of the first block of a chain: the one after a fork."""
    fork = orjson.loads(document).get("fork")
    return 0 if fork is None else int(fork["number"]) + 1


def identity_settings(
    config: Config, accounts: list[DevAccount], file: GenesisFile, fork: ForkPoint | None = None
) -> dict[str, Any]:
    """The settings that block 0 and every later block depend on, comparable and short."""
    timestamp = chosen_timestamp(config, file)
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
        "genesis_file": _digest(orjson.dumps(file.alloc, option=orjson.OPT_SORT_KEYS))
        if file.alloc
        else "none",
        GENESIS_TIMESTAMP: "left open" if timestamp is None else str(timestamp),
        INTERVENTIONS: config.chain.interventions,
        FORK: UNFORKED if fork is None else _forked(config, fork),
    }


def _forked(config: Config, fork: ForkPoint) -> str:
    wanted = fork.number if config.fork.block_number is None else config.fork.block_number
    return f"block {wanted} of chain {fork.chain_id}"


def has_interventions(config: Config, identity: Identity | None) -> bool:
    """Whether the chain's rules know interventions: as it was made, or as it will be."""
    if identity is None:
        return config.chain.interventions
    return bool(identity.settings.get(INTERVENTIONS, False))


def engine_config(
    config: Config, document: bytes, keeps_trie: bool = True, interventions: bool = False
) -> bytes:
    """The engine's configuration: today's settings over the chain's genesis. `keeps_trie`: whether the state root is
    computed here. `interventions`: whether the chain's rules know them."""
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
            "interventions": interventions,
            "mining": mining_mode(config),
            "quorum": config.network.quorum if config.network.provers else 0,
            "pool": {
                "account_slots": config.pool.account_slots,
                "total_slots": config.pool.total_slots,
                "price_bump_percent": config.pool.price_bump_percent,
                "order": config.blocks.order,
            },
            "rpc": {
                "max_batch": config.rpc.max_batch,
                "max_answer_bytes": config.rpc.max_answer_bytes,
                "max_call_bytes": config.rpc.max_call_bytes,
                "max_work_bytes": config.rpc.max_work_bytes,
                "call_timeout_ms": round(config.rpc.call_timeout_s * 1000),
            },
            "open_block": config.rpc.open_block,
        }
    )


def mining_mode(config: Config) -> str:
    """When blocks are closed, as the engine calls it."""
    if not config.blocks.mining:
        return "manual"
    return "automine" if config.blocks.automine else "continuous"


def _capacities(config: Config) -> Mapping[str, int]:
    return {str(bucket): slots for bucket, slots in sorted(config.chain.bucket_capacity)}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
