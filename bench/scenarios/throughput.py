"""Pre-signed transactions as fast as the target takes them, counted when they are included."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.load import flood, prepared, rate
from bench.results import Expectation, ratio
from bench.scenarios import machine
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import AnvilInterval1s, AnvilInterval10ms, LogSink, Megaeth
from megaeth_cli.load.requests import MAX_HELD
from megaeth_cli.load.run import Shape
from megaeth_cli.load.workloads import Swaps, TokenTransfers, Transfers, Workload

PEERS = (AnvilInterval10ms, AnvilInterval1s)
PEER_NAMES = tuple(peer.name for peer in PEERS)
METRIC = "throughput"
SECONDS, LEAST_S = 10, 4
"""Of load: long enough for several of anvil's blocks of a second, whatever the machine."""
PILOT = 2_000
"""Transactions that tell how many make so many seconds."""
BATCH = 100
BATCH_CONNECTIONS, SINGLE_CONNECTIONS = 4, 32


def measuring(
    kind: type[Workload], shape: Shape
) -> Callable[[LogSink, Scale], Iterator[tuple[str, float, str]]]:
    """A measurement with as much load as the target bears for a while."""

    def measure(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
        workload = prepared(target, kind)
        pilot = flood(target, workload, shape.connections, shape.ending(count=PILOT), watch=False)
        wanted = round(rate(pilot) * scale.of(SECONDS, least=LEAST_S))
        count = min(max(PILOT, wanted), MAX_HELD)
        used = target.cpu_s()
        result = flood(target, workload, shape.connections, shape.ending(count=count), watch=False)
        yield METRIC, rate(result), "tx/s"
        if result.missing:
            yield "never included", result.missing, "tx"
        yield "CPU of the node", 1e6 * (target.cpu_s() - used) / result.calls, "us/tx"
        yield (
            "CPU of the generator",
            1e6 * result.generator.cpu_share * result.seconds / result.calls,
            "us/tx",
        )
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


def batches(name: str, kind: type[Workload], *expectations: Expectation) -> Scenario[LogSink]:
    """In batches."""
    shape = Shape(connections=BATCH_CONNECTIONS, batch=BATCH)
    about = f"{kind.name} in batches of {BATCH} on {BATCH_CONNECTIONS} connections"
    return Scenario(name, about, (Megaeth, *PEERS), measuring(kind, shape), expectations)


def singles(name: str, kind: type[Workload], *expectations: Expectation) -> Scenario[LogSink]:
    """One by one."""
    shape = Shape(connections=SINGLE_CONNECTIONS)
    about = f"{kind.name} in single requests on {SINGLE_CONNECTIONS} connections"
    return Scenario(name, about, (Megaeth, *PEERS), measuring(kind, shape), expectations)


SCENARIOS = (
    batches(
        "batches",
        Transfers,
        faster("batches", 5.0),
        Expectation(
            "batches: megaeth / all senders that this machine recovers",
            0.6,
            "x",
            lambda m: ratio(m.get("batches", Megaeth.name, METRIC), machine.limit(m)),
            at_least=True,
        ),
    ),
    singles("singles", Transfers, faster("singles", 4.0)),
    Scenario(
        "websocket",
        f"transfers in single messages on {SINGLE_CONNECTIONS} WebSocket connections",
        (Megaeth, AnvilInterval10ms),
        measuring(Transfers, Shape(connections=SINGLE_CONNECTIONS, websocket=True)),
    ),
    batches("erc20 batches", TokenTransfers, faster("erc20 batches", 5.0)),
    singles("erc20 singles", TokenTransfers, faster("erc20 singles", 4.0)),
    batches("swap batches", Swaps, faster("swap batches", 5.0)),
    singles("swap singles", Swaps, faster("swap singles", 4.0)),
)
