"""A node as it is written: which value each word of the stack has, what gas was used, and the ways out."""

from __future__ import annotations

from devnet.jit.abi import STACK_LIMIT
from devnet.jit.decode import Instruction
from devnet.jit.function import Function, Words
from devnet.jit.graph import Node
from devnet.jit.liveness import bit, live_at_end
from devnet.jit.plan import tail_need


class NodeText:
    """What all instructions of a node work on."""

    def __init__(self, function: Function, node: Node) -> None:
        self.function = function
        self.node = node
        self.block = node.block
        self.general = node.context.general
        self.height = node.height
        self.text = function.text
        self.frame = function.frame
        self.rules = function.rules
        self.region = function.plan.regions.get(node)
        self.words = self._inherited()
        self.pending = 0
        """Gas of what was executed since the budget was last brought up to date."""
        self.tail = tail_need(node, function.plan.need, function.plan.checkpoints)

    def _inherited(self) -> Words:
        """Where a node has one predecessor with the same home, what that knows goes on being known."""
        node, function = self.node, self.function
        if node.entered or node in function.heads or len(node.predecessors) != 1:
            return Words()
        before = node.predecessors[0]
        known = function.ends.get(before)
        if known is None or before.rebases(node) or function.plan.regions.get(before) is not self.region:
            return Words()
        return Words(dict(known.now), dict(known.home))

    def _check_entry(self) -> None:
        plan, text = self.function.plan, self.text
        conditions: list[str] = []
        if self.node in plan.checkpoints and plan.need[self.node] > 0:
            conditions.append(text.value(f"icmp sge i64 {self.frame.get('budget')}, {plan.need[self.node]}"))
        if self.general:
            effect, base = self.block.effect, self.frame.get("base")
            if self.height + effect.lowest < 0:
                conditions.append(text.value(f"icmp sge i64 {base}, {-(self.height + effect.lowest)}"))
            if self.height + effect.highest > 0:
                conditions.append(
                    text.value(f"icmp sle i64 {base}, {STACK_LIMIT - self.height - effect.highest}")
                )
        for condition in conditions:
            self._or_leave(condition, self.block.pc)

    def _or_leave(self, condition: str, pc: int, budget: str | None = None) -> None:
        """Goes on when the condition holds, else leaves at `pc`."""
        text = self.text
        on, off = text.name("on"), text.name("off")
        text.branch(condition, on, off, likely=True)
        with text.aside(off):
            self._leave(pc, budget)
        text.label(on)

    # Words.

    def _read(self, index: int) -> str:
        value = self.words.now.get(index)
        if value is None:
            value = self._fetch(index)
            self.words.now[index] = self.words.home[index] = value
        return value

    def _fetch(self, index: int) -> str:
        """A word that was not written here: as it was found."""
        if self.region is not None and index in self.region.touched:
            return self.function.load_variable(self.node, self.region, index)
        known = self.function.known[self.node].get(index)
        if known is not None and known.narrow:
            low = self.frame.load_low(index, general=self.general)
            return self.function.arithmetic.widen(low, known)
        return self.frame.load_word(index, general=self.general)

    def _pop(self) -> str:
        self.height -= 1
        return self._read(self.height)

    def _push(self, value: str) -> None:
        self.words.now[self.height] = value
        self.height += 1

    def _store(self, index: int) -> None:
        """Makes sure that the frame's stack holds a word, for whoever looks there."""
        if self.region is None:
            if self.words.changed(index):
                self.frame.store_word(index, self.words.now[index], general=self.general)
        elif index in self.words.now or index in self.region.touched:
            self.frame.store_word(
                index, self.words.now.get(index) or self._fetch(index), general=self.general
            )

    def _spill(self, live: int) -> None:
        """Everything that the frame's stack doesn't hold yet."""
        candidates = set(self.words.now) if self.region is None else set(self.words.now) | self.region.written
        for index in sorted(candidates):
            if index >= self.height or not live & bit(index):
                continue
            if self.region is not None and not self.words.changed(index) and index not in self.region.written:
                continue
            self._store(index)

    def _go_home(self) -> None:
        """At the node's end: what changed and is alive."""
        live = live_at_end(self.node, self.function.live)
        words_ = self.words
        for index in sorted(words_.now):
            if index >= self.height:
                del words_.now[index]
                words_.home.pop(index, None)
            elif words_.changed(index):
                if not live & bit(index):
                    del words_.now[index]
                    words_.home.pop(index, None)
                    continue
                if self.region is not None and index in self.region.touched:
                    self.function.store_variable(self.region, index, words_.now[index])
                else:
                    self.frame.store_word(index, words_.now[index], general=self.general)
                words_.home[index] = words_.now[index]
        self.function.ends[self.node] = words_

    # Gas.

    def _budget(self, extra: int = 0) -> str:
        """The budget as it is now."""
        spent = self.pending + extra
        budget = self.frame.get("budget")
        return self.text.value(f"sub i64 {budget}, {spent}") if spent else budget

    def _settle(self) -> None:
        if self.pending:
            self.frame.set("budget", self._budget())
            self.pending = 0

    # Ways out.

    def _leave(self, pc: int, budget: str | None = None, live: int = -1, *, left_out: bool = False) -> None:
        self._spill(live)
        length = self.frame.height(self.height, general=self.general)
        self.frame.leave(pc, length, budget if budget is not None else self._budget(), left_out=left_out)

    def _give_back(self, one: Instruction) -> None:
        live = 0
        if self.node.resumes_at is not None:
            live = live_at_end(self.node, self.function.live)
        for position in range(one.op.pops):
            live |= bit(self.height - 1 - position)
        self._leave(one.pc, live=live)
