"""What the compiler makes of a contract, in numbers: for people who want to know why it is fast, or not. No LLVM."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from devnet.jit import plan
from devnet.jit.compiler import followed
from devnet.jit.decode import decode
from devnet.jit.graph import Node
from devnet.jit.opcodes import Way
from devnet.jit.plan import stepped
from devnet.jit.rules import Rules
from devnet.jit.selection import EVERYTHING, choose


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop whose words are in registers."""

    first_pc: int
    last_pc: int
    gas: int
    """Of one turn on its dearest way, without what the engine's steps cost."""
    nodes: int
    words: int
    """Of the stack, in registers."""
    steps: dict[str, int]
    """Instructions in it that the engine executes, by name."""
    leaves: dict[str, int]
    """Instructions in it that hand the frame to the interpreter."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A contract as the compiler sees it."""

    code_size: int
    blocks: int
    nodes: int
    merged: bool
    """Whether contexts had to be merged."""
    unknown_jumps: int
    """Jumps whose target is looked up when they are made."""
    instructions: int
    """In all nodes."""
    steps: dict[str, int]
    leaves: dict[str, int]
    loops: tuple[Loop, ...]
    """The dearest first."""


def explain(code: bytes, rules: Rules) -> Explanation:
    """Looks at a contract as the compiler does."""
    program = decode(code)
    made, _ = followed(program, choose(program, EVERYTHING))
    decided = plan.make(made, rules)
    loops = [
        Loop(
            first_pc=min(node.block.pc for node in region.nodes),
            last_pc=max(node.block.last.pc for node in region.nodes),
            gas=max(decided.need[node] for node in region.nodes),
            nodes=len(region.nodes),
            words=len(region.touched),
            steps=_steps(region.nodes, rules),
            leaves=_leaves(region.nodes),
        )
        for region in dict.fromkeys(decided.regions.values())
    ]
    # A loop in several contexts is one to whoever has written it: the dearest stands for all.
    by_place = {(loop.first_pc, loop.last_pc): loop for loop in sorted(loops, key=lambda loop: loop.gas)}
    return Explanation(
        code_size=len(code),
        blocks=len(program.blocks),
        nodes=len(made.nodes),
        merged=not made.exact,
        unknown_jumps=sum(node.jumps_anywhere for node in made.nodes),
        instructions=sum(len(node.block.instructions) for node in made.nodes),
        steps=_steps(made.nodes, rules),
        leaves=_leaves(made.nodes),
        loops=tuple(sorted(by_place.values(), key=lambda loop: -loop.gas)),
    )


def _steps(nodes: Iterable[Node], rules: Rules) -> dict[str, int]:
    found = Counter(one.op.name for node in nodes for one in node.block.instructions if stepped(one, rules))
    return dict(found.most_common())


def _leaves(nodes: Iterable[Node]) -> dict[str, int]:
    found = Counter(node.block.last.op.name for node in nodes if node.block.last.op.way is Way.LEAVE)
    return dict(found.most_common())
