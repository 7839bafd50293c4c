"""Questions that change nothing: how many a second, while the chain goes on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench.accounts import senders
from bench.load import checked, endpoint, prepared, rate
from bench.results import Expectation, Medians, ratio
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import AnvilInterval1s, Megaeth, Target
from megaeth_cli.load.run import Shape, ask
from megaeth_cli.load.workloads import questions

NAME = "reads"
METHODS = ("eth_blockNumber", "eth_getBalance", "eth_call", "eth_getLogs")
CONNECTIONS = 32
SECONDS, LEAST_S, WARM_UP = 8, 2, 500
ASKED_ABOUT = 10
BOUND = 2.0


def measure(target: Target, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """One method after the other, each as fast as it is answered."""
    prepared(target)  # blocks with something in them
    accounts = [one.address for one in senders(ASKED_ABOUT)]
    shape = Shape(connections=CONNECTIONS, seconds=scale.of(SECONDS, least=LEAST_S))
    for method in METHODS:
        bodies = questions(method, None, accounts)
        ask(endpoint(target), bodies, shape.ending(count=WARM_UP))
        used = target.cpu_s()
        outcome = checked(target, ask(endpoint(target), bodies, shape))
        yield method, rate(outcome), "/s"
        yield f"{method}: CPU of the node", 1e6 * (target.cpu_s() - used) / outcome.calls, "us"
        busy = outcome.generator.cpu_share * outcome.seconds
        yield f"{method}: CPU of the generator", 1e6 * busy / outcome.calls, "us"


def _against_anvil(method: str, medians: Medians) -> float | None:
    return ratio(medians.get(NAME, Megaeth.name, method), medians.get(NAME, AnvilInterval1s.name, method))


SCENARIO: Scenario[Target] = Scenario(
    NAME,
    f"reads in single requests on {CONNECTIONS} connections",
    (Megaeth, AnvilInterval1s),
    measure,
    tuple(
        Expectation(f"{method}: megaeth / anvil", BOUND, "x", partial(_against_anvil, method), at_least=True)
        for method in METHODS
    ),
)
