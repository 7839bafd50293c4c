"""From bytecode to an object: the rooms in order."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from devnet.jit import graph, lower, plan
from devnet.jit.abi import X86
from devnet.jit.decode import decode
from devnet.jit.rules import Rules


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


def lower_code(code: bytes, rules: Rules) -> Lowered:
    """The IR of a contract."""
    program = decode(code)
    made = graph.build(program)
    planned = plan.make(made, rules)
    text = lower.lower(made, planned, rules, x86=platform.machine() in X86)
    return Lowered(
        text=text,
        blocks=len(program.blocks),
        nodes=len(made.nodes),
        loops=len(set(planned.regions.values())),
        dispatched=bool(made.dispatched),
        longest_run=plan.longest_run(planned, rules),
    )
