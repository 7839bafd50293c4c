"""What grows for ever? A window of blocks is kept, and time runs fast: blocks of 20 ms that nobody uses, then
transactions as fast as they are taken. Memory, disk and descriptors of the last third against those of the first.

`--scale 50` makes a day's empty blocks and more than ten million transactions of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bench.load import flood, prepared
from bench.results import Expectation, Medians
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import Megaeth
from devnet.storage.database import WRITE_BUFFER_BYTES
from devnet.storage.pruner import COMPACTED_BYTES
from megaeth_cli.load.run import Shape
from megaeth_cli.load.wire import LoadError

NAME: Final = "growth"
BLOCK_S: Final = 0.02
MINI_BLOCK_MS: Final = 5
HISTORY: Final = 500
"""Blocks that are kept."""
IDLE_BLOCKS: Final = 1_000
"""In a piece."""
PIECE: Final = 25_000
"""Transactions in a piece."""
PIECES, LEAST = 12, 6
WARM_UP: Final = 2
"""Pieces until caches and the window are full."""
PATIENCE_S: Final = 600.0
POLL_S: Final = 0.2
CONNECTIONS, BATCH = 4, 100
BOUND: Final = 1.25
SLACK_MIB: Final = (COMPACTED_BYTES + WRITE_BUFFER_BYTES) / 2**20
"""So much of the disk comes and goes by."""
IDLE, BUSY = "idle", "busy"
MEMORY, MAPPED, DISK, DESCRIPTORS = "memory", "mapped files", "disk", "descriptors"
ALL: Final = (MEMORY, MAPPED, DISK, DESCRIPTORS)


class MegaethWithAWindow(Megaeth):
    """Our devnet, with short blocks, of which the newest are kept."""

    name = "megaeth --history"

    def command(self) -> Sequence[str]:
        """What a user would type."""
        return [
            *super().command(),
            "--block-time", str(BLOCK_S),
            "--mini-block-time", str(MINI_BLOCK_MS),
            "--history", str(HISTORY),
        ]  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """What the node has, after a piece."""

    memory: float
    """The processes' own."""
    mapped: float
    """Pages of files: LevelDB reads its tables so, and the system takes them back when it needs them."""
    disk: float
    descriptors: float

    @classmethod
    def of(cls, target: Megaeth) -> Sample:
        """Now."""
        mapped = target.mapped_bytes()
        own = target.memory_bytes() - mapped
        return cls(own / 2**20, mapped / 2**20, target.disk_bytes() / 2**20, target.descriptors())

    @property
    def told(self) -> tuple[tuple[str, float, str], ...]:
        """What, how much, unit."""
        return (
            (MEMORY, self.memory, "MiB"),
            (MAPPED, self.mapped, "MiB"),
            (DISK, self.disk, "MiB"),
            (DESCRIPTORS, self.descriptors, ""),
        )


def measure(target: Megaeth, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """Empty blocks, then full ones."""
    workload = prepared(target)
    pieces = scale.of(PIECES, least=LEAST)

    def load() -> None:
        shape = Shape(connections=CONNECTIONS, batch=BATCH, count=PIECE)
        flood(target, workload, CONNECTIONS, shape, watch=False)

    for when, work in ((IDLE, lambda: _idle(target)), (BUSY, load)):
        samples = _sampled(target, work, pieces)
        third = max(1, len(samples) // 3)
        for told in zip(*(sample.told for sample in samples), strict=True):
            (what, _, unit), values = told[0], [value for _, value, _ in told]
            yield f"{when}: {what}, first third", max(values[:third]), unit
            yield f"{when}: {what}, last third", max(values[-third:]), unit
    yield "blocks", int(target.rpc("eth_blockNumber"), 16), ""
    yield "transactions", (WARM_UP + pieces) * PIECE, ""


def _sampled(target: Megaeth, work: Callable[[], None], pieces: int) -> list[Sample]:
    for _ in range(WARM_UP):
        work()
    samples = []
    for _ in range(pieces):
        work()
        samples.append(Sample.of(target))
    return samples


def _idle(target: Megaeth) -> None:
    """Until so many blocks have come."""
    end = int(target.rpc("eth_blockNumber"), 16) + IDLE_BLOCKS
    deadline = time.monotonic() + PATIENCE_S
    while int(target.rpc("eth_blockNumber"), 16) < end:
        if time.monotonic() > deadline:
            raise LoadError(f"{target.name} seals no blocks")
        time.sleep(POLL_S)


def flat(when: str, what: str) -> Expectation:
    """The last third against the first; of the disk without what is given back together."""
    name, slack = MegaethWithAWindow.name, SLACK_MIB if what == DISK else 0.0

    def compute(medians: Medians) -> float | None:
        first, last = (
            medians.get(NAME, name, f"{when}: {what}, {third} third") for third in ("first", "last")
        )
        return None if first is None or last is None else max(last - slack, 0.0) / max(first, 1.0)

    less = f" but for {SLACK_MIB:.0f} MiB" if slack else ""
    return Expectation(f"{NAME}, {when}: {what}, last third / first{less}", BOUND, "x", compute)


SCENARIO: Scenario[Megaeth] = Scenario(
    NAME,
    f"a window of {HISTORY:,} blocks, for long",
    (MegaethWithAWindow,),
    measure,
    tuple(flat(when, what) for when in (IDLE, BUSY) for what in ALL),
)
