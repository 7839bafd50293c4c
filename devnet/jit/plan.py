"""What is decided before code is written: which words live in registers, and where gas is checked.

**Registers.** Within a loop (a strongly connected component of the graph that isn't too large) every word that the loop
touches is a variable; it is loaded on the way in and stored on the way out. Elsewhere words are at home in the frame's
stack at every block's border, so that leaving costs next to nothing.

**Gas.** Leaving early is always exact: the interpreter goes on. So a *checkpoint* asks once whether the budget covers
the dearest way to the next checkpoints; between them only exact sums are subtracted. Checkpoints are where native code
is entered, the heads of loops, and behind everything that spends gas outside of native code.

**Heads.** A frame that the interpreter has begun may go on natively at the head of a loop, which costs the loop nothing
as long as that is its only way in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from devnet.jit.decode import Instruction
from devnet.jit.graph import ANYTHING, Graph, Node
from devnet.jit.liveness import touches_words
from devnet.jit.opcodes import Way
from devnet.jit.rules import Rules

LARGEST_REGION: Final = 40
"""Nodes."""
LONGEST_REGION: Final = 2_000
"""Instructions."""
LONGEST_CREDIT: Final = 20_000
"""Gas between two checkpoints: more would make frames with little gas left leave too early."""
DEEPEST_NESTING: Final = 12

NATIVE: Final = frozenset((Way.PURE, Way.READ, Way.FAST, Way.STACK, Way.JUMP))


@dataclass(eq=False, frozen=True, slots=True)
class Region:
    """A loop whose words are in registers."""

    number: int
    nodes: frozenset[Node]
    touched: frozenset[int]
    written: frozenset[int]


@dataclass(frozen=True, slots=True)
class Plan:
    """The decisions."""

    order: list[Node]
    """Every node, predecessors first where there is no loop."""
    regions: dict[Node, Region]
    checkpoints: frozenset[Node]
    need: dict[Node, int]
    """Gas that must be there when a node begins: up to the next checkpoints on the dearest way."""
    heads: list[Node]
    """Of loops: where a frame that was interpreted until now may enter."""


def stepped(one: Instruction, rules: Rules) -> bool:
    """Whether the host executes an instruction."""
    way = one.op.way
    return way is Way.STEP or (way in NATIVE and rules.static_gas[one.code] is None)


def cost(one: Instruction, rules: Rules) -> int:
    """What native code itself pays for an instruction."""
    if stepped(one, rules) or one.op.way is Way.LEAVE:
        return 0
    return rules.static_gas[one.code] or 0


def needs_after(node: Node, tail: int, rules: Rules) -> tuple[list[int], int]:
    """By instruction, the gas needed from behind it to the next checkpoint; and from the node's beginning."""
    after: list[int] = []
    need = tail
    for one in reversed(node.block.instructions):
        after.append(need)
        need = 0 if stepped(one, rules) else need + cost(one, rules)
    after.reverse()
    return after, need


def tail_need(node: Node, plan_need: dict[Node, int], checkpoints: Iterable[Node]) -> int:
    """The gas needed behind a node."""
    checked = checkpoints if isinstance(checkpoints, (set, frozenset)) else set(checkpoints)
    return max((plan_need[one] for one in node.successors if one not in checked), default=0)


def make(graph: Graph, rules: Rules) -> Plan:
    """Decides."""
    order, retreating = _order(graph)
    checkpoints = {node for node in graph.nodes if node.entered} | retreating
    need: dict[Node, int] = {}
    for node in reversed(order):
        needed = needs_after(node, tail_need(node, need, checkpoints), rules)[1] if _executes(node) else 0
        need[node] = needed
        if needed > LONGEST_CREDIT:
            checkpoints.add(node)
    regions: dict[Node, Region] = {}
    for number, members in enumerate(_loops(order, DEEPEST_NESTING)):
        region = _region(number, members)
        regions.update(dict.fromkeys(members, region))
    heads = [node for node in order if node in retreating and _may_enter(node, regions.get(node))]
    return Plan(order, regions, frozenset(checkpoints), need, heads)


def _executes(node: Node) -> bool:
    return not (node.refused or node.left_out)


def longest_run(plan: Plan, rules: Rules) -> int | None:
    """The most instructions that native code itself can execute from an entry on; nothing where that has no end."""
    place = {node: position for position, node in enumerate(plan.order)}
    longest: dict[Node, int] = {}
    for node in reversed(plan.order):
        if node.jumps_anywhere or any(place[one] <= place[node] for one in node.successors):
            return None
        own = sum(one.op.way in NATIVE and not stepped(one, rules) for one in node.block.instructions)
        own *= _executes(node)
        longest[node] = own + max((longest[one] for one in node.successors), default=0)
    return max(longest.values(), default=0)


def _may_enter(head: Node, region: Region | None) -> bool:
    """Whether a frame may enter at the head of a loop: a loop within one whose words are in registers keeps its one
    way in, and of what general nodes count from, only their beginning is known.
    """
    if head.refused or (head.context.general and head.context != ANYTHING):
        return False
    return region is None or any(before not in region.nodes for before in head.predecessors)


def _region(number: int, members: list[Node]) -> Region:
    touched: set[int] = set()
    written: set[int] = set()
    for node in members:
        read, changed = touches_words(node)
        touched |= read | changed
        written |= changed
    return Region(number, frozenset(members), frozenset(touched), frozenset(written))


def _order(graph: Graph) -> tuple[list[Node], set[Node]]:
    """Reverse postorder, and the targets of retreating edges."""
    postorder: list[Node] = []
    retreating: set[Node] = set()
    seen: set[Node] = set()
    active: set[Node] = set()
    for root in [node for node in graph.nodes if node.entered]:
        if root in seen:
            continue
        seen.add(root)
        active.add(root)
        stack = [(root, iter(root.successors))]
        while stack:
            node, successors = stack[-1]
            following = next(successors, None)
            if following is None:
                stack.pop()
                active.discard(node)
                postorder.append(node)
            elif following in active:
                retreating.add(following)
            elif following not in seen:
                seen.add(following)
                active.add(following)
                stack.append((following, iter(following.successors)))
    postorder.reverse()
    return postorder, retreating


def _loops(nodes: list[Node], nesting: int) -> list[list[Node]]:
    """The loops to keep in registers; of one that is too large, those within it."""
    found: list[list[Node]] = []
    for component in _components(nodes):
        first = component[0]
        if len(component) == 1 and (first not in first.successors or first.rebases(first)):
            continue
        length = sum(len(node.block.instructions) for node in component)
        if len(component) <= LARGEST_REGION and length <= LONGEST_REGION:
            found.append(component)
        elif nesting:
            members = set(component)
            head = next(node for node in nodes if node in members)
            found += _loops([node for node in nodes if node in members and node is not head], nesting - 1)
    return found


def _components(nodes: list[Node]) -> list[list[Node]]:
    """Strongly connected components (Tarjan, without recursion); edges that count words anew don't connect."""
    members = set(nodes)
    index: dict[Node, int] = {}
    low: dict[Node, int] = {}
    on_stack: set[Node] = set()
    stack: list[Node] = []
    found: list[list[Node]] = []

    def following(node: Node) -> list[Node]:
        return [one for one in node.successors if one in members and not node.rebases(one)]

    for root in nodes:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter(following(root)))]
        while work:
            node, successors = work[-1]
            successor = next(successors, None)
            if successor is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component: list[Node] = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        component.append(member)
                        if member is node:
                            break
                    found.append(component)
            elif successor not in index:
                index[successor] = low[successor] = len(index)
                stack.append(successor)
                on_stack.add(successor)
                work.append((successor, iter(following(successor))))
            elif successor in on_stack:
                low[node] = min(low[node], index[successor])
    return found
