"""Kinds of load: what the transactions of a load do, or what is asked.

A workload prepares the chain for its senders (money, tokens), then says what each group of senders sends.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, ClassVar, Final, Self

from megaeth_cli.load.contracts import call, deploy_market, deploy_token, swaps, token_payments
from megaeth_cli.load.funder import Call, Funder
from megaeth_cli.load.requests import Calls
from megaeth_cli.load.senders import Sender, Terms, dealt
from megaeth_cli.load.wire import LoadError
from megaeth_cli.load.wire import call as rpc_call

READS: Final = "reads:"


class Workload(ABC):
    """What transactions do."""

    name: ClassVar[str]

    def __init__(self, funder: Funder, senders: Sequence[Sender]) -> None:
        self.funder = funder
        self.senders = list(senders)
        self.addresses = [one.address for one in senders]
        self.terms: Terms

    def prepare(self, each: int | None) -> None:
        """Money for `each` transactions of every sender (None: nobody knows), and what the workload needs."""
        # Contracts are paid for by the funder; approvals are the senders' own.
        self.funder.fund(self.senders, self._cost(each))
        self.terms = self.funder.terms(self.deploy())
        if each is not None:
            self.funder.fund(self.senders, each * (self.terms.gas_limit * self.terms.max_fee_wei + 1))

    def groups(self, connections: int, method: str = "eth_sendRawTransaction") -> list[Calls]:
        """What each connection sends: its own senders' transactions."""
        parts = dealt(self.senders, min(connections, len(self.senders)))
        return [self.calls(part, method) for part in parts]

    def of(self, senders: Sequence[Sender]) -> Self:
        """The same, prepared, for some of its senders."""
        part = copy(self)
        part.senders = list(senders)
        return part

    def deploy(self) -> int:
        """Whatever must be on the chain; the gas that a transaction of the load gets."""
        return self.funder.gas(Call(self.addresses[0], value=1), self.addresses[-1])

    @abstractmethod
    def calls(self, group: Sequence[Sender], method: str) -> Calls:
        """What a group sends."""

    def _cost(self, each: int | None) -> int | None:
        # A first payment for approvals and estimates; the rest follows when the gas is known.
        return None if each is None else FIRST_GAS * self.funder.max_fee_wei


FIRST_GAS: Final = 2_000_000


class Transfers(Workload):
    """One wei to the next sender."""

    name = "transfers"

    def calls(self, group: Sequence[Sender], method: str) -> Calls:
        """Everybody pays the next one: nobody is new, nobody gets poor."""
        recipients = [one.address for one in (*group[1:], group[0])]
        return Calls(group, self.terms, recipients, method=method)


class TokenTransfers(Workload):
    """ERC-20 transfers among the senders."""

    name = "erc20"

    def deploy(self) -> int:
        """The token."""
        self.token = deploy_token(self.funder, self.senders)
        payment = call("transfer(address,uint256)", self.addresses[0], 1)
        return self.funder.gas(Call(self.token, payment), self.addresses[-1])

    def calls(self, group: Sequence[Sender], method: str) -> Calls:
        """Everybody pays everybody."""
        return Calls(group, self.terms, [self.token], token_payments(self.addresses), method)


class Swaps(Workload):
    """Swaps on one pair: everybody changes the same slots."""

    name = "swaps"

    def deploy(self) -> int:
        """Tokens, market and trust."""
        self.router, *tokens = deploy_market(self.funder, self.senders)
        self.data = swaps(tokens[0], tokens[1])
        # The price moves while the estimate is valid: no more gas for that, but cold and zero slots may differ.
        return max(self.funder.gas(Call(self.router, one), self.addresses[0]) for one in self.data[:2])

    def calls(self, group: Sequence[Sender], method: str) -> Calls:
        """Either token is sold."""
        return Calls(group, self.terms, [self.router], self.data, method)


WORKLOADS: Final[dict[str, type[Workload]]] = {one.name: one for one in (Transfers, TokenTransfers, Swaps)}


def questions(method: str, params: str | None, addresses: Sequence[bytes]) -> list[bytes]:
    """Requests for a read method: with the given parameters, or with sensible ones of methods that are well known."""
    if params is not None:
        return [rpc_call(method, params.encode())]
    some = [f"0x{one.hex()}" for one in addresses]
    make = _KNOWN.get(method)
    if make is None:
        raise LoadError(f"{method} needs --params")
    return [rpc_call(method, json.dumps(given).encode()) for given in make(some)]


_KNOWN: Final[dict[str, Callable[[list[str]], list[list[Any]]]]] = {
    "eth_blockNumber": lambda _: [[]],
    "eth_chainId": lambda _: [[]],
    "eth_gasPrice": lambda _: [[]],
    "net_version": lambda _: [[]],
    "eth_getBlockByNumber": lambda _: [["latest", False]],
    "eth_getBalance": lambda some: [[one, "latest"] for one in some],
    "eth_getTransactionCount": lambda some: [[one, "latest"] for one in some],
    # The identity precompile: execution without a contract that might not be there.
    "eth_call": lambda some: [
        [{"from": one, "to": f"0x{4:040x}", "data": "0x" + "ab" * 32}, "latest"] for one in some
    ],
    "eth_estimateGas": lambda some: [[{"from": one, "to": some[0], "value": "0x1"}] for one in some],
    "eth_getLogs": lambda _: [[{"fromBlock": "latest", "toBlock": "latest"}]],
}
