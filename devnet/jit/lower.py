"""A planned graph to LLVM IR: the function `entry`, one stretch of text per node.

Within a node, words are values with names; nothing is stored before it must be. Where a node ends, what changed and is
still alive goes home: to the frame's stack, or to the region's variables in a loop.
"""

from __future__ import annotations

from typing import Final

from devnet.jit import ranges
from devnet.jit.abi import ENTRY
from devnet.jit.arithmetic import helpers
from devnet.jit.control import NodeWriter
from devnet.jit.frame import STEP
from devnet.jit.function import Function, Words, label, most_of, variable_of
from devnet.jit.graph import Graph, Node
from devnet.jit.liveness import bit
from devnet.jit.plan import Plan
from devnet.jit.rules import Rules

PRELUDE: Final = """declare i256 @llvm.bswap.i256(i256)
declare i256 @llvm.ctlz.i256(i256, i1)
"""
ATTRIBUTES: Final = """attributes #0 = { nounwind "no-builtins" "probe-stack"="inline-asm" }
attributes #1 = { nounwind noinline "no-builtins" "probe-stack"="inline-asm" }
!0 = !{!"branch_weights", i32 4000, i32 1}
!1 = !{}
"""


def lower(graph: Graph, plan: Plan, live: dict[Node, int], rules: Rules, *, x86: bool) -> str:
    """The module's text; `x86` for processors that have that one's instruction for division."""
    return _Lowering(graph, plan, live, rules, x86).write()


class _Lowering(Function):
    def write(self) -> str:
        self.text.label("begin")
        self.frame.declare()
        for region, narrow in self.narrow.items():
            for index in sorted(region.touched):
                kind = "i64" if index in narrow else "i256"
                self.text.do(f"{variable_of(region, index)} = alloca {kind}, align 8")
                if index not in narrow and index not in region.written:
                    self.text.do(f"{most_of(region, index)} = alloca i64, align 8")
        self._entries()
        for node in self.plan.order:
            NodeWriter(self, node).write()
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
