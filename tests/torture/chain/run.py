"""Sends the script to the network, round by round, and collects receipts. The clock is the chain: one round, one block.

What a round has sent must be in before the next one, which may build on it; where a block has no room for all of it,
or the machine no time, that takes another block. The script goes on only while the proofs keep up: when they are far
behind, no more is sent until they are near again.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from tests.torture.chain.network import PATIENCE_S, Asking, Network
from tests.torture.chain.script import Script
from tests.torture.chain.tally import Tally
from tests.torture.chain.watch import Watch
from tests.torture.chain.world import REFUSED, Sending

LOOK_EVERY: Final = 4
"""Rounds between two looks at the nodes."""
HELD_BEHIND, HELD_UNTIL = 40, 30
"""Blocks that proofs may be behind until nothing more is sent, and are when it goes on."""
WAIT_S: Final = 0.01


class Broken(Exception):
    """The script can't go on: what is said is in the tally."""


class Run:
    """Of one script."""

    def __init__(self, network: Network, script: Script, tally: Tally, *, quiet: bool) -> None:
        self._script = script
        self._tally = tally
        self._quiet = quiet
        self._askings = [Asking(node) for node in network.chain_nodes]
        self._sequencer = self._askings[0]
        self._watch = Watch(network, tally)
        self._pending: dict[str, Sending] = {}
        self.receipts: dict[str, dict[str, Any]] = {}
        """As they were first given, by transaction hash."""
        self.held_rounds = 0
        self.newest = 0
        """The newest block with one of the script's transactions."""

    def go(self) -> None:
        """All rounds; returns when everything is in and verified. Raises Broken."""
        for sendings in self._script.setup():
            self._send(sendings)
            self._until(lambda: not self._pending, "the contracts to be deployed")
        for number, sendings in enumerate(self._script.rounds()):
            # Not always the same node: full nodes forward what they are given.
            self._send(sendings, self._askings[number % len(self._askings)])
            self._await_block()
            self._collect(self._askings[(number + 1) % len(self._askings)])
            self._until(lambda: not self._pending, "every transaction of a round to get in")
            if number % LOOK_EVERY == 0:
                self._look()
                if self._watch.behind > HELD_BEHIND:
                    self.held_rounds += 1
                    self._until(lambda: self._watch.behind <= HELD_UNTIL, "the proofs to come nearer")
            self._show(number)
        self.newest = max(int(receipt["blockNumber"], 16) for receipt in self.receipts.values())
        self._until(lambda: self._watch.verified > self.newest, "everything to be verified")
        if not self._quiet and sys.stderr.isatty():
            print(file=sys.stderr)

    @property
    def verified(self) -> int:
        """Every node has this block verified."""
        return self._watch.verified

    @property
    def late_proofs(self) -> int:
        """How often a node has waited longer for a prover than it likes."""
        return self._watch.late_proofs

    @property
    def most_behind(self) -> int:
        """Blocks between the head and what is verified."""
        return self._watch.most_behind

    # --- sending ---

    def _send(self, sendings: list[Sending], asking: Asking | None = None) -> None:
        """In their order; deposits to the sequencer, as they come from nowhere else."""
        for sending in sendings:
            self._tally.sent(sending)
        signed = [sending for sending in sendings if sending.deposit is None]
        forced = [sending for sending in sendings if sending.deposit is not None]
        calls = [("eth_sendRawTransaction", [sending.raw]) for sending in signed]
        self._take(signed, (asking or self._sequencer).answers(calls))
        calls = [("mega_depositTransaction", [sending.deposit]) for sending in forced]
        self._take(forced, self._sequencer.answers(calls))

    def _take(self, sendings: list[Sending], answers: list[dict[str, Any]]) -> None:
        for sending, answer in zip(sendings, answers, strict=True):
            if "error" in answer:
                self._tally.refused(sending, answer["error"]["message"])
            elif sending.expected == REFUSED:
                self._tally.fault(f"{sending.kind}: {answer['result']} was taken")
            else:
                self._pending[answer["result"]] = sending
        if self._tally.faults:
            raise Broken

    # --- waiting ---

    def _await_block(self) -> None:
        before = self._height()
        deadline = time.monotonic() + PATIENCE_S
        while self._height() == before:
            self._give_up_after(deadline, "no block was sealed")
            time.sleep(WAIT_S)

    def _until(self, done: Callable[[], bool], what: str) -> None:
        """While something moves."""
        progress, deadline = None, 0.0
        while not done():
            now = (self._watch.verified, len(self.receipts))
            if now != progress:
                progress, deadline = now, time.monotonic() + PATIENCE_S
            self._give_up_after(deadline, f"waited in vain for {what}")
            self._await_block()
            self._collect(self._sequencer)
            self._look()

    def _give_up_after(self, deadline: float, why: str) -> None:
        if time.monotonic() > deadline:
            missing = Counter(sending.kind for sending in self._pending.values())
            self._tally.fault(
                f"{why} for {PATIENCE_S:g} s: head {self._height()}, verified {self._watch.verified}, "
                f"not in: {dict(missing)}"
            )
            raise Broken

    def _height(self) -> int:
        return int(self._sequencer.ask("eth_blockNumber"), 16)

    def _look(self) -> None:
        self._watch.look()
        if self._tally.faults:
            raise Broken

    # --- receipts ---

    def _collect(self, asking: Asking) -> None:
        hashes = list(self._pending)
        found = asking.all([("eth_getTransactionReceipt", [one]) for one in hashes])
        for tx_hash, receipt in zip(hashes, found, strict=True):
            if receipt is not None:
                self.receipts[tx_hash] = receipt
                self._tally.included(self._pending.pop(tx_hash), receipt)

    def _show(self, number: int) -> None:
        if not self._quiet and sys.stderr.isatty():
            print(
                f"\rround {number + 1:,}, {len(self.receipts):,} transactions in, proofs {self._watch.behind} behind ",
                end="",
                file=sys.stderr,
            )
