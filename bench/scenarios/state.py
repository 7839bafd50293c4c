"""What authenticated state costs: SALT beside an Ethereum storage trie, with the same slots and the same changes.

Both are filled with slots of one contract; then batches change them, half of each batch existing slots and half new
ones. Both are in memory. What a node of an Ethereum chain must read from disk for that is not counted, nor are the
seconds compared: the trie is a plain one on one thread.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from bench.child import in_child
from bench.results import Expectation, ratio
from bench.scenarios.scenario import InProcess, Scale, Scenario
from devnet._engine import measure_mpt, measure_salt

NAME = "state"
HELD = 1_000_000
SIZES = [1_000, 10_000, 200_000]
BLOCK, LARGE = SIZES[0], SIZES[-1]


class State(InProcess, ABC):
    """A way to authenticate state."""

    @abstractmethod
    def measured(self, held: int) -> dict[str, Any]:
        """What the engine measured, in a process of its own."""


class Salt(State):
    """MegaETH's."""

    name = "SALT"

    def measured(self, held: int) -> dict[str, Any]:
        """On one and on two threads."""
        threads = [1, 2] if (os.cpu_count() or 1) > 1 else [1]
        found: dict[str, Any] = json.loads(in_child(measure_salt, held, SIZES, threads))
        return found


class Mpt(State):
    """Ethereum's."""

    name = "Ethereum trie"

    def measured(self, held: int) -> dict[str, Any]:
        """On one thread."""
        found: dict[str, Any] = json.loads(in_child(measure_mpt, held, SIZES))
        return found


def measure(state: State, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """Everything per key, for each size of batch."""
    found = state.measured(scale.of(HELD, least=20_000))
    if found["memory"] is not None:
        yield "memory per million keys", found["memory"] / 2**20 * 1e6 / found["held"], "MiB"
    for batches in found["batches"]:
        size, threads, keys = batches["size"], batches["threads"], batches["keys"]
        yield f"{size:,} keys, {threads} thread{'s' * (threads > 1)}", keys / batches["seconds"], "keys/s"
        if threads > 1:
            continue  # the work is the same
        yield _nodes(size), batches["nodes"] / keys, "nodes/key"
        yield _written(size), batches["bytes_written"] / keys, "B/key"
        if batches["products"]:
            yield _products(size), batches["products"] / keys, "products/key"


def _nodes(size: int) -> str:
    return f"{size:,} keys, nodes touched"


def _written(size: int) -> str:
    return f"{size:,} keys, written"


def _products(size: int) -> str:
    return f"{size:,} keys, elliptic products"


def fewer(what: str, metric: str) -> Expectation:
    """SALT against Ethereum's trie, in batches as large as a block."""
    return Expectation(
        f"{BLOCK:,} keys, {what}: Ethereum trie / SALT",
        1.0,
        "x",
        lambda m: ratio(m.get(NAME, Mpt.name, metric), m.get(NAME, Salt.name, metric)),
        at_least=True,
    )


SCENARIO: Scenario[State] = Scenario(
    NAME,
    "changes of a state with a million slots",
    (Salt, Mpt),
    measure,
    (
        Expectation(
            f"elliptic products per key, {LARGE:,} keys",
            2.5,
            "",
            lambda m: m.get(NAME, Salt.name, _products(LARGE)),
        ),
        fewer("nodes touched", _nodes(BLOCK)),
        fewer("bytes written", _written(BLOCK)),
    ),
)
