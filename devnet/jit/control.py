"""A node's text from its label to its end: one instruction after the other, then a jump or the next node."""

from __future__ import annotations

from devnet.jit.decode import Instruction
from devnet.jit.function import label
from devnet.jit.graph import Node
from devnet.jit.instructions import Instructions
from devnet.jit.liveness import live_at_end
from devnet.jit.opcodes import JUMP, JUMPI, Way
from devnet.jit.plan import cost, needs_after, stepped
from devnet.jit.text import constant


class NodeWriter(Instructions):
    """Writes one node."""

    def write(self) -> None:
        """From the node's label to where it goes on."""
        self.text.label(label(self.node))
        if self.node.refused or self.node.left_out:
            self._leave(self.block.pc, left_out=self.node.left_out)
            return
        self._check_entry()
        needs, _ = needs_after(self.node, self.tail, self.rules)
        for one, need in zip(self.block.instructions, needs, strict=True):
            self.text.check_length()
            if one.op.way is Way.LEAVE:
                self._give_back(one)
                return
            if stepped(one, self.rules):
                self._step(one, need)
            elif one.code in (JUMP, JUMPI):
                self._jump(one)
                return
            else:
                self._execute(one, need)
        self._settle()
        self._go_home()
        assert self.node.falls_to is not None
        self._edge(self.node.falls_to)

    def _jump(self, one: Instruction) -> None:
        """JUMP and JUMPI, in the parts of `instructions`."""
        node, text = self.node, self.text
        # STACK
        height = self.height
        target = self._pop()
        condition = self._pop() if one.code == JUMPI else ""

        # GAS
        # Counted where the jump is made; who leaves here instead has not paid.
        paid = cost(one, self.rules)

        # OPERATION
        taken = self.function.arithmetic.is_some(condition) if condition else ""

        # PROGRAM COUNTER
        # The target's, or the next instruction's.
        if node.jumps_anywhere:
            self._jump_anywhere(one, target, taken, height, paid)
            return
        if not node.targets:
            self._jump_nowhere(one, taken, height, paid)
            return
        if not self.function.graph.exact and constant(target) is None:
            self._look(one, target, taken, height)
        self.pending += paid
        self._settle()
        self._go_home()
        if taken:
            there, on = text.name("jump"), text.name("fall")
            text.branch(taken, there, on)
            text.label(on)
            assert node.falls_to is not None
            self._edge(node.falls_to)
            text.label(there)
        self._choose(target)

    def _choose(self, target: str) -> None:
        """To one of the node's targets; a single one needs no choice, and the value is one of them."""
        text, targets = self.text, self.node.targets
        if len(targets) > 1:
            low = text.value(f"trunc i256 {target} to i64")
            ways = {pc: text.name("way") for pc in targets}
            arms = " ".join(f"i64 {pc}, label %{way}" for pc, way in ways.items())
            text.do(f"switch i64 {low}, label %{next(iter(ways.values()))} [ {arms} ]")
        for pc, successor in targets.items():
            if len(targets) > 1:
                text.label(ways[pc])
            self._edge(successor)

    def _look(self, one: Instruction, target: str, taken: str, height: int) -> None:
        """Leaves when the target is none of those that were found."""
        text = self.text
        fine = text.value(f"xor i1 {taken}, true") if taken else "false"
        for pc in self.node.targets:
            fine = text.value(f"or i1 {fine}, {text.value(f'icmp eq i256 {target}, {pc}')}")
        after, self.height = self.height, height
        self._or_leave(fine, one.pc)
        self.height = after

    def _jump_nowhere(self, one: Instruction, taken: str, height: int, paid: int) -> None:
        """Not to a JUMPDEST: the interpreter says what that means."""
        text = self.text
        after, self.height = self.height, height
        if not taken:
            self._leave(one.pc)
            return
        off, on = text.name("off"), text.name("fall")
        text.branch(taken, off, on)
        with text.aside(off):
            self._leave(one.pc)
        text.label(on)
        self.height = after
        self.pending += paid
        self._settle()
        self._go_home()
        assert self.node.falls_to is not None
        self._edge(self.node.falls_to)

    def _jump_anywhere(self, one: Instruction, target: str, taken: str, height: int, paid: int) -> None:
        text, frame, node = self.text, self.frame, self.node
        after, self.height = self.height, height
        there, on = text.name("anywhere"), text.name("fall")
        if taken:
            text.branch(taken, there, on)
        else:
            text.jump(there)
        text.label(there)
        # With its operands still there, so that it can also leave where the target is none.
        self._spill(-1)
        low = text.value(f"trunc i256 {target} to i64")
        near = text.value(f"icmp ult i256 {target}, {len(self.function.graph.program.code)}")
        where = text.value(f"select i1 {near}, i64 {low}, i64 -1")
        length = frame.height(height, general=self.general)
        base = frame.height(after, general=self.general)
        budget = self._budget()
        frame.set("base", base)
        frame.set("budget", self._budget(paid))
        self.function.anywhere.append((where, str(one.pc), length, budget, text.here))
        text.jump("anywhere")
        if taken:
            text.label(on)
            self.height = after
            self.pending += paid
            self._settle()
            self._go_home()
            assert node.falls_to is not None
            self._edge(node.falls_to)

    def _edge(self, successor: Node) -> None:
        live = live_at_end(self.node, self.function.live)
        self.function.cross(self.node, successor, self.words, live)
        self.text.jump(label(successor))
