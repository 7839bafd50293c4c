"""Kinds of transactions that a sequencer is put under: who sends what."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import islice
from typing import ClassVar, Self

from bench.accounts import senders
from bench.contracts import ROUTER, TOKEN_A, add_liquidity, swaps, token_transfers
from megaeth_cli.load.requests import Calls
from megaeth_cli.load.senders import Terms, dealt, sign

MAX_FEE_WEI = 2_000_000_000
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
        self.holders = [one.address for one in accounts]
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

    def groups(self, connections: int, each: int, chain_id: int) -> list[Calls]:
        """What each connection sends: so many different calls of its own senders."""
        return [
            Calls(group, _terms(chain_id, GAS_LIMIT), [self.contract], list(islice(self._calls, each)))
            for group in dealt(self.accounts, connections)
        ]


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
        terms = _terms(chain_id, LIQUIDITY_GAS_LIMIT)
        return sign(self.accounts[:1], 1, terms, [ROUTER], [add_liquidity()])


def _terms(chain_id: int, gas_limit: int) -> Terms:
    return Terms(chain_id, gas_limit, MAX_FEE_WEI)
