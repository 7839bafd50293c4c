"""Kinds of transactions that a sequencer is put under: who sends what."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import islice
from typing import ClassVar, Self

from bench.accounts import MAX_FEE_WEI, Sender, senders
from bench.contracts import ROUTER, TOKEN_A, add_liquidity, swaps, token_transfers
from devnet._engine import sign_transfers

GAS_LIMIT = 400_000
LIQUIDITY_GAS_LIMIT = 100_000_000  # makes the pair: its code is storage gas


class Load(ABC):
    """One kind of transaction, from accounts that take turns. A scenario's subject too: made anew for each."""

    name: ClassVar[str]
    published_diff_bytes: ClassVar[int]
    """MegaETH's own number for the raw diff of one."""
    contract: ClassVar[bytes]
    sender_count: ClassVar[int]
    holder_count: ClassVar[int]

    def __init__(self) -> None:
        accounts = senders(self.holder_count)
        self.accounts = accounts[: self.sender_count]
        self.holders = [bytes.fromhex(one.address[2:]) for one in accounts]
        self._calls = self.calls()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    @abstractmethod
    def calls(self) -> Iterator[bytes]:
        """Calldata without end."""

    def prepare(self, chain_id: int) -> list[bytes]:
        """Signed transactions that must have happened before the load."""
        return []

    def sign(self, group: list[Sender], count: int, chain_id: int) -> list[bytes]:
        """`count` calls, round-robin over the senders."""
        return _sign(group, count, chain_id, self.contract, list(islice(self._calls, count)), GAS_LIMIT)


class TokenTransfers(Load):
    """ERC-20 transfers from many to many more."""

    name = "ERC-20 transfer"
    published_diff_bytes = 200
    contract = TOKEN_A
    sender_count = 500
    holder_count = 5_000

    def calls(self) -> Iterator[bytes]:
        """Anybody is paid any amount."""
        return token_transfers(self.holders)


class Swaps(Load):
    """A hot set: a hundred traders on one pair."""

    name = "AMM swap"
    published_diff_bytes = 624
    contract = ROUTER
    sender_count = 100
    holder_count = 100

    def calls(self) -> Iterator[bytes]:
        """Either token is sold."""
        return swaps()

    def prepare(self, chain_id: int) -> list[bytes]:
        """Makes the pair."""
        return _sign(self.accounts[:1], 1, chain_id, ROUTER, [add_liquidity()], LIQUIDITY_GAS_LIMIT)


def _sign(
    group: list[Sender], count: int, chain_id: int, contract: bytes, data: list[bytes], gas_limit: int
) -> list[bytes]:
    raws = sign_transfers(
        [sender.key for sender in group],
        [sender.nonce for sender in group],
        [contract],
        count,
        chain_id=chain_id,
        value=0,
        gas_limit=gas_limit,
        max_fee_per_gas=MAX_FEE_WEI,
        data=data,
    )
    for index, sender in enumerate(group):
        sender.nonce += (count - index + len(group) - 1) // len(group)
    return raws
