"""Which words of the stack may still be read: what is dead needn't be stored, and its place may hold anything.

A set of words is an integer with one bit per index; words of general nodes may lie below where they count from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from devnet.jit.decode import Slot
from devnet.jit.graph import Graph, Node

ORIGIN: Final = 2048
"""The bit of index 0."""


def bit(index: int) -> int:
    """The set of one word."""
    return 1 << (index + ORIGIN)


def below(height: int) -> int:
    """The set of all words of a stack of this height."""
    return bit(height) - 1


def words(live: int, lowest: int, height: int) -> Iterator[int]:
    """The indices in a set, from `lowest` up to below `height`."""
    for index in range(lowest, height):
        if live & bit(index):
            yield index


def live_at_entry(graph: Graph) -> dict[Node, int]:
    """By node, the words that it or what follows it may read."""
    live = dict.fromkeys(graph.nodes, 0)
    resumed_from: dict[Node, list[Node]] = {}
    for node in graph.nodes:
        if node.resumes_at is not None:
            resumed_from.setdefault(node.resumes_at, []).append(node)
    pending = deque(reversed(graph.nodes))
    waiting = set(pending)
    while pending:
        node = pending.popleft()
        waiting.discard(node)
        now = _before(node, live_at_end(node, live))
        if now == live[node]:
            continue
        live[node] = now
        for earlier in (*node.predecessors, *resumed_from.get(node, ())):
            if earlier not in waiting:
                waiting.add(earlier)
                pending.append(earlier)
    return live


def live_at_end(node: Node, live: dict[Node, int]) -> int:
    """The words that what follows a node may read."""
    everything = below(node.height_after)
    if node.jumps_anywhere or node.refused:
        return everything
    result = 0
    for successor in (*node.successors, node.resumes_at):
        if successor is not None:
            result |= everything if node.rebases(successor) else live[successor]
    return result & everything


def _before(node: Node, after: int) -> int:
    height, effect = node.height, node.block.effect
    if node.refused:
        return below(height)
    result = after
    for index in effect.changed:
        result &= ~bit(height + index)
    for index, symbol in effect.changed.items():
        if isinstance(symbol, Slot) and after & bit(height + index):
            result |= bit(height + symbol.index)
    for index in effect.used:
        result |= bit(height + index)
    # A word that the block popped and did not write again isn't there any more at its end.
    return result & below(height)


def touches_words(node: Node) -> tuple[set[int], set[int]]:
    """The words (indices) that a node reads, and those that it gives a value."""
    height, effect = node.height, node.block.effect
    read = {height + index for index in effect.used}
    read |= {height + symbol.index for symbol in effect.changed.values() if isinstance(symbol, Slot)}
    return read, {height + index for index in effect.assigned}
