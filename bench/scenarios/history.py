"""Does a long history slow the node down? The same load again and again: the rate, the processor time, the memory and
the disk of the last minute against those of the first.

The load comes in pieces that are signed before they are sent, so that nothing but the node and the sending thread is
at work in a piece. `--scale 10` makes ten million transactions of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.load import flood, prepared
from bench.results import Expectation, ratio
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import Megaeth
from megaeth_cli.load.run import Shape
from megaeth_cli.load.workloads import Workload

NAME = "history"
TRANSACTIONS, LEAST = 1_000_000, 500_000
PIECE = 50_000
RECENT = 200_000
"""Transactions that a node keeps in memory: what comes before they are there is another state of it."""
MINUTE = 20
"""Pieces, at most."""
CONNECTIONS, BATCH = 4, 100
FLAT, SLOWER = 1.25, 0.8
FIRST, LAST = "first minute", "last minute"
RATE, CPU, MEMORY, DISK = "rate", "CPU of the node", "memory", "disk"


@dataclass(frozen=True)
class Piece:
    """What it took."""

    seconds: float
    cpu_s: float
    memory_bytes: int
    """At its end."""
    disk_bytes: int
    """Written and kept, at its end less at its beginning."""


def measure(target: Megaeth, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """One piece after the other."""
    workload = prepared(target)
    for _ in range(RECENT // PIECE):
        _piece(target, workload)
    pieces = [_piece(target, workload) for _ in range(scale.of(TRANSACTIONS, least=LEAST) // PIECE)]
    yield "transactions", RECENT + len(pieces) * PIECE, "tx"
    first, last = ends(pieces)
    yield from _minute(FIRST, first)
    yield from _minute(LAST, last)


def ends(pieces: Sequence[Piece]) -> tuple[Sequence[Piece], Sequence[Piece]]:
    """The first minute and the last; of a short run, its first and last quarter."""
    each = max(1, min(MINUTE, len(pieces) // 4))
    return pieces[:each], pieces[-each:]


def _minute(when: str, pieces: Sequence[Piece]) -> Iterator[tuple[str, float, str]]:
    count = len(pieces) * PIECE
    yield f"{RATE}, {when}", count / sum(one.seconds for one in pieces), "tx/s"
    yield f"{CPU}, {when}", 1e6 * sum(one.cpu_s for one in pieces) / count, "us/tx"
    yield f"{MEMORY}, {when}", max(one.memory_bytes for one in pieces) / 2**20, "MiB"
    yield f"{DISK}, {when}", sum(one.disk_bytes for one in pieces) / count, "B/tx"


def _piece(target: Megaeth, workload: Workload) -> Piece:
    shape = Shape(connections=CONNECTIONS, batch=BATCH, count=PIECE)
    cpu, disk = target.cpu_s(), target.disk_bytes()
    outcome = flood(target, workload, CONNECTIONS, shape, watch=False)
    assert outcome.included_seconds is not None
    return Piece(
        outcome.included_seconds,
        target.cpu_s() - cpu,
        target.memory_bytes(),
        target.disk_bytes() - disk,
    )


def flat(what: str, bound: float = FLAT, *, at_least: bool = False) -> Expectation:
    """The last minute against the first."""
    return Expectation(
        f"{NAME}: {what}, last minute / first",
        bound,
        "x",
        lambda m: ratio(
            m.get(NAME, Megaeth.name, f"{what}, {LAST}"), m.get(NAME, Megaeth.name, f"{what}, {FIRST}")
        ),
        at_least=at_least,
    )


SCENARIO: Scenario[Megaeth] = Scenario(
    NAME,
    f"{TRANSACTIONS:,} transfers and more",
    (Megaeth,),
    measure,
    (flat(RATE, SLOWER, at_least=True), flat(CPU), flat(MEMORY), flat(DISK)),
)
