"""Bytecode to basic blocks, and what each block does to the stack. Knows nothing of who jumps where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from devnet.jit.opcodes import (
    AND,
    DUP1,
    JUMP,
    JUMPDEST,
    JUMPI,
    OPCODES,
    POP,
    PUSH0,
    PUSH32,
    STOP,
    SWAP1,
    Opcode,
    Way,
)

MASK: Final = (1 << 256) - 1


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; `push` is what it puts on the stack when it is a PUSH."""

    pc: int
    op: Opcode
    next_pc: int
    push: int = 0

    @property
    def code(self) -> int:
        """The opcode's number."""
        return self.op.code


@dataclass(frozen=True, slots=True)
class Slot:
    """A value that was on the stack when the block began: `index` words above the stack's top then (so below zero)."""

    index: int


Symbol = int | Slot | None
"""What a block knows of a value: a constant, an untouched word of its entry, or nothing."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a block does to the stack. Indices count from the stack's height at the block's entry."""

    lowest: int
    """The deepest word that it needs; zero or less."""
    highest: int
    """How far the stack rises above its height at entry."""
    delta: int
    changed: dict[int, Symbol]
    """What is in the words that hold something else than at entry."""
    assigned: frozenset[int]
    """Words that were given a value at some time, be it the one that they had."""
    used: frozenset[int]
    """Words of the entry that it computes with (moving one elsewhere is not computing)."""
    target: Symbol = None
    """Where its jump goes."""


@dataclass(frozen=True, slots=True)
class Block:
    """Instructions that run one after another, with one way in."""

    pc: int
    instructions: tuple[Instruction, ...]
    falls_to: int | None
    """The next block when nothing else was said: also what JUMPI does if not."""
    effect: Effect

    @property
    def last(self) -> Instruction:
        """How it ends."""
        return self.instructions[-1]


@dataclass(frozen=True, slots=True)
class Program:
    """A contract's code, taken apart."""

    code: bytes
    blocks: dict[int, Block]
    jumpdests: frozenset[int]
    pushed: frozenset[int]
    """Jump destinations that the code mentions as constants."""


def decode(code: bytes) -> Program:
    """Takes bytecode apart. Any bytes are a program."""
    instructions = _instructions(code)
    jumpdests = frozenset(one.pc for one in instructions if one.code == JUMPDEST)
    blocks: dict[int, Block] = {}
    run: list[Instruction] = []
    for position, one in enumerate(instructions):
        run.append(one)
        after = instructions[position + 1].pc if position + 1 < len(instructions) else None
        ends = one.op.way in (Way.LEAVE, Way.JUMP)
        if not ends and after is not None and after not in jumpdests:
            continue
        falls = after if not ends or one.code == JUMPI else None
        blocks[run[0].pc] = Block(run[0].pc, tuple(run), falls, _effect(run))
        run = []
    pushed = frozenset(one.push for one in instructions if PUSH0 <= one.code <= PUSH32) & jumpdests
    return Program(code, blocks, jumpdests, pushed)


def _instructions(code: bytes) -> list[Instruction]:
    found: list[Instruction] = []
    pc = 0
    while pc < len(code):
        op = OPCODES[code[pc]]
        width = max(op.code - PUSH0, 0) if op.code <= PUSH32 else 0
        immediate = code[pc + 1 : pc + 1 + width].ljust(width, b"\0")
        found.append(Instruction(pc, op, pc + 1 + width, int.from_bytes(immediate)))
        pc += 1 + width
    # Running off the end is a STOP.
    found.append(Instruction(pc, OPCODES[STOP], pc + 1))
    return found


def _effect(instructions: list[Instruction]) -> Effect:
    words: dict[int, Symbol] = {}
    used: set[int] = set()
    height = lowest = highest = 0
    target: Symbol = None

    def read(index: int) -> Symbol:
        return words.get(index, Slot(index) if index < 0 else None)

    for one in instructions:
        code, op = one.code, one.op
        lowest = min(lowest, height - op.pops)
        if PUSH0 <= code <= PUSH32:
            words[height] = one.push
        elif DUP1 <= code < DUP1 + 16:
            words[height] = read(height - op.pops)
        elif SWAP1 <= code < SWAP1 + 16:
            top, other = height - 1, height - op.pops
            words[top], words[other] = read(other), read(top)
        elif code != POP:
            operands = [read(height - 1 - position) for position in range(op.pops)]
            used.update(value.index for value in operands if isinstance(value, Slot))
            if code in (JUMP, JUMPI):
                target = operands[0]
            for index in range(height - op.pops, height - op.pops + op.pushes):
                words[index] = _masked(operands) if code == AND else None
        height += op.pushes - op.pops
        highest = max(highest, height)
        lowest = min(lowest, height)
    changed = {index: value for index, value in words.items() if index < height and value != Slot(index)}
    kept = frozenset(index for index in words if index < height)
    return Effect(lowest, highest, height, changed, kept, frozenset(used), target)


def _masked(operands: list[Symbol]) -> Symbol:
    """AND of two constants, as compilers clean function pointers."""
    first, second = operands
    return first & second if isinstance(first, int) and isinstance(second, int) else None
