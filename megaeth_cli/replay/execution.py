"""A block executed by the engine that checks blocks, and what came of each of its transactions.

The engine executes a block and compares receipts, naming the first difference of each kind (`_engine.verify_told`). So
receipts are put to it as claims, and where it names another value the claim becomes that, until it agrees with all of
them: what then stands there is what execution gives, to the last bit. Claims about transactions of the same kind are
corrected alike, so that it takes few rounds. A transaction that the rules refuse is left out, and the block goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from devnet.proving import prestate
from devnet.proving.checker import Check, Report, UncheckableError
from megaeth_cli.units import quantity
from megaeth_cli.visible import one_line

if TYPE_CHECKING:
    from devnet._engine import StateBefore

Json = Any

MOST_ROUNDS = 2_000
"""Executions of a block, before those of its transactions are given up that are not known by then."""

_PLACED = re.compile(r"transaction (\d+): (.*)", re.DOTALL)
_INVALID = re.compile(r"EVM reported invalid transaction \(0x[0-9a-f]{64}\): ")
_LOG = re.compile(r"(0x[0-9a-fA-F]{40}) \[([^\]]*)\] (0x[0-9a-f]*)")


class UnknownStateError(UncheckableError):
    """Something was read that nobody tells; `what` says which."""


@dataclass(frozen=True)
class Outcome:
    """What came of one transaction."""

    receipt: Mapping[str, Json] | None
    """As `eth_getTransactionReceipt` has it, as far as execution says it; None where there is none."""
    refused: str = ""
    """Why the rules do not have it in the block."""

    @property
    def succeeded(self) -> bool:
        """Whether its receipt says so."""
        return self.receipt is not None and quantity(self.receipt["status"]) == 1

    @property
    def gas(self) -> int | None:
        """What it used."""
        return quantity(self.receipt["gasUsed"]) if self.receipt is not None else None


@dataclass(frozen=True)
class Execution:
    """A block under some rules."""

    report: Report
    """Of its first round: receipts and header compared as they were given."""
    outcomes: tuple[Outcome | None, ...]
    """In the order of the block's transactions; None of those that were not looked at, or given up."""


@dataclass
class _Claims:
    """What is claimed of the transactions that are looked at, and how far it is known."""

    receipts: dict[str, dict[str, Json]]
    kinds: dict[str, tuple[Json, ...]]
    whole: bool
    """Whether these are all of the block's transactions, so that their gas adds up."""
    known: set[tuple[str, str]] = field(default_factory=set)

    def correct(self, order: list[str], failed: Mapping[str, Check]) -> bool:
        """Claim what the engine says, of transactions in this order; whether anything was corrected."""
        corrected = False
        for name, (member, read) in _MEMBERS.items():
            found = _PLACED.fullmatch(failed[name].expected) if name in failed else None
            if found is None:
                continue
            hash_ = order[int(found[1])]
            corrected = True
            if member in _ALIKE:
                self._correct_alike(order[int(found[1]) :], member, quantity(read(found[2])))
            self.receipts[hash_][member] = read(found[2])
            self.known.add((hash_, member))
        if corrected and self.whole:
            self._add_up(order)
        return corrected

    def _correct_alike(self, places: list[str], member: str, value: int) -> None:
        """Others of a transaction's kind that follow it use as much more or less gas, and fail as it does."""
        first = places[0]
        more = value - quantity(self.receipts[first][member])
        for hash_ in places:
            receipt = self.receipts.get(hash_)
            if receipt is None or self.kinds[hash_] != self.kinds[first] or (hash_, member) in self.known:
                continue
            receipt[member] = hex(max(quantity(receipt[member]) + more, 0))
            if member == "status" and not value and (hash_, "logs") not in self.known:
                receipt |= {"logs": [], "logsBloom": _NO_BLOOM}

    def _add_up(self, order: list[str]) -> None:
        total = 0
        for hash_ in order:
            receipt = self.receipts[hash_]
            total += quantity(receipt["gasUsed"])
            if (hash_, "cumulativeGasUsed") in self.known:
                total = quantity(receipt["cumulativeGasUsed"])
            receipt["cumulativeGasUsed"] = hex(total)


def execute(
    block: Json,
    receipts: Iterable[Json] | None,
    state: StateBefore,
    capacities: Mapping[int, int],
    rules: Mapping[str, Json],
    wanted: Collection[int],
) -> Execution:
    """Executes a block and finds out what came of the transactions at some places.

    `receipts` are what the chain says; those that are missing are found out. Raises UnknownStateError where the state
    lacks something, UncheckableError where nothing can be executed.
    """
    told = prestate.ToldBlock(state, capacities=capacities)
    by_hash = {receipt["transactionHash"]: receipt for receipt in receipts or ()}
    transactions = block["transactions"]
    hashes = [transactions[place]["hash"] for place in sorted(wanted)]
    claimed = [by_hash[one] for one in hashes if one in by_hash]
    first = _checked(told, block, claimed if receipts is not None else None, rules)
    if first.ok and all(one in by_hash for one in hashes):
        looked = [Outcome(by_hash[one]) for one in hashes]
        return Execution(first, _placed(transactions, dict(zip(hashes, looked, strict=True))))
    claims = _Claims(
        {
            one: _claim(by_hash.get(one), transactions[place])
            for place, one in zip(sorted(wanted), hashes, strict=True)
        },
        {transaction["hash"]: _kind(transaction, by_hash) for transaction in transactions},
        len(hashes) == len(transactions),
    )
    found = _learn(told, block, claims, rules)
    return Execution(first, _placed(transactions, found))


def _learn(
    told: prestate.ToldBlock, block: Json, claims: _Claims, rules: Mapping[str, Json]
) -> dict[str, Outcome]:
    refused: dict[str, Outcome] = {}
    standing = list(block["transactions"])
    for _ in range(MOST_ROUNDS):
        order = [one["hash"] for one in standing]
        claimed = [claims.receipts[one] for one in order if one in claims.receipts]
        placed = [
            {**one, "transactionIndex": hex(place)} if one.get("transactionIndex") is not None else one
            for place, one in enumerate(standing)
        ]
        report = _checked(told, {**block, "transactions": placed}, claimed, rules)
        failed = {check.name: check for check in report.checks if not check.ok}
        if "execution" in failed:
            place, why = _refusal(failed["execution"])
            refused[standing.pop(place)["hash"]] = Outcome(None, why)
            continue
        if not claims.correct(order, failed):
            found = {hash_: Outcome(receipt) for hash_, receipt in claims.receipts.items()}
            return found | refused
    return refused


def _checked(
    told: prestate.ToldBlock, block: Json, receipts: list[Json] | None, rules: Mapping[str, Json]
) -> Report:
    report = prestate.check(told, block, receipts, rules)
    missing = next((check for check in report.checks if check.name == "prestate" and not check.ok), None)
    if missing is not None:
        raise UnknownStateError(one_line(missing.actual))
    return report


def _refusal(check: Check) -> tuple[int, str]:
    found = _PLACED.fullmatch(check.actual)
    if found is None:
        raise UncheckableError("the block cannot be executed by these rules", one_line(check.actual))
    return int(found[1]), one_line(_INVALID.sub("", found[2]))


def _placed(transactions: list[Json], found: Mapping[str, Outcome]) -> tuple[Outcome | None, ...]:
    return tuple(found.get(one["hash"]) for one in transactions)


def _claim(receipt: Json, transaction: Json) -> dict[str, Json]:
    """What to begin with: what the chain says, else nothing in particular."""
    if receipt is not None:
        return dict(receipt)
    return {
        "transactionHash": transaction["hash"],
        "type": transaction.get("type", "0x0"),
        "status": "0x1",
        "gasUsed": "0x0",
        "cumulativeGasUsed": "0x0",
        "logs": [],
        "logsBloom": _NO_BLOOM,
    }


def _kind(transaction: Json, receipts: Mapping[str, Json]) -> tuple[Json, ...]:
    """Transactions that differ in no more than values mostly cost the same; so do transfers, whoever receives them."""
    receipt = receipts.get(transaction["hash"]) or {}
    data = transaction.get("input") or "0x"
    recipient = transaction.get("to") if data != "0x" else None
    return recipient, data[:10], len(data), receipt.get("status"), receipt.get("gasUsed")


def _quantity(text: str) -> Json:
    return None if text == _ABSENT else hex(int(text))


def _logs(text: str) -> list[Json]:
    return [
        {"address": address, "topics": topics.split(", ") if topics else [], "data": data}
        for address, topics, data in _LOG.findall(text)
    ]


_ABSENT = "absent"
_ALIKE = ("status", "gasUsed")
"""Members in which transactions of one kind mostly change alike."""
_NO_BLOOM = f"0x{'00' * 256}"
_MEMBERS: dict[str, tuple[str, Callable[[str], Json]]] = {
    "receipt types": ("type", _quantity),
    "receipt status": ("status", _quantity),
    "receipt gas used": ("gasUsed", _quantity),
    "receipt cumulative gas used": ("cumulativeGasUsed", _quantity),
    "receipt logs": ("logs", _logs),
    "receipt bloom": ("logsBloom", str),
    "deposit nonces": ("depositNonce", _quantity),
    "contract addresses": ("contractAddress", lambda text: None if text == _ABSENT else text),
}
"""The engine's checks of a receipt, with the receipt's member and what its words mean."""
