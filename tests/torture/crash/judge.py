"""Asks nodes for everything that was ever told, and compares: what clients have, what the nodes say, what must follow.

A node that ends while it is asked raises `Gone`: what it said before must be right all the same.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from devnet.errors import UserError
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.chain.verification import NodeSource, Rules
from tests.support.node import RpcFailure
from tests.support.witnesses import Told, essence
from tests.support.ws_client import WsClient
from tests.torture.crash.clients import GONE, RECIPIENT, SLOTS, Clients
from tests.torture.crash.network import PATIENCE_S, Victim
from tests.torture.crash.report import Report

AT_ONCE: Final = 200
"""Calls on the wire."""
OLD: Final = 150
"""Receipts of earlier rounds that are asked for again in each one, and blocks."""

LATE: Final = "late proof"
"""An incident that is the machine's fault."""

Facts = dict[str, Any]


class Gone(Exception):
    """The node does not answer any more."""


class Judge:
    """Of one run. What is wrong goes to the report."""

    def __init__(self, report: Report, told: Told, clients: Clients, contract: str, chance: Random) -> None:
        self._report, self._told, self._clients = report, told, clients
        self._contract, self._chance = contract, chance
        self._asked: dict[str, set[str]] = {}
        """Receipts that each node has been asked for."""
        self._blocks: dict[int, Facts] = {}
        """As they were first seen."""
        self._incidents: set[str] = set()

    # --- receipts ---

    def receipts(self, node: Victim, height: int, *, every: bool = False) -> None:
        """Those up to a block, which the node has: the new ones and some of the old, or `every` one, are as clients
        were given them."""
        told = dict(self._told.receipts).items()
        held = {tx_hash: receipt for tx_hash, receipt in told if int(receipt["blockNumber"], 16) <= height}
        asked = self._asked.setdefault(node.name, set())
        old = sorted(asked)
        wanted = list(held) if every else [one for one in held if one not in asked]
        if not every:
            wanted += self._chance.sample(old, min(OLD, len(old)))
        for tx_hash, found in zip(wanted, self._ask(node, "eth_getTransactionReceipt", wanted), strict=True):
            if found is None:
                self._report.lose(node.name, tx_hash, "is gone")
            elif essence(found) != essence(held[tx_hash]):
                self._report.lose(
                    node.name, tx_hash, f"is {essence(found)}, given was {essence(held[tx_hash])}"
                )
        self._report.counts["receipts checked"] += len(wanted)
        asked.update(wanted)
        for fault in self._told.faults:
            self._report.fault(f"a client was told two things: {fault}")
        self._told.faults.clear()

    # --- blocks ---

    def blocks(self, node: Victim, last: int, *, every: bool = False) -> None:
        """They are the ones that were seen before, and each one follows from the one before it."""
        known = [number for number in self._blocks if number <= last]
        numbers = set(range(max(known, default=-1) + 1, last + 1))
        numbers |= set(known if every else self._chance.sample(known, min(OLD, len(known))))
        wanted = sorted(numbers)
        for number, block in zip(wanted, self._ask_blocks(node, wanted), strict=True):
            first = self._blocks.setdefault(number, block)
            if block is None or first is None:
                self._report.fault(f"{node.name}: block {number} is not there")
                self._blocks.pop(number)
            elif (block["hash"], block["stateRoot"]) != (first["hash"], first["stateRoot"]):
                self._report.fault(f"{node.name}: block {number} is {block['hash']}, and was {first['hash']}")
            elif parent := self._blocks.get(number - 1):
                self._link(node, parent, block)
        self._report.counts["blocks checked"] += len(wanted)

    def _link(self, node: Victim, parent: Facts, block: Facts) -> None:
        number = int(block["number"], 16)
        if block["parentHash"] != parent["hash"]:
            self._report.fault(f"{node.name}: block {number} does not follow from {number - 1}")
        if int(block["timestamp"], 16) < int(parent["timestamp"], 16):
            self._report.fault(f"{node.name}: block {number} is older than {number - 1}")

    # --- state ---

    def facts(self, node: Victim, number: int) -> Facts:
        """What the node says of the state at a block."""
        at = hex(number)
        [block] = self._ask_blocks(node, [number])
        accounts = [*self._clients.payers, self._clients.writer]
        nonces = self._ask(node, "eth_getTransactionCount", [(one, at) for one in accounts])
        recipient = "0x" + RECIPIENT.hex()
        balances = self._ask(node, "eth_getBalance", [(one, at) for one in (*accounts, recipient)])
        places = [(self._contract, hex(slot), at) for slot in range(SLOTS)]
        slots = self._ask(node, "eth_getStorageAt", places)
        return {
            "block": block and (block["hash"], block["stateRoot"]),
            "nonces": [int(nonce, 16) for nonce in nonces],
            "balances": balances,
            "slots": [int(slot, 16) for slot in slots],
        }

    def state(self, node: Victim, number: int, witness: Facts) -> None:
        """It is what another node says, and what follows from the accounts' nonces."""
        facts = self.facts(node, number)
        self._report.counts["states compared"] += 1
        for name, value in facts.items():
            if value != witness[name]:
                self._report.fault(
                    f"{node.name}: {name} at block {number}: {value}, the witness: {witness[name]}"
                )
        *payers, writer = facts["nonces"]
        if int(facts["balances"][-1], 16) != sum(payers):
            self._report.fault(
                f"{node.name}: {facts['balances'][-1]} paid at block {number}, nonces {payers}"
            )
        if facts["slots"] != [_newest(slot, writer) for slot in range(SLOTS)]:
            self._report.fault(f"{node.name}: slots at block {number} after nonce {writer}: {facts['slots']}")

    def verify(self, node: Victim, number: int) -> None:
        """With `megaeth verify block`'s own code."""
        with RpcClient(node.url, timeout_s=PATIENCE_S) as client:
            try:
                told = NodeSource(client, Rules(), lambda _: None).verify(number)
            except UserError as error:
                self._report.fault(f"{node.name}: block {number} can't be verified: {error}")
                return
        self._report.counts["blocks verified"] += 1
        if not told.ok:
            wrong = told.first_difference
            self._report.fault(f"{node.name}: block {number} is wrong: {wrong and wrong.name}")

    def incidents(self, node: Victim) -> None:
        """Nobody has refused a block, or found one that is wrong."""
        for incident in node.rpc("devnet_incidents", "test", "")["incidents"]:
            what = f"{node.name}: {incident['kind']}, block {incident['block']}: {incident['what']}"
            if incident["kind"] != LATE and what not in self._incidents:
                self._incidents.add(what)
                self._report.fault(what)

    # --- asking ---

    def _ask_blocks(self, node: Victim, numbers: list[int]) -> list[Any]:
        return self._ask(node, "eth_getBlockByNumber", [(hex(number), False) for number in numbers])

    def _ask(self, node: Victim, method: str, wanted: list[Any]) -> list[Any]:
        """A result of each, in their order. Gone."""
        every_params = [one if isinstance(one, tuple) else (one,) for one in wanted]
        found: list[Any] = []
        try:
            with WsClient(node.ws_url) as line:
                for at in range(0, len(every_params), AT_ONCE):
                    found += line.calls(method, every_params[at : at + AT_ONCE])
        except GONE as error:
            raise Gone(f"{node.name} hung up on {method}: {error!r}") from None
        except RpcFailure as failure:
            raise Gone(f"{node.name} answered {method} with {failure}") from None
        return found


def _newest(slot: int, nonce: int) -> int:
    """What stands in a slot after transactions with all nonces below this one."""
    last = (nonce - 1 - slot) // SLOTS * SLOTS + slot
    return max(last, 0)
