"""Which block follows which. Blocks are cloned by what is known of the stack, so that return addresses are constants.

A node is a block in a context: how high the stack is and which words hold constants that are jump destinations. Where
that makes too many nodes (functions that call functions that call functions), those are merged that differ in their
constants only, and jumps choose. Where a jump's target isn't known at all, and where contexts have no end (recursion),
a *general* node serves all comers: nothing is known of the stack, words are counted from the height at which it was
entered.

Not every node becomes native: those are *left out* whose blocks aren't wanted, or from which every way fails soon. They
are followed all the same, for what they read of the stack: the interpreter goes on in them.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Container
from dataclasses import dataclass, field, replace
from typing import Final

from devnet.jit.abi import STACK_LIMIT
from devnet.jit.decode import Block, Program, Slot, Symbol
from devnet.jit.opcodes import ENDING, JUMP, JUMPI, RESUMED, Way

MERGED_PER_BLOCK: Final = 3
MERGED_ANYWAY: Final = 64
"""More nodes than that, and contexts are merged."""
KEPT_PER_BLOCK: Final = 6
KEPT_ANYWAY: Final = 128
"""More nodes than that in spite of merging, and blocks have few contexts."""
CONTEXTS_PER_BLOCK: Final = 128
FEW_CONTEXTS: Final = 8
NODES_PER_BLOCK: Final = 16
NODES_ANYWAY: Final = 1_024
MAX_INSTRUCTIONS: Final = 30_000
"""More nodes than that, or instructions in them, and new ones are general."""
DEEPEST: Final = 64
"""How far a general node's descendants may raise the stack before they are general again."""
LONGEST_FAILURE: Final = 128
"""Instructions: what fails later than that is native until then."""
BEYOND: Final = 512
"""Nodes that are left out and followed."""


@dataclass(frozen=True, slots=True)
class Context:
    """What tells a block's nodes apart."""

    general: bool
    """Words are counted from where the last general node was entered, instead of from the stack's bottom."""
    height: int
    labels: tuple[tuple[int, int], ...] = ()
    """Words that hold jump destinations: index, value. Empty where contexts are merged."""


START: Final = Context(general=False, height=0)
ANYTHING: Final = Context(general=True, height=0)


@dataclass(eq=False, slots=True)
class Node:
    """A block in a context, and what follows it."""

    number: int
    block: Block
    context: Context
    targets: dict[int, Node] = field(default_factory=dict)
    """Where it jumps, by destination."""
    jumps_anywhere: bool = False
    """The target isn't known: through the dispatcher."""
    falls_to: Node | None = None
    resumes_at: Node | None = None
    """After the call that ends it."""
    entered: bool = False
    """By the dispatcher or from outside."""
    refused: bool = False
    """Its stack can't be: the interpreter says what happens. Or it was left out and not followed."""
    left_out: bool = False
    """The interpreter goes on here."""
    predecessors: list[Node] = field(default_factory=list)

    @property
    def successors(self) -> list[Node]:
        """Where control goes without leaving native code, the dispatcher aside."""
        following = list(dict.fromkeys(self.targets.values()))
        if self.falls_to is not None and self.falls_to not in following:
            following.append(self.falls_to)
        return following

    @property
    def height(self) -> int:
        """Of the stack at its entry."""
        return self.context.height

    @property
    def height_after(self) -> int:
        """Of the stack at its end, operands of a leaving instruction taken off."""
        return self.context.height + self.block.effect.delta

    def rebases(self, successor: Node) -> bool:
        """Whether words are counted anew on the way to it."""
        return successor.context == ANYTHING


@dataclass(frozen=True, slots=True)
class Graph:
    """A contract's nodes."""

    program: Program
    nodes: list[Node]
    start: Node
    exact: bool
    """Each node knows the constants of its context; else jumps have to look."""
    dispatched: dict[int, Node]
    """General nodes that jumps of unknown target may reach, by their pc."""
    resumed: dict[int, list[Node]]
    """Where frames come back after a call, by pc."""


def build(program: Program, wanted: Container[int] | None = None) -> Graph:
    """The graph of everything that can be reached from the start. Where blocks are `wanted` (their pcs), others are
    left out.
    """
    blocks = sum(wanted is None or pc in wanted for pc in program.blocks)
    graph = _Builder(program, CONTEXTS_PER_BLOCK, blocks, wanted).run()
    if _compiled(graph) <= MERGED_ANYWAY + MERGED_PER_BLOCK * blocks:
        return graph
    merged = _merged(graph)
    if _compiled(merged) <= KEPT_ANYWAY + KEPT_PER_BLOCK * blocks:
        return merged
    return _Builder(program, FEW_CONTEXTS, blocks, wanted).run()


def _compiled(graph: Graph) -> int:
    return sum(not node.left_out for node in graph.nodes)


def leave_out_failures(graph: Graph, kept: Container[int]) -> None:
    """Leaves out from where every way soon ends in a failure, except for some blocks (their pcs)."""
    open_ways = {node: len(node.successors) for node in graph.nodes}
    longest: dict[Node, int] = {}
    pending = [node for node in graph.nodes if not open_ways[node] and _fails(node)]
    while pending:
        node = pending.pop()
        length = len(node.block.instructions)
        length += max((longest[one] for one in node.successors), default=0)
        if length > LONGEST_FAILURE:
            continue
        longest[node] = length
        node.left_out |= node.block.pc not in kept
        for earlier in node.predecessors:
            open_ways[earlier] -= 1
            if not open_ways[earlier] and not earlier.jumps_anywhere:
                pending.append(earlier)


def _fails(node: Node) -> bool:
    """Whether a node that nothing follows ends in a failure."""
    last = node.block.last
    if node.refused:
        return True
    if last.op.way is Way.LEAVE:
        return last.code not in ENDING and last.code not in RESUMED
    return not node.jumps_anywhere


def cut(graph: Graph) -> Graph:
    """The graph without what is only reached through nodes that are left out."""
    for node in graph.nodes:
        node.predecessors.clear()
        if node.left_out:
            node.targets.clear()
            node.falls_to = node.resumes_at = None
            node.jumps_anywhere = False
    resumed = {pc: [node for node in nodes if not node.left_out] for pc, nodes in graph.resumed.items()}
    dispatched = {pc: node for pc, node in graph.dispatched.items() if not node.left_out}
    reached = dict.fromkeys([graph.start, *dispatched.values()])
    for nodes in resumed.values():
        reached.update(dict.fromkeys(nodes))
    pending = list(reached)
    while pending:
        for successor in pending.pop().successors:
            if successor not in reached:
                reached[successor] = None
                pending.append(successor)
    nodes = [node for node in graph.nodes if node in reached]
    _connect(nodes)
    return replace(
        graph, nodes=nodes, resumed={pc: some for pc, some in resumed.items() if some}, dispatched=dispatched
    )


class _Builder:
    def __init__(
        self, program: Program, most_contexts: int, blocks: int, wanted: Container[int] | None
    ) -> None:
        self.program = program
        self.most_contexts = most_contexts
        self.wanted = wanted
        self.nodes: dict[tuple[int, Context], Node] = {}
        self.contexts: Counter[int] = Counter()
        self.instructions = 0
        self.most = NODES_ANYWAY + NODES_PER_BLOCK * blocks
        self.pending: deque[Node] = deque()
        self.left_out: deque[Node] = deque()
        self.beyond = False
        """Whether what is found now is only reached through nodes that are left out."""
        self.dispatched: dict[int, Node] = {}
        self.resumed: dict[int, list[Node]] = {}

    def run(self) -> Graph:
        start = self._node(0, START)
        start.entered = True
        while self.pending:
            self._follow(self.pending.popleft())
        self.beyond = True
        for _ in range(BEYOND):
            if self.left_out:
                self._follow(self.left_out.popleft())
        for node in self.left_out:
            node.refused = True
        nodes = list(self.nodes.values())
        _connect(nodes)
        return Graph(self.program, nodes, start, True, self.dispatched, self.resumed)

    def _node(self, pc: int, context: Context) -> Node:
        node = self.nodes.get((pc, context))
        if node is not None:
            return node
        if context != ANYTHING and (
            self._too_many(pc) or (context.general and abs(context.height) > DEEPEST)
        ):
            return self._node(pc, ANYTHING)
        self.contexts[pc] += 1
        self.instructions += len(self.program.blocks[pc].instructions)
        node = Node(len(self.nodes), self.program.blocks[pc], context)
        self.nodes[pc, context] = node
        node.left_out = self.beyond or (self.wanted is not None and pc not in self.wanted)
        (self.left_out if node.left_out else self.pending).append(node)
        return node

    def _too_many(self, pc: int) -> bool:
        return (
            self.contexts[pc] >= self.most_contexts
            or len(self.nodes) >= self.most
            or self.instructions >= MAX_INSTRUCTIONS
        )

    def _follow(self, node: Node) -> None:
        block, context = node.block, node.context
        effect = block.effect
        lowest = context.height + effect.lowest
        if lowest < (-STACK_LIMIT if context.general else 0) or context.height + effect.highest > STACK_LIMIT:
            node.refused = True
            return
        known = dict(context.labels)

        def value(symbol: Symbol) -> int | None:
            return known.get(context.height + symbol.index) if isinstance(symbol, Slot) else symbol

        height = context.height + effect.delta
        held = {index: label for index, label in known.items() if index < height}
        for index, symbol in effect.changed.items():
            held.pop(context.height + index, None)
            constant = value(symbol)
            if constant is not None and constant in self.program.jumpdests:
                held[context.height + index] = constant
        after = Context(context.general, height, tuple(sorted(held.items())))
        last = block.last
        if last.code in (JUMP, JUMPI):
            target = value(effect.target)
            if target is None:
                node.jumps_anywhere = True
                if not node.left_out:
                    self._dispatch()
            elif target in self.program.jumpdests:
                node.targets[target] = self._node(target, after)
        if block.falls_to is not None:
            node.falls_to = self._node(block.falls_to, after)
        if last.op.way is Way.LEAVE and last.code in RESUMED:
            # The interpreter takes the operands and gives the result: the effect has both already.
            self._resume(node, last.next_pc, after)

    def _resume(self, node: Node, pc: int, after: Context) -> None:
        if pc not in self.program.blocks:
            return
        resumed = self._node(pc, ANYTHING if after.general else after)
        node.resumes_at = resumed
        if node.left_out:
            return
        resumed.entered = True
        known = self.resumed.setdefault(pc, [])
        if resumed not in known:
            known.append(resumed)

    def _dispatch(self) -> None:
        if not self.dispatched:
            for pc in sorted(self.program.pushed):
                self.dispatched[pc] = self._node(pc, ANYTHING)
                self.dispatched[pc].entered = True


def _connect(nodes: list[Node]) -> None:
    for node in nodes:
        for successor in node.successors:
            successor.predecessors.append(node)


def _merged(graph: Graph) -> Graph:
    """The same graph with one node for all contexts of a block that have the same height."""
    merged: dict[tuple[int, Context, bool], Node] = {}

    def one(node: Node) -> Node:
        context = Context(node.context.general, node.context.height)
        key = node.block.pc, context, node.left_out
        if key not in merged:
            # What several that are left out read together isn't found out.
            out = node.left_out
            merged[key] = Node(len(merged), node.block, context, refused=out, left_out=out)
        return merged[key]

    for node in graph.nodes:
        into = one(node)
        into.targets.update((pc, one(target)) for pc, target in node.targets.items())
        into.falls_to = one(node.falls_to) if node.falls_to is not None else into.falls_to
        into.resumes_at = one(node.resumes_at) if node.resumes_at is not None else into.resumes_at
        into.jumps_anywhere |= node.jumps_anywhere
        into.entered |= node.entered
        into.refused |= node.refused
    nodes = list(merged.values())
    for node in nodes:
        if node.jumps_anywhere:
            node.targets.clear()
    _connect(nodes)
    return Graph(
        program=graph.program,
        nodes=nodes,
        start=one(graph.start),
        exact=False,
        dispatched={pc: one(node) for pc, node in graph.dispatched.items()},
        resumed={pc: list(dict.fromkeys(map(one, some))) for pc, some in graph.resumed.items()},
    )
