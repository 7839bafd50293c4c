"""From bytecode to an object: the rooms in order."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from devnet.jit import graph, lower, plan
from devnet.jit.abi import X86
from devnet.jit.decode import Program, decode
from devnet.jit.graph import Graph, Node
from devnet.jit.liveness import live_at_entry
from devnet.jit.rules import Rules
from devnet.jit.selection import EVERYTHING, Selection, Wanted, choose


@dataclass(frozen=True, slots=True)
class Lowered:
    """A contract's IR, and what was found on the way."""

    text: str
    blocks: int
    nodes: int
    loops: int
    dispatched: bool
    longest_run: int | None
    """`plan.longest_run`."""
    selection: Selection
    compiled: int
    """Bytes of bytecode that became native."""
    left_out: int
    """Bytes of bytecode that native code leaves to the interpreter where it gets there."""


def followed(program: Program, selection: Selection) -> tuple[Graph, dict[Node, int]]:
    """The graph of what is to become native, and which words are alive in it."""
    if selection.whole:
        made = graph.build(program)
        graph.leave_out_failures(made, selection.blocks)
    else:
        made = graph.build(program, selection.blocks)
    live = live_at_entry(made)
    return graph.cut(made), live


def lower_code(code: bytes, rules: Rules, wanted: Wanted = EVERYTHING) -> Lowered:
    """The IR of a contract, or of the wanted parts."""
    program = decode(code)
    selection = choose(program, wanted)
    made, live = followed(program, selection)
    planned = plan.make(made, rules)
    text = lower.lower(made, planned, live, rules, x86=platform.machine() in X86)
    blocks = {node.block.pc: node.block for node in made.nodes if not node.left_out}
    compiled = sum(block.last.next_pc - block.pc for block in blocks.values())
    return Lowered(
        text=text,
        blocks=len(program.blocks),
        nodes=len(made.nodes),
        loops=len(set(planned.regions.values())),
        dispatched=bool(made.dispatched),
        longest_run=plan.longest_run(planned, rules),
        selection=selection,
        compiled=compiled,
        left_out=sum(block.last.next_pc - block.pc for block in program.blocks.values()) - compiled,
    )
