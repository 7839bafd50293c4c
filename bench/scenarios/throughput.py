"""Pre-signed transfers as fast as the target takes them, counted when they are included."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.accounts import senders
from bench.load import Throughput, flood, run
from bench.results import Expectation, ratio
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import ACCOUNTS, AnvilInterval1s, AnvilInterval10ms, Megaeth, Target

WARM_UP = 400
PEERS = (AnvilInterval10ms, AnvilInterval1s)
PEER_NAMES = tuple(peer.name for peer in PEERS)
METRIC = "throughput"


def measuring(
    full: int, connections: int, batch: int
) -> Callable[[Target, Scale], Iterator[tuple[str, float, str]]]:
    """A measurement with that much load."""

    def measure(target: Target, scale: Scale) -> Iterator[tuple[str, float, str]]:
        accounts = senders(ACCOUNTS)
        run(flood(target, accounts, WARM_UP, 4, 1))
        count = scale.of(full, least=connections * batch)
        result: Throughput = run(flood(target, accounts, count, connections, batch))
        yield METRIC, result.per_second, "tx/s"
        yield "generator", 100 * result.generator_cpu_s / result.seconds, "% of a core"
        yield "memory after", target.memory_bytes() / 2**20, "MiB"

    return measure


def faster(scenario: str, bound: float) -> Expectation:
    """Ours against the better of anvil's interval modes."""
    return Expectation(
        f"{scenario}: megaeth / anvil interval",
        bound,
        "x",
        lambda m: ratio(m.get(scenario, Megaeth.name, METRIC), m.best(scenario, PEER_NAMES, METRIC)),
        at_least=True,
    )


BATCHES = Scenario(
    "batches",
    "transfers in batches of 100 on 4 connections",
    (Megaeth, *PEERS),
    measuring(20_000, 4, 100),
    (faster("batches", 2.5),),
)
SINGLES = Scenario(
    "singles",
    "transfers in single requests on 32 connections",
    (Megaeth, *PEERS),
    measuring(10_000, 32, 1),
)
