"""A planned graph to LLVM IR: the function `entry`, one stretch of text per node.

Within a node, words are values with names; nothing is stored before it must be. Where a node ends, what changed and is
still alive goes home: to the frame's stack, or to the region's variables in a loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from devnet.jit import ranges
from devnet.jit.abi import ENTRY, STACK_LIMIT, WORD
from devnet.jit.arithmetic import Arithmetic, helpers
from devnet.jit.decode import Instruction
from devnet.jit.frame import STEP, Frame
from devnet.jit.graph import Graph, Node
from devnet.jit.liveness import below, bit, live_at_end, words
from devnet.jit.opcodes import (
    DUP1,
    EXP,
    GAS,
    JUMP,
    JUMPDEST,
    JUMPI,
    PC,
    POP,
    PUSH0,
    PUSH32,
    SWAP1,
    Way,
)
from devnet.jit.plan import Plan, Region, cost, needs_after, stepped, tail_need
from devnet.jit.rules import Rules
from devnet.jit.text import Text, constant

MLOAD, MSTORE, MSTORE8, CALLDATALOAD = 0x51, 0x52, 0x53, 0x35
MAX_CHANGED: Final = 10
"""Words that a way out may have to store."""
FAR: Final = 1 << 62
"""No memory and no calldata reaches so far."""

PRELUDE: Final = """declare i256 @llvm.bswap.i256(i256)
declare i256 @llvm.ctlz.i256(i256, i1)
"""
ATTRIBUTES: Final = """attributes #0 = { nounwind "no-builtins" "probe-stack"="inline-asm" }
attributes #1 = { nounwind noinline "no-builtins" "probe-stack"="inline-asm" }
!0 = !{!"branch_weights", i32 4000, i32 1}
!1 = !{}
"""


@dataclass(slots=True)
class Words:
    """The stack within a node: which value each word has, and which is known to be at its home."""

    now: dict[int, str] = field(default_factory=dict)
    home: dict[int, str] = field(default_factory=dict)

    def changed(self, index: int) -> bool:
        """Whether its home holds something else, or that isn't known."""
        return index in self.now and self.now[index] != self.home.get(index)


def lower(graph: Graph, plan: Plan, live: dict[Node, int], rules: Rules, *, x86: bool) -> str:
    """The module's text; `x86` for processors that have that one's instruction for division."""
    return _Function(graph, plan, live, rules, x86).write()


class _Function:
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

    def write(self) -> str:
        self.text.label("begin")
        self.frame.declare()
        for region, narrow in self.narrow.items():
            for index in sorted(region.touched):
                kind = "i64" if index in narrow else "i256"
                self.text.do(f"{_variable(region, index)} = alloca {kind}, align 8")
                if index not in narrow and index not in region.written:
                    self.text.do(f"{_most(region, index)} = alloca i64, align 8")
        self._entries()
        for node in self.plan.order:
            _NodeWriter(self, node).write()
        self._dispatcher()
        self.frame.way_out()
        body = self.text.body()
        return "\n".join(
            (
                PRELUDE,
                STEP if "@step(" in body else "",
                helpers(body, x86=self.x86),
                f"define i64 @{ENTRY}(ptr noalias nonnull %frame) #0 {{",
                body,
                "}",
                ATTRIBUTES,
            )
        )

    def _narrow(self, region: Region) -> frozenset[int]:
        """The words of a loop that fit into 64 bits wherever they are alive."""

        def fits(index: int) -> bool:
            alive = [node for node in region.nodes if self.live[node] & bit(index)]
            return bool(alive) and all(self.known[node].get(index, ranges.ANY).narrow for node in alive)

        return frozenset(index for index in region.touched if fits(index))

    def _entries(self) -> None:
        """Where the frame wants to go on: at the start, behind a call with the stack as it was there, or at the head of
        a loop where the interpreter has come to.
        """
        text = self.text
        pc, length = self.frame.field("pc"), self.frame.field("stack_len")
        ways = {0: [self.graph.start], **{pc: list(nodes) for pc, nodes in self.graph.resumed.items() if pc}}
        for head in self.plan.heads:
            nodes = ways.setdefault(head.block.pc, [])
            if head not in nodes:
                nodes.append(head)
        arms = " ".join(f"i64 {at}, label %resume.{at}" for at in ways)
        text.do(f"switch i64 {pc}, label %unknown [ {arms} ]")
        text.label("unknown")
        text.do("ret i64 0")
        for at, nodes in ways.items():
            text.label(f"resume.{at}")
            # What knows most comes first; a general node takes everybody.
            for node in sorted(nodes, key=lambda one: (one.context.general, -len(one.context.labels))):
                self._enter(node, length)
            text.jump("unknown")

    def _enter(self, node: Node, length: str) -> None:
        text, frame = self.text, self.frame
        otherwise = text.name("other")
        if node.context.general:
            frame.set("base", length)
        else:
            right = text.value(f"icmp eq i64 {length}, {node.height}")
            # Where contexts are exact, they are what it was compiled for; else jumps look for themselves.
            expected: ranges.Ranges = {}
            if not node.entered:
                # Nothing is known of the words where nodes are entered; of others it has to be true.
                live = self.live[node]
                expected = {index: known for index, known in self.known[node].items() if live & bit(index)}
            expected |= {index: ranges.of_number(value) for index, value in node.context.labels}
            for index, known in expected.items():
                following = text.name("compare")
                text.branch(right, following, otherwise)
                text.label(following)
                right = self._is_within(frame.load_word(index, general=False), known)
            inside = text.name("enter")
            text.branch(right, inside, otherwise)
            text.label(inside)
        self.cross(None, node, Words(), self.live[node])
        text.jump(label(node))
        text.label(otherwise)

    def _is_within(self, value: str, known: ranges.Range) -> str:
        """Whether a value from outside is what a range says."""
        if known.number is not None:
            return self.text.value(f"icmp eq i256 {value}, {known.number}")
        # What counts begins anew.
        bits = ranges.SMALL if known.bits == ranges.COUNTED else known.bits
        return self.text.value(f"icmp ult i256 {value}, {1 << bits}")

    def _dispatcher(self) -> None:
        """Jumps whose target isn't known: everything is in the stack, words are counted from its top."""
        if not self.anywhere:
            return
        text = self.text
        text.label("anywhere")
        phis = []
        for position, kind in enumerate(("i64", "i64", "i64", "i64")):
            arms = ", ".join(f"[ {one[position]}, %{one[4]} ]" for one in self.anywhere)
            phis.append(text.value(f"phi {kind} {arms}"))
        target, pc, length, budget = phis
        arms = " ".join(f"i64 {at}, label %goto.{at}" for at in self.graph.dispatched)
        text.do(f"switch i64 {target}, label %nowhere [ {arms} ]")
        text.label("nowhere")
        self.frame.leave(pc, length, budget)
        for at, node in self.graph.dispatched.items():
            text.label(f"goto.{at}")
            self.cross(None, node, Words(), self.live[node])
            text.jump(label(node))

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
            value = self.text.value(f"load i256, ptr {_variable(region, index)}, align 8")
            if index not in region.written:
                most = self.text.value(f"load i64, ptr {_most(region, index)}, align 8")
                self.arithmetic.bound(value, most)
            return value
        low = self.text.value(f"load i64, ptr {_variable(region, index)}, align 8")
        return self.arithmetic.widen(low, self.known[node].get(index, ranges.ANY))

    def store_variable(self, region: Region, index: int, value: str) -> None:
        """Gives a word its value in a loop."""
        if index in self.narrow[region]:
            self.text.do(f"store i64 {self.arithmetic.low(value)}, ptr {_variable(region, index)}, align 8")
            return
        self.text.do(f"store i256 {value}, ptr {_variable(region, index)}, align 8")
        if index not in region.written:
            # Once for the whole loop, which may compare with it in each turn.
            most = self.arithmetic.at_most(value)
            self.text.do(f"store i64 {most}, ptr {_most(region, index)}, align 8")


def label(node: Node) -> str:
    """The LLVM block that a node begins with."""
    return f"node.{node.number}"


def _variable(region: Region, index: int) -> str:
    return f"%word.{region.number}.{index if index >= 0 else f'below.{-index}'}"


def _most(region: Region, index: int) -> str:
    """Of a word that a loop only reads: as much of it as fits into 64 bits."""
    return f"{_variable(region, index)}.most"


class _NodeWriter:
    """Writes one node."""

    def __init__(self, function: _Function, node: Node) -> None:
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

    def write(self) -> None:
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

    # Instructions.

    def _execute(self, one: Instruction, need: int) -> None:
        code = one.code
        if one.op.way is Way.STACK:
            self._move(one)
        elif one.op.way is Way.PURE:
            operands = [self._pop() for _ in range(one.op.pops)]
            self._push(self.function.arithmetic.write(code, operands, cost(one, self.rules)))
        elif one.op.way is Way.READ:
            self._push(self._environment(one))
        elif code == EXP:
            self._power(one, need)
        else:
            self._memory(one, need)
        self.pending += cost(one, self.rules)

    def _move(self, one: Instruction) -> None:
        code = one.code
        if PUSH0 <= code <= PUSH32:
            self._push(str(one.push))
        elif DUP1 <= code < DUP1 + 16:
            self._push(self._read(self.height - one.op.pops))
        elif SWAP1 <= code < SWAP1 + 16:
            top, other = self.height - 1, self.height - one.op.pops
            first, second = self._read(top), self._read(other)
            self.words.now[top], self.words.now[other] = second, first
        elif code == POP:
            self.height -= 1
        else:
            assert code == JUMPDEST

    def _environment(self, one: Instruction) -> str:
        text, frame = self.text, self.frame
        if one.code == PC:
            return str(one.pc)
        if one.code == GAS:
            left = text.value(f"add i64 {self._budget(cost(one, self.rules))}, {frame.field('gas_bias')}")
            return self._widen(left)
        name, kind, fixed = {
            0x30: ("address", "i256", True),
            0x33: ("caller", "i256", True),
            0x34: ("value", "i256", True),
            0x36: ("calldata_len", "i64", True),
            0x38: ("code_len", "i64", True),
            0x59: ("memory_len", "i64", False),
        }[one.code]
        value = frame.field(name, kind, fixed=fixed)
        return value if kind == "i256" else self._widen(value)

    def _widen(self, low: str) -> str:
        return self.function.arithmetic.widen(low, ranges.Range(ranges.NARROW))

    def _power(self, one: Instruction, need: int) -> None:
        """EXP costs by the exponent's length; where that isn't there, the interpreter says so."""
        text = self.text
        base, exponent = self._read(self.height - 1), self._read(self.height - 2)
        known = constant(exponent)
        if known is not None:
            price = str(self.rules.exp_byte_gas * ((known.bit_length() + 7) // 8))
        else:
            zeros = text.value(f"call i256 @llvm.ctlz.i256(i256 {exponent}, i1 false)")
            used = text.value(f"sub i64 263, {text.value(f'trunc i256 {zeros} to i64')}")
            price = text.value(f"mul i64 {text.value(f'lshr i64 {used}, 3')}, {self.rules.exp_byte_gas}")
        rest = text.value(f"sub i64 {self._budget()}, {price}")
        enough = text.value(f"icmp sge i64 {rest}, {need + cost(one, self.rules)}")
        self._or_leave(enough, one.pc)
        self.frame.set("budget", rest)
        self.pending = 0
        self.height -= 2
        self._push(text.value(f"call i256 @power(ptr %frame, i256 {base}, i256 {exponent})"))

    def _relieve(self) -> None:
        """Before a way out: stores what would otherwise have to be stored on each of many."""
        if self.region is None:
            changed = [index for index in self.words.now if index < self.height and self.words.changed(index)]
            if len(changed) > MAX_CHANGED:
                for index in changed:
                    self._store(index)
                    self.words.home[index] = self.words.now[index]

    def _step(self, one: Instruction, need: int) -> None:
        """The host executes the instruction on the real interpreter."""
        op = one.op
        self._relieve()
        for position in range(op.pops):
            self._operand_to_stack(self.height - 1 - position)
        length = self.frame.height(self.height, general=self.general)
        after = self.frame.step(one.code, one.pc, length, self._budget())
        self.pending = 0
        self._popped(op.pops)
        results = range(self.height, self.height + op.pushes)
        self.height += op.pushes
        for index in results:
            self._forget(index)
        enough = self.text.value(f"icmp sge i64 {after}, {max(need, 0)}")
        on, off = self.text.name("on"), self.text.name("off")
        self.text.branch(enough, on, off, likely=True)
        with self.text.aside(off):
            self._leave_behind(one, after, set(results))
        self.text.label(on)
        self.frame.set("budget", after)
        for index in results:
            value = self.frame.load_word(index, general=self.general)
            self.words.now[index] = value
            if self.region is None:
                self.words.home[index] = value

    def _operand_to_stack(self, index: int) -> None:
        if self.region is None and index not in self.words.now:
            return
        if self.region is not None and index not in self.words.now and index not in self.region.touched:
            return
        self._store(index)

    def _popped(self, count: int) -> None:
        """Operands are gone; what their places hold is only known again when something is put there."""
        for _ in range(count):
            self.height -= 1
            self._forget(self.height)

    def _forget(self, index: int) -> None:
        self.words.now.pop(index, None)
        self.words.home.pop(index, None)

    def _leave_behind(self, one: Instruction, budget: str, results: set[int]) -> None:
        """Leaves after a step: its results are in the frame's stack already."""
        live = below(self.height)
        for index in results:
            live &= ~bit(index)
        self._leave(one.next_pc, budget, live)

    def _memory(self, one: Instruction, need: int) -> None:
        """A word of memory or of the call's data where it is simple, else a step."""
        text, code, op = self.text, one.code, one.op
        self._relieve()
        operands = [self._read(self.height - 1 - position) for position in range(op.pops)]
        inside, place = self._place(code, operands[0])
        fast, slow, done = text.name("fast"), text.name("slow"), text.name("done")
        text.branch(inside, fast, slow, likely=True)
        paid = cost(one, self.rules)
        result = ""
        with text.aside(slow):
            held = Words(dict(self.words.now), dict(self.words.home))
            height = self.height
            for position in range(op.pops):
                self._operand_to_stack(self.height - 1 - position)
            length = self.frame.height(self.height, general=self.general)
            after = self.frame.step(code, one.pc, length, self._budget())
            self._popped(op.pops)
            results = set(range(self.height, self.height + op.pushes))
            self.height += op.pushes
            enough = text.value(f"icmp sge i64 {after}, {need}")
            on, off = text.name("on"), text.name("off")
            text.branch(enough, on, off)
            text.label(off)
            self._leave_behind(one, after, results)
            text.label(on)
            self.frame.set("budget", text.value(f"add i64 {after}, {self.pending + paid}"))
            if op.pushes:
                result = self.frame.load_word(height - op.pops, general=self.general)
            text.jump(done)
            self.words, self.height = held, height
        text.label(fast)
        at = text.value(f"getelementptr i8, ptr {place[0]}, i64 {place[1]}")
        loaded = ""
        if op.pushes:
            raw = text.value(f"load i256, ptr {at}, align 1")
            loaded = text.value(f"call i256 @llvm.bswap.i256(i256 {raw})")
        elif code == MSTORE:
            swapped = text.value(f"call i256 @llvm.bswap.i256(i256 {operands[1]})")
            text.do(f"store i256 {swapped}, ptr {at}, align 1")
        else:
            text.do(f"store i8 {text.value(f'trunc i256 {operands[1]} to i8')}, ptr {at}, align 1")
        text.jump(done)
        text.label(done)
        self._popped(op.pops)
        if op.pushes:
            self._push(text.value(f"phi i256 [ {loaded}, %{fast} ], [ {result}, %{on} ]"))

    def _place(self, code: int, offset: str) -> tuple[str, tuple[str, str]]:
        """Whether an access is inside, and where."""
        text, frame = self.text, self.frame
        area, fixed = ("calldata", True) if code == CALLDATALOAD else ("memory", False)
        known = constant(offset)
        if known is not None and known >= FAR:
            return "false", ("%frame", "0")
        length = frame.field(f"{area}_len", fixed=fixed)
        start = frame.field(area, "ptr", fixed=fixed)
        size = 1 if code == MSTORE8 else WORD
        if known is not None:
            return text.value(f"icmp uge i64 {length}, {known + size}"), (start, str(known))
        arithmetic = self.function.arithmetic
        low = arithmetic.low(offset)
        end = text.value(f"add i64 {low}, {size}")
        inside = text.value(f"icmp ule i64 {end}, {length}")
        fits = arithmetic.range(offset)
        if fits.bits <= ranges.COUNTED:
            return inside, (start, low)
        near = f"icmp ult i64 {low}, {FAR}" if fits.narrow else f"icmp ult i256 {offset}, {FAR}"
        return text.value(f"and i1 {text.value(near)}, {inside}"), (start, low)

    # Control.

    def _jump(self, one: Instruction) -> None:
        node, text = self.node, self.text
        paid = cost(one, self.rules)
        height = self.height
        target = self._pop()
        condition = self._pop() if one.code == JUMPI else ""
        taken = self.function.arithmetic.is_some(condition) if condition else ""
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
