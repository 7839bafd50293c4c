"""How large values can be: what fits into 64 bits is computed on the machine's own integers.

A forward analysis over the graph gives each word at each node's entry a *range*: the number of bits that it takes at
most, as far as that is worth knowing, and the number itself where it is one.

**Counters.** A loop's counter grows without end, as far as types go; but each addition costs gas, and native code is
given no more than `MAX_SPENT` at a time. A value that began below 2^41, and to which numbers of at most 256 per gas
were added, stays below 2^41 + 256 * MAX_SPENT < 2^57. It is the only range that contains its own successors, and
where others differ they become it.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from devnet.jit.abi import MAX_SPENT
from devnet.jit.graph import Graph, Node
from devnet.jit.opcodes import (
    ADD,
    ADDMOD,
    AND,
    BYTE,
    CALLDATASIZE,
    CLZ,
    CODESIZE,
    DIV,
    DUP1,
    EQ,
    GAS,
    GT,
    ISZERO,
    LT,
    MOD,
    MSIZE,
    MUL,
    MULMOD,
    OR,
    PC,
    POP,
    PUSH0,
    PUSH32,
    SAR,
    SDIV,
    SGT,
    SHL,
    SHR,
    SIGNEXTEND,
    SLT,
    SMOD,
    SWAP1,
    XOR,
    Way,
)
from devnet.jit.plan import stepped
from devnet.jit.rules import Rules

SMALL: Final = 41
"""Bits: what begins below may count."""
STEP_PER_GAS: Final = 256
COUNTED: Final = 57
NARROW: Final = 64
assert (1 << SMALL) + STEP_PER_GAS * MAX_SPENT < 1 << COUNTED

FLAGS: Final = frozenset((LT, GT, SLT, SGT, EQ, ISZERO))
SIZES: Final = frozenset((CALLDATASIZE, CODESIZE, MSIZE, GAS))


class Range(NamedTuple):
    """What is known of a value."""

    bits: int
    """At most: up to SMALL, exactly COUNTED for what counts, NARROW, or 256."""
    number: int | None = None

    @property
    def narrow(self) -> bool:
        """Whether it fits into 64 bits."""
        return self.bits <= NARROW

    @property
    def counts(self) -> bool:
        """Whether it may be added to for as long as there is gas."""
        return self.bits <= SMALL or self.bits == COUNTED


ANY: Final = Range(256)
Ranges = dict[int, Range]
"""By the index of a word; a word that is missing is any."""


def of_bits(bits: int) -> Range:
    """A value of so many bits, of which nothing else is known."""
    if bits <= SMALL:
        return Range(bits)
    return Range(NARROW) if bits <= NARROW else ANY


def of_number(number: int) -> Range:
    """That number."""
    return Range(of_bits(number.bit_length()).bits, number)


def join(first: Range, second: Range) -> Range:
    """What holds for either. Never more than four different ones in a row."""
    if first == second:
        return first
    if first.counts and second.counts:
        return Range(COUNTED)
    return Range(NARROW) if first.narrow and second.narrow else ANY


def result(code: int, operands: list[Range], gas: int) -> Range:
    """Of a pure opcode that costs `gas`; the first operand is the stack's top."""
    if code in FLAGS:
        return Range(1)
    first, *others = operands
    second = others[0] if others else ANY
    if code == ADD:
        return _sum(first, second, gas)
    if code == MUL:
        return of_bits(first.bits + second.bits)
    if code == AND:
        return _least(first, second)
    if code in (OR, XOR):
        return of_bits(max(first.bits, second.bits))
    if code in (DIV, MOD) or (code in (SDIV, SMOD) and first.narrow and second.narrow):
        return _plain(first) if code in (DIV, SDIV) else _least(first, second)
    if code in (ADDMOD, MULMOD):
        return _plain(operands[2])
    if code in (SHL, SHR, SAR):
        return _shifted(code, first, second)
    if code == SIGNEXTEND:
        fits = first.number is not None and second.bits <= SMALL and second.bits < 8 * (first.number + 1)
        return _plain(second) if fits else ANY
    return {BYTE: Range(8), CLZ: Range(9)}.get(code, ANY)


def _plain(one: Range) -> Range:
    return Range(one.bits)


def _least(first: Range, second: Range) -> Range:
    return Range(min(first.bits, second.bits))


def _sum(first: Range, second: Range, gas: int) -> Range:
    bits = max(first.bits, second.bits) + 1
    if bits <= SMALL:
        return Range(bits)
    for one, step in ((first, second), (second, first)):
        if one.counts and step.number is not None and step.number <= STEP_PER_GAS * gas:
            return Range(COUNTED)
    return of_bits(bits)


def _shifted(code: int, by: Range, value: Range) -> Range:
    if code == SHL:
        return of_bits(value.bits + by.number) if by.number is not None and by.number < 256 else ANY
    if code == SAR and not value.narrow:
        return ANY
    if by.number is None or value.bits == COUNTED:
        return _plain(value)
    return of_bits(max(value.bits - by.number, 0))


def at_entry(graph: Graph, rules: Rules) -> dict[Node, Ranges]:
    """By node, what is known of the words that it finds."""
    found: dict[Node, Ranges] = {}
    order = {node: position for position, node in enumerate(graph.nodes)}
    pending = deque(node for node in graph.nodes if node.entered)
    for node in pending:
        found[node] = {}
    waiting = set(pending)
    while pending:
        node = pending.popleft()
        waiting.discard(node)
        after = _after(node, found[node], rules)
        for successor in sorted(node.successors, key=order.__getitem__):
            given: Ranges = {} if successor.entered or node.rebases(successor) else after
            known = found.get(successor)
            now = given if known is None else _both(known, given)
            if now == known:
                continue
            found[successor] = now
            if successor not in waiting:
                waiting.add(successor)
                pending.append(successor)
    return {node: found.get(node, {}) for node in graph.nodes}


def _both(first: Ranges, second: Ranges) -> Ranges:
    joined = {index: join(one, second[index]) for index, one in first.items() if index in second}
    return {index: one for index, one in joined.items() if one != ANY}


def _after(node: Node, entry: Ranges, rules: Rules) -> Ranges:
    """What is known of the words at a node's end."""
    if node.refused:
        return {}
    now = dict(entry)
    height = node.height
    for one in node.block.instructions:
        op, code = one.op, one.code
        if PUSH0 <= code <= PUSH32:
            now[height] = of_number(one.push)
        elif DUP1 <= code < DUP1 + 16:
            now[height] = now.get(height - op.pops, ANY)
        elif SWAP1 <= code < SWAP1 + 16:
            top, other = height - 1, height - op.pops
            now[top], now[other] = now.get(other, ANY), now.get(top, ANY)
        elif code != POP:
            values = _results(
                one.pc, op.way, code, [now.get(height - 1 - nth, ANY) for nth in range(op.pops)], rules
            )
            values = values if not stepped(one, rules) else ANY
            for index in range(height - op.pops, height - op.pops + op.pushes):
                now[index] = values
        height += op.pushes - op.pops
    return {index: one for index, one in now.items() if index < height and one != ANY}


def _results(pc: int, way: Way, code: int, operands: list[Range], rules: Rules) -> Range:
    if way is Way.PURE:
        return result(code, operands, rules.static_gas[code] or 0)
    if code == PC:
        return of_number(pc)
    return Range(NARROW) if code in SIZES else ANY
