"""Tokens and a market for the workloads: compiled from `contracts/src`, laid into block 0, and how to call them.

Balances and allowances stand in the genesis, so that no measurement pays for creating them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from devnet._engine import keccak256
from devnet.paths import Paths
from megaeth_cli.compile import Options, compile_source

SOURCES = Path(__file__).parents[1] / "contracts" / "src"
WEI = 10**18
TOKEN_A, TOKEN_B, ROUTER = (bytes(19) + bytes([last]) for last in (0xA1, 0xB1, 0xC1))
BALANCE = 1_000_000 * WEI
UNLIMITED = 2**256 - 1
CHANCE_SEED = 0


def genesis_alloc(holders: Iterable[bytes]) -> dict[str, Any]:
    """The holders' money, both tokens in their hands, and the router, whom they trust."""
    token = _compiled("Token")
    slots = {one["label"]: int(one["slot"]) for one in token.layout["storage"]}
    alloc: dict[str, Any] = {}
    storage = {}
    for holder in holders:
        alloc[_hex(holder)] = {"balance": hex(BALANCE)}
        storage[_hex(_entry(slots["balanceOf"], holder))] = _word(BALANCE)
        allowances = _entry(slots["allowance"], holder)
        storage[_hex(_entry(int.from_bytes(allowances, "big"), ROUTER))] = _word(UNLIMITED)
    code = "0x" + token.runtime
    for address in (TOKEN_A, TOKEN_B):
        alloc[_hex(address)] = {"nonce": "0x1", "code": code, "storage": storage}
    alloc[_hex(ROUTER)] = {"nonce": "0x1", "code": "0x" + _compiled("AmmRouter").runtime}
    return alloc


def token_transfers(recipients: list[bytes]) -> Iterator[bytes]:
    """Calldata that pays anybody any amount."""
    chance = random.Random(CHANCE_SEED)
    while True:
        yield call("transfer(address,uint256)", chance.choice(recipients), chance.randrange(WEI // 1000, WEI))


def swaps() -> Iterator[bytes]:
    """Calldata that sells either token for the other."""
    chance = random.Random(CHANCE_SEED)
    while True:
        path = chance.choice([(TOKEN_A, TOKEN_B), (TOKEN_B, TOKEN_A)])
        # The path is the one argument of unknown length: its place, then its length and its words.
        amount = chance.randrange(WEI // 1000, WEI)
        yield call("swapExactIn(uint256,uint256,address[])", amount, 0, 96, len(path), *path)


def add_liquidity() -> bytes:
    """Calldata that makes the pair, deep enough for all swaps."""
    amount = BALANCE // 2
    return call("addLiquidity(address,address,uint256,uint256)", TOKEN_A, TOKEN_B, amount, amount)


def call(signature: str, *words: int | bytes) -> bytes:
    """A selector and words."""
    values = (one if isinstance(one, int) else int.from_bytes(one, "big") for one in words)
    return keccak256(signature.encode())[:4] + b"".join(value.to_bytes(32, "big") for value in values)


@cache
def _compiled(name: str) -> Any:  # noqa: ANN401 a Contract
    paths = Paths.from_environment(os.environ)
    return compile_source(SOURCES / f"{name}.sol", Options(cache=paths.cache)).contract(name)


def _entry(slot: int, key: bytes) -> bytes:
    """Where a mapping keeps the value of a key."""
    return keccak256(key.rjust(32, b"\0") + slot.to_bytes(32, "big"))


def _word(value: int) -> str:
    return f"0x{value:064x}"


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
