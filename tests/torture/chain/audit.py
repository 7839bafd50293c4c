"""After the script: do all nodes tell the same, and is every block that is looked at what it claims to be?"""

from collections import Counter
from random import Random
from typing import Any, Final

from devnet._engine import fold_diffs
from devnet.errors import UserError
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.chain.verification import NodeSource, Rules
from tests.torture.chain.contracts import PLACES
from tests.torture.chain.network import PATIENCE_S, Asking, Network
from tests.torture.chain.run import Run
from tests.torture.chain.tally import Tally
from tests.torture.chain.world import SENDERS, World

WHOLE: Final = 800
"""Chains of up to so many blocks are verified block by block."""
SAMPLE: Final = 100
"""Of longer ones, so many blocks are chosen at random,"""
OF_EACH_KIND: Final = 2
"""and so many with each kind of transaction, and the block after each of these."""
SLOTS: Final = 400
"""Of the contract `store` that are compared."""


class Audit:
    """Of one run. What is wrong goes to the tally."""

    def __init__(self, network: Network, run: Run, tally: Tally, seed: int) -> None:
        self._network = network
        self._run = run
        self._tally = tally
        self._chance = Random(seed + 2)
        self._top = run.verified
        self._grown: dict[int, int] = {}
        """Buckets that grew in a block."""

    def go(self) -> None:
        """Everything."""
        askings = [Asking(node) for node in self._network.chain_nodes]
        blocks = [self._blocks(asking) for asking in askings]
        for asking, others in zip(askings[1:], blocks[1:], strict=True):
            self._compare(asking.name, blocks[0], others)
        self._compare_receipts(askings)
        self._compare_values(askings)
        self._compare_safe(askings)
        self._grown = self._growth(askings[0])
        self._tell(blocks[0])
        self._verify()

    # --- the same everywhere ---

    def _blocks(self, asking: Asking) -> list[dict[str, Any]]:
        numbers = range(self._top + 1)
        return asking.all([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])

    def _compare(self, name: str, ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            if one != other:
                what = "nothing" if other is None else f"{other['hash']}, state {other['stateRoot']}"
                self._tally.fault(
                    f"block {number}: {name} has {what}, the sequencer {one['hash']}, state {one['stateRoot']}"
                )
                return

    def _compare_receipts(self, askings: list[Asking]) -> None:
        """Each as it was given, on every node."""
        hashes = list(self._run.receipts)
        calls = [("eth_getTransactionReceipt", [one]) for one in hashes]
        sealed = askings[0].all(calls)
        for tx_hash, receipt in zip(hashes, sealed, strict=True):
            if _unsealed(receipt) != _unsealed(self._run.receipts[tx_hash]):
                self._tally.fault(f"the receipt of {tx_hash} is another one than was given")
        for asking in askings[1:]:
            differ = [
                tx_hash
                for tx_hash, one, other in zip(hashes, sealed, asking.all(calls), strict=True)
                if one != other
            ]
            if differ:
                self._tally.fault(f"{asking.name} has other receipts of {len(differ)}: {differ[:3]}")

    def _compare_values(self, askings: list[Asking]) -> None:
        """Accounts and slots at the newest verified block."""
        told = self._run.receipts.values()
        addresses = {account.address for account in World(0).senders[:SENDERS]} | set(PLACES.values())
        addresses |= {one for receipt in told for one in (receipt["to"], receipt["contractAddress"]) if one}
        block = hex(self._top)
        calls = [("eth_getAccountInfo", [address, block]) for address in sorted(addresses)]
        slots = self._chance.sample(range(1, 20_000), SLOTS)
        calls += [("eth_getStorageAt", [PLACES["store"], hex(slot), block]) for slot in slots]
        ours = askings[0].all(calls)
        for asking in askings[1:]:
            differ = [
                call for call, one, other in zip(calls, ours, asking.all(calls), strict=True) if one != other
            ]
            if differ:
                self._tally.fault(f"{asking.name} has other values, of {len(differ)}: {differ[:3]}")
        self._tally.facts["compared"] = {"receipts": len(told), "accounts": len(addresses), "slots": SLOTS}

    def _compare_safe(self, askings: list[Asking]) -> None:
        for asking in askings:
            for tag in ("safe", "finalized"):
                number = int(asking.ask("eth_getBlockByNumber", tag, False)["number"], 16)
                if number < self._top:
                    self._tally.fault(f"{asking.name}: {tag} is {number}, verified is {self._top}")

    # --- what was in the blocks ---

    def _growth(self, asking: Asking) -> dict[int, int]:
        grown = {}
        for number in range(1, self._top + 1):
            record = bytes.fromhex(asking.ask("mega_getBlockRecords", hex(number))["block"][2:])
            entries, _ = fold_diffs([record])
            if buckets := sum(len(key) == 4 for key, _ in entries):
                grown[number] = buckets
        return grown

    def _tell(self, blocks: list[dict[str, Any]]) -> None:
        counts = [len(block["transactions"]) for block in blocks]
        facts = self._tally.facts
        ours = sum(int(one["blockNumber"], 16) <= self._top for one in self._run.receipts.values())
        facts["blocks"] = {"in all": self._top, "without a transaction": counts.count(0)}
        facts["transactions"] = {
            "of ours": ours,
            "of the system": sum(counts) - ours,
            "most in a block": max(counts),
        }
        facts["gas"] = sum(int(block["gasUsed"], 16) for block in blocks)
        facts["buckets that grew"] = {"times": sum(self._grown.values()), "blocks": len(self._grown)}
        facts["proofs"] = {
            "most blocks behind": self._run.most_behind,
            "late": self._run.late_proofs,
            "times the script was held": self._run.held_rounds,
        }
        if sum(counts) == ours:
            self._tally.fault("no system transaction followed from any read of the timestamp")
        if not self._grown:
            self._tally.fault("no bucket grew")

    # --- verified once more ---

    def _chosen(self) -> list[int]:
        numbers = range(1, self._top + 1)
        if len(numbers) <= WHOLE:
            return list(numbers)
        chosen = set(self._chance.sample(numbers, SAMPLE))
        for count in self._tally.kinds.values():
            for block in sorted(count.blocks)[:OF_EACH_KIND]:
                chosen |= {block, block + 1}
        chosen |= set(sorted(self._grown)[:SAMPLE])
        return sorted(chosen & set(numbers))

    def _verify(self) -> None:
        """With `megaeth verify block`'s own code; each node that keeps the state gives its share of the witnesses."""
        chosen = self._chosen()
        nodes = [node for node in self._network.chain_nodes if node.name != "full-node-proofs"]
        share = -(-len(chosen) // len(nodes))
        checks: Counter[str] = Counter()
        for place, node in enumerate(nodes):
            with RpcClient(node.url, timeout_s=PATIENCE_S) as client:
                source = NodeSource(client, Rules(), print)
                for number in chosen[place * share : (place + 1) * share]:
                    self._verify_one(source, number, node.name, checks)
        self._tally.facts["verified once more"] = {"blocks": len(chosen), "checks": sum(checks.values())}

    def _verify_one(self, source: NodeSource, number: int, node: str, checks: Counter[str]) -> None:
        kinds = ", ".join(self._tally.kinds_of(number)) or "none of ours"
        try:
            report = source.verify(number)
        except UserError as error:
            self._tally.fault(f"block {number} (in it: {kinds}) of {node} can't be verified: {error}")
            return
        checks.update(check.name for check in report.checks)
        wrong = report.first_difference
        if not report.ok:
            told = f"{wrong.name}: {wrong.actual}, computed {wrong.expected}" if wrong else "no check"
            self._tally.fault(f"block {number} (in it: {kinds}) of {node} is wrong: {told}")


def _unsealed(receipt: dict[str, Any] | None) -> dict[str, Any]:
    """What of a receipt does not change when its block is sealed."""
    if receipt is None:
        return {}
    logs = [{**log, "blockHash": None} for log in receipt["logs"]]
    return {**receipt, "blockHash": None, "logs": logs}
