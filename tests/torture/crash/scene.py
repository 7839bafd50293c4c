"""Where a deed is done: the network, its clients, and who judges. What deeds have in common is here."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from devnet.storage.database import Tip
from devnet.storage.mark import read_mark
from tests.support.waiting import eventually
from tests.support.witnesses import Told
from tests.torture.crash.clients import Clients
from tests.torture.crash.judge import Facts, Gone, Judge
from tests.torture.crash.network import FULL_NODE, PATIENCE_S, PROVER, SEQUENCER, Network, Victim
from tests.torture.crash.plan import Plan
from tests.torture.crash.report import Report

ENDS_S: Final = 20.0
"""A node that can't give an answer has ended by then."""
TRACEBACK: Final = 2_000
"""Characters of one that are told."""
KEPT: Final = "data.kept"


class Broken(Exception):
    """The network can't go on: what is said is in the report."""


@dataclass
class Scene:
    """Of one run."""

    network: Network
    clients: Clients
    told: Told
    judge: Judge
    report: Report
    chance: Random
    may_mount: bool

    def wait(self, least_s: float, most_s: float) -> None:
        """A moment, by chance."""
        time.sleep(self.chance.uniform(least_s, most_s))

    # --- ends and beginnings ---

    def kill(
        self, node: Victim, how: str = "killed at a random moment", *, may_be_unclear: bool = False
    ) -> None:
        """Without a warning. What it has said until then must be clear, too."""
        node.kill()
        self.report.killed(how)
        if not may_be_unclear:
            self.judge_log(node)

    def judge_log(self, node: Victim) -> None:
        """Of this life, so far."""
        log = node.log()
        if "Traceback" in log:
            at = log.index("Traceback")
            self.report.fault(f"{node.name} has logged a traceback: {log[max(0, at - 300) : at + TRACEBACK]}")

    def start(self, *nodes: Victim, plans: Callable[[Victim], Plan] = lambda _: Plan()) -> None:
        """Of nodes that have no reason to refuse; all at once. Broken."""
        for node in nodes:
            node.launch(plans(node))
        for node in nodes:
            if (ending := node.until_ready()) and "cannot listen" in ending.words:
                ending = node.attempt(plans(node))
            if ending is not None:
                self.report.fault(f"did not start again: {ending}")
                raise Broken

    def gave_up(self, node: Victim, patience_s: float, *, may_be_unclear: bool = False) -> bool:
        """Whether it ends by itself, which it must do clearly."""
        ending = node.until_ended(patience_s)
        if ending is not None:
            self.report.ended(ending, may_be_unclear=may_be_unclear)
        return ending is not None

    def began(self, node: Victim, plan: Plan = Plan()) -> bool:  # noqa: B008 it is frozen
        """Whether it starts; else it must refuse clearly."""
        ending = node.attempt(plan)
        if ending is not None:
            self.report.ended(ending)
        return ending is None

    # --- what is known ---

    def newest(self) -> Tip:
        """Everything that clients were told is up to here."""
        receipts = list(self.told.receipts.values())
        minis = (int(receipt["mega"]["miniBlock"], 16) for receipt in receipts)
        return Tip(max(minis), max(int(receipt["blockNumber"], 16) for receipt in receipts))

    def certain(self, node: Victim) -> int:
        """With clients at rest: waits until the node has noted everything that they were told, so that from here on
        nothing of that may go missing unnoticed; the newest block that is noted."""
        newest = self.newest()

        def noted() -> int:
            mark = read_mark(node.data)
            is_noted = mark is not None and mark.mini >= newest.mini and mark.block >= newest.block
            return mark.block if is_noted else 0

        return eventually(noted, f"{node.name} to note how far it has come", PATIENCE_S)

    def follow(self, node: Victim, height: int) -> None:
        """Waits until a node has a block. Gone."""

        def has_it() -> bool:
            if not node.lives:
                raise Gone(f"{node.name} has ended")
            try:
                return node.height() >= height
            except (OSError, EOFError):
                return False

        try:
            eventually(has_it, f"{node.name} to have block {height}", PATIENCE_S)
        except AssertionError as error:
            self.report.fault(str(error))
            raise Broken from None

    def examine(self, node: Victim, height: int, witness: Facts) -> None:
        """All that a node tells is right, or it ends clearly before it tells it."""
        try:
            self.follow(node, height)
            self.judge.receipts(node, height, every=True)
            self.judge.blocks(node, height, every=True)
            self.judge.state(node, height, witness)
        except Gone as gone:
            if not self.gave_up(node, ENDS_S):
                self.report.fault(f"it lives on, but {gone}")

    # --- copies ---

    def keep(self, node: Victim) -> None:
        """A copy of what a node that is down has on disk."""
        shutil.copytree(node.data, self._copy(node))

    def put_back(self, node: Victim) -> None:
        """The copy, of a node that is down."""
        shutil.rmtree(node.data)
        self._copy(node).rename(node.data)

    def _copy(self, node: Victim) -> Path:
        return node.data.with_name(KEPT)

    # --- the nodes ---

    @property
    def sequencer(self) -> Victim:
        """Who leads."""
        return self.network[SEQUENCER]

    @property
    def full_node(self) -> Victim:
        """Who follows, and is an independent witness."""
        return self.network[FULL_NODE]

    @property
    def prover(self) -> Victim:
        """Who attests to blocks."""
        return self.network[PROVER]
