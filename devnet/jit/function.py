"""A function as it is written: its graph and plan, its text, and where words are at home.

Words of the stack are at home in the frame's stack, or in variables of the loop that works on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from devnet.jit import ranges
from devnet.jit.arithmetic import Arithmetic
from devnet.jit.frame import Frame
from devnet.jit.graph import Graph, Node
from devnet.jit.liveness import bit, words
from devnet.jit.plan import Plan, Region
from devnet.jit.rules import Rules
from devnet.jit.text import Text


@dataclass(slots=True)
class Words:
    """The stack within a node: which value each word has, and which is known to be at its home."""

    now: dict[int, str] = field(default_factory=dict)
    home: dict[int, str] = field(default_factory=dict)

    def changed(self, index: int) -> bool:
        """Whether its home holds something else, or that isn't known."""
        return index in self.now and self.now[index] != self.home.get(index)


class Function:
    """What the writers of its nodes share."""

    def __init__(self, graph: Graph, plan: Plan, live: dict[Node, int], rules: Rules, x86: bool) -> None:
        self.x86 = x86
        self.graph = graph
        self.plan = plan
        self.rules = rules
        self.live = live
        self.known = ranges.at_entry(graph, rules)
        self.text = Text()
        self.frame = Frame(self.text)
        self.arithmetic = Arithmetic(self.text)
        self.narrow = {region: self._narrow(region) for region in dict.fromkeys(plan.regions.values())}
        self.heads = frozenset(plan.heads)
        self.ends: dict[Node, Words] = {}
        self.anywhere: list[tuple[str, str, str, str, str]] = []

    def _narrow(self, region: Region) -> frozenset[int]:
        """The words of a loop that fit into 64 bits wherever they are alive."""

        def fits(index: int) -> bool:
            alive = [node for node in region.nodes if self.live[node] & bit(index)]
            return bool(alive) and all(self.known[node].get(index, ranges.ANY).narrow for node in alive)

        return frozenset(index for index in region.touched if fits(index))

    def cross(self, node: Node | None, successor: Node, known: Words, live: int) -> None:
        """From one node into another one's home: words that must be moved between the stack and registers."""
        frame = self.frame
        old = self.plan.regions.get(node) if node is not None else None
        new = self.plan.regions.get(successor)
        if old is not None and node is not None and old is not new:
            general = node.context.general
            for index in words(live, min(old.written, default=0), node.height_after):
                if index in old.written:
                    value = known.now.get(index) or self.load_variable(node, old, index)
                    frame.store_word(index, value, general=general)
        if node is not None and node.rebases(successor):
            frame.set("base", frame.height(node.height_after, general=node.context.general))
            known = Words()
        if new is not None and old is not new:
            for index in words(self.live[successor], min(new.touched, default=0), successor.height):
                if index in new.touched:
                    value = known.now.get(index) or frame.load_word(index, general=successor.context.general)
                    self.store_variable(new, index, value)

    def load_variable(self, node: Node, region: Region, index: int) -> str:
        """A word's value in a loop, as a node finds it."""
        if index not in self.narrow[region]:
            value = self.text.value(f"load i256, ptr {variable_of(region, index)}, align 8")
            if index not in region.written:
                most = self.text.value(f"load i64, ptr {most_of(region, index)}, align 8")
                self.arithmetic.bound(value, most)
            return value
        low = self.text.value(f"load i64, ptr {variable_of(region, index)}, align 8")
        return self.arithmetic.widen(low, self.known[node].get(index, ranges.ANY))

    def store_variable(self, region: Region, index: int, value: str) -> None:
        """Gives a word its value in a loop."""
        if index in self.narrow[region]:
            self.text.do(f"store i64 {self.arithmetic.low(value)}, ptr {variable_of(region, index)}, align 8")
            return
        self.text.do(f"store i256 {value}, ptr {variable_of(region, index)}, align 8")
        if index not in region.written:
            # Once for the whole loop, which may compare with it in each turn.
            most = self.arithmetic.at_most(value)
            self.text.do(f"store i64 {most}, ptr {most_of(region, index)}, align 8")


def label(node: Node) -> str:
    """The LLVM block that a node begins with."""
    return f"node.{node.number}"


def variable_of(region: Region, index: int) -> str:
    """A word's variable in a loop."""
    return f"%word.{region.number}.{index if index >= 0 else f'below.{-index}'}"


def most_of(region: Region, index: int) -> str:
    """Of a word that a loop only reads: as much of it as fits into 64 bits."""
    return f"{variable_of(region, index)}.most"
