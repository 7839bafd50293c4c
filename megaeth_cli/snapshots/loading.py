"""A snapshot into the chain that runs: back to its block, or forward to its state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import orjson

from devnet._engine import StateContents
from megaeth_cli.chain.state_loading import Loaded, load_contents
from megaeth_cli.snapshots.difference import AccountDifference

if TYPE_CHECKING:
    from devnet.snapshots.manifest import Place
    from megaeth_cli.chain.rpc_client import RpcClient

_BATCH: Final = 20_000
"""Accounts and slots that are handed on at a time."""


def go_back(node: RpcClient, place: Place) -> None:
    """All nodes go back to the snapshot's block, which is in their chain: what came after it is gone."""
    node.call("debug_setHead", hex(place.block))


def go_forward(node: RpcClient, differing: Iterable[AccountDifference]) -> tuple[Loaded, int]:
    """By transactions: makes the accounts that `differing` has an `after` for that, and says how many it has none for.
    Those stay: no transaction takes an account away."""
    loaded, others = Loaded(), 0
    for batch in _batches(differing):
        there = [one for one in batch if one.after is not None]
        others += len(batch) - len(there)
        if there:
            load_contents(node, StateContents.from_json(_document(there)), loaded)
    return loaded, others


def _batches(differing: Iterable[AccountDifference]) -> Iterator[list[AccountDifference]]:
    batch: list[AccountDifference] = []
    size = 0
    for one in differing:
        batch.append(one)
        size += 1 + len(one.slots)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _document(differing: list[AccountDifference]) -> bytes:
    """In anvil's form; of slots those that differ, zero where they are to be gone."""
    accounts = {
        one.address: (one.after or {}) | {"storage": {slot: new for slot, (_, new) in one.slots.items()}}
        for one in differing
    }
    return orjson.dumps({"accounts": accounts})
