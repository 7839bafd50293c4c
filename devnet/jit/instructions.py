"""What becomes of each instruction, in the four parts in which Ethereum's execution-specs writes them.

STACK takes the operands, GAS charges, OPERATION does it and leaves the result, PROGRAM COUNTER says what comes next:
the next instruction's text follows, unless it says something else. Where a part has nothing in it, or the host has it
(`Frame.step`), a comment says so.

Gas that is known beforehand is only counted here (`pending`); a block is entered with enough for all of it. What an
instruction takes, gives and costs is in `opcodes` and in the engine's rules.
"""

from __future__ import annotations

from typing import Final

from devnet.jit import ranges
from devnet.jit.abi import WORD
from devnet.jit.decode import Instruction
from devnet.jit.function import Words
from devnet.jit.liveness import below, bit
from devnet.jit.node_text import NodeText
from devnet.jit.opcodes import (
    CALLDATALOAD,
    DUP1,
    EXP,
    GAS,
    JUMPDEST,
    MSTORE,
    MSTORE8,
    PC,
    POP,
    PUSH0,
    PUSH32,
    SWAP1,
    Way,
)
from devnet.jit.plan import cost
from devnet.jit.text import constant

MAX_CHANGED: Final = 10
"""Words that a way out may have to store."""
FAR: Final = 1 << 62
"""No memory and no calldata reaches so far."""


class Instructions(NodeText):
    """Writes instructions that go on with the next one."""

    def _execute(self, one: Instruction, need: int) -> None:
        """An instruction of native code; `need` is the gas that must be left behind it."""
        if one.op.way is Way.STACK:
            self._move(one)
        elif one.op.way is Way.PURE:
            self._compute(one)
        elif one.op.way is Way.READ:
            self._read_frame(one)
        elif one.code == EXP:
            self._power(one, need)
        else:
            self._memory(one, need)

    def _move(self, one: Instruction) -> None:
        """PUSH, DUP, SWAP, POP, JUMPDEST: only names move."""
        # STACK
        # With the operation.

        # GAS
        self.pending += cost(one, self.rules)

        # OPERATION
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

        # PROGRAM COUNTER
        # The next instruction's.

    def _compute(self, one: Instruction) -> None:
        """A function of the operands."""
        # STACK
        operands = [self._pop() for _ in range(one.op.pops)]

        # GAS
        gas = cost(one, self.rules)
        self.pending += gas

        # OPERATION
        self._push(self.function.arithmetic.write(one.code, operands, gas))

        # PROGRAM COUNTER
        # The next instruction's.

    def _read_frame(self, one: Instruction) -> None:
        """What the frame holds, or what the compiler knows."""
        # STACK
        # No operands.

        # GAS
        self.pending += cost(one, self.rules)

        # OPERATION
        if one.code == PC:
            value = str(one.pc)
        elif one.code == GAS:
            value = self._widen(self.text.value(f"add i64 {self._budget()}, {self.frame.field('gas_bias')}"))
        else:
            value = self._field(one.code)
        self._push(value)

        # PROGRAM COUNTER
        # The next instruction's.

    def _field(self, code: int) -> str:
        name, kind, fixed = {
            0x30: ("address", "i256", True),
            0x33: ("caller", "i256", True),
            0x34: ("value", "i256", True),
            0x36: ("calldata_len", "i64", True),
            0x38: ("code_len", "i64", True),
            0x59: ("memory_len", "i64", False),
        }[code]
        value = self.frame.field(name, kind, fixed=fixed)
        return value if kind == "i256" else self._widen(value)

    def _widen(self, low: str) -> str:
        return self.function.arithmetic.widen(low, ranges.Range(ranges.NARROW))

    def _power(self, one: Instruction, need: int) -> None:
        """EXP costs by the exponent's length."""
        # STACK
        # They stay until the gas is there.
        base, exponent = self._read(self.height - 1), self._read(self.height - 2)

        # GAS
        # Where it isn't there, the interpreter says so.
        gas = cost(one, self.rules)
        of_exponent = self._price_of_power(exponent)
        rest = self.text.value(f"sub i64 {self._budget()}, {of_exponent}")
        enough = self.text.value(f"icmp sge i64 {rest}, {need + gas}")
        self._or_leave(enough, one.pc)
        self.frame.set("budget", rest)
        self.pending = gas

        # OPERATION
        self.height -= one.op.pops
        self._push(self.text.value(f"call i256 @power(ptr %frame, i256 {base}, i256 {exponent})"))

        # PROGRAM COUNTER
        # The next instruction's.

    def _price_of_power(self, exponent: str) -> str:
        """For the exponent's bytes."""
        text = self.text
        known = constant(exponent)
        if known is not None:
            return str(self.rules.exp_byte_gas * ((known.bit_length() + 7) // 8))
        zeros = text.value(f"call i256 @llvm.ctlz.i256(i256 {exponent}, i1 false)")
        used = text.value(f"sub i64 263, {text.value(f'trunc i256 {zeros} to i64')}")
        return text.value(f"mul i64 {text.value(f'lshr i64 {used}, 3')}, {self.rules.exp_byte_gas}")

    def _step(self, one: Instruction, need: int) -> None:
        """The host executes the instruction on the real interpreter."""
        op = one.op
        # STACK
        self._relieve()
        for position in range(op.pops):
            self._operand_to_stack(self.height - 1 - position)
        length = self.frame.height(self.height, general=self.general)

        # GAS
        # The host charges, and gives back what is left.
        budget = self._budget()
        self.pending = 0

        # OPERATION
        after = self.frame.step(one.code, one.pc, length, budget)
        results = self._stepped(op.pops, op.pushes)

        # PROGRAM COUNTER
        # The next instruction's, if there is gas for what follows; else the interpreter goes on there.
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

    def _stepped(self, pops: int, pushes: int) -> range:
        """The host has taken the operands, and has put the results into the frame's stack: their places."""
        self._popped(pops)
        results = range(self.height, self.height + pushes)
        self.height += pushes
        for index in results:
            self._forget(index)
        return results

    def _memory(self, one: Instruction, need: int) -> None:
        """A word of memory or of the call's data where it is simple, else a step."""
        text, op = self.text, one.op
        # STACK
        self._relieve()
        operands = [self._read(self.height - 1 - position) for position in range(op.pops)]

        # GAS
        gas = cost(one, self.rules)

        # OPERATION
        # It is simple where it is inside of what there is, so that memory doesn't grow.
        inside, place = self._place(one.code, operands[0])
        fast, slow, done = text.name("fast"), text.name("slow"), text.name("done")
        text.branch(inside, fast, slow, likely=True)
        with text.aside(slow):
            result, on = self._memory_step(one, need, gas)
            text.jump(done)
        text.label(fast)
        loaded = self._access(one, place, operands)
        text.jump(done)
        text.label(done)
        self._popped(op.pops)
        if op.pushes:
            self._push(text.value(f"phi i256 [ {loaded}, %{fast} ], [ {result}, %{on} ]"))
        self.pending += gas

        # PROGRAM COUNTER
        # The next instruction's, whichever way it was.

    def _access(self, one: Instruction, place: tuple[str, str], operands: list[str]) -> str:
        """Loads or stores; what was loaded."""
        text = self.text
        at = text.value(f"getelementptr i8, ptr {place[0]}, i64 {place[1]}")
        if one.op.pushes:
            raw = text.value(f"load i256, ptr {at}, align 1")
            return text.value(f"call i256 @llvm.bswap.i256(i256 {raw})")
        if one.code == MSTORE:
            swapped = text.value(f"call i256 @llvm.bswap.i256(i256 {operands[1]})")
            text.do(f"store i256 {swapped}, ptr {at}, align 1")
        else:
            text.do(f"store i8 {text.value(f'trunc i256 {operands[1]} to i8')}, ptr {at}, align 1")
        return ""

    def _memory_step(self, one: Instruction, need: int, gas: int) -> tuple[str, str]:
        """The same by the host, which charges; native code will charge `gas` behind both ways, so it is put back. The
        result, and where this way ends. What is known of the words afterwards is what the fast way knows.
        """
        text, op = self.text, one.op
        words, height = Words(dict(self.words.now), dict(self.words.home)), self.height
        for position in range(op.pops):
            self._operand_to_stack(self.height - 1 - position)
        length = self.frame.height(self.height, general=self.general)
        after = self.frame.step(one.code, one.pc, length, self._budget())
        self._popped(op.pops)
        results = set(range(self.height, self.height + op.pushes))
        self.height += op.pushes
        enough = text.value(f"icmp sge i64 {after}, {need}")
        on, off = text.name("on"), text.name("off")
        text.branch(enough, on, off)
        text.label(off)
        self._leave_behind(one, after, results)
        text.label(on)
        self.frame.set("budget", text.value(f"add i64 {after}, {self.pending + gas}"))
        result = ""
        if op.pushes:
            result = self.frame.load_word(height - op.pops, general=self.general)
        self.words, self.height = words, height
        return result, on

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

    def _relieve(self) -> None:
        """Before a way out: stores what would otherwise have to be stored on each of many."""
        if self.region is None:
            changed = [index for index in self.words.now if index < self.height and self.words.changed(index)]
            if len(changed) > MAX_CHANGED:
                for index in changed:
                    self._store(index)
                    self.words.home[index] = self.words.now[index]

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
