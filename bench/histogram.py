"""The shares of a node's histogram in coarser classes, as a table shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

NS_PER_MS = 1_000_000


def shares(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], edges_ms: Sequence[float]
) -> Iterator[tuple[str, float]]:
    """What was added between two looks: the name of each class and its percentage.

    The node's own buckets (their upper ends and counts) lie across an edge now and then: such a one counts where its
    upper end is.

    >>> list(shares(None, {"buckets": [[4_000_000, 1], [9_000_000, 3]]}, (5, 10)))
    [('up to 5 ms', 25.0), ('5 to 10 ms', 75.0), ('longer than 10 ms', 0.0)]
    """
    earlier: dict[int, int] = dict(before["buckets"]) if before is not None else {}
    counts = [0] * (len(edges_ms) + 1)
    for upper, count in after["buckets"]:
        place = sum(upper > edge * NS_PER_MS for edge in edges_ms)
        counts[place] += count - earlier.get(upper, 0)
    total = sum(counts) or 1
    names = [
        f"up to {edges_ms[0]:g} ms",
        *(f"{low:g} to {high:g} ms" for low, high in pairwise(edges_ms)),
        f"longer than {edges_ms[-1]:g} ms",
    ]
    for name, count in zip(names, counts, strict=True):
        yield name, 100 * count / total
