"""Questions that change nothing: how many a second, while the chain goes on.

Calls and logs are of a token that has been used: a balance, and what one holder was paid in some blocks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from statistics import mean
from typing import Any

from bench.asking import Askers
from bench.load import checked, endpoint, prepared, rate
from bench.results import Expectation, Medians, ratio
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import AnvilInterval1s, LogSink, Megaeth
from devnet._engine import keccak256
from megaeth_cli.load.contracts import call
from megaeth_cli.load.run import Shape, ask
from megaeth_cli.load.wire import LoadError
from megaeth_cli.load.wire import call as rpc_call
from megaeth_cli.load.workloads import TokenTransfers

NAME = "reads"
METHODS = ("eth_blockNumber", "eth_getBalance", "eth_call", "eth_getLogs")
CONNECTIONS = 32
SECONDS, LEAST_S, WARM_UP = 8, 2, 500
ASKED_ABOUT = 10
SEALED_TIMEOUT_S, POLL_S = 10.0, 0.05
BOUND = 2.0


def measure(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """One method after the other, each as fast as it is answered."""
    before = _newest(target)
    workload = prepared(target, TokenTransfers)
    assert isinstance(workload, TokenTransfers)
    # All of it is in blocks that are sealed, wherever the target counts the one that it is at.
    after = _newest(target) + 1
    deadline = time.monotonic() + SEALED_TIMEOUT_S
    while _newest(target) < after:
        if time.monotonic() > deadline:
            raise LoadError(f"{target.name} seals no block")
        time.sleep(POLL_S)
    shape = Shape(connections=CONNECTIONS, seconds=scale.of(SECONDS, least=LEAST_S))
    all_questions = questions(workload, before, after)
    logs = [len(target.rpc("eth_getLogs", *params)) for params in all_questions["eth_getLogs"]]
    if not all(logs):
        raise LoadError(f"{target.name} has no logs of a token that is used")
    yield "eth_getLogs: logs in an answer", mean(logs), ""
    with Askers() as askers:
        for method, asked in all_questions.items():
            bodies = [rpc_call(method, json.dumps(params).encode()) for params in asked]
            ask(endpoint(target), bodies, shape.ending(count=WARM_UP))
            used = target.cpu_s()
            outcome = checked(target, askers.ask(target, bodies, shape))
            yield method, rate(outcome), "/s"
            yield f"{method}: CPU of the node", 1e6 * (target.cpu_s() - used) / outcome.calls, "us"
            yield f"{method}: machine idle", 100 * outcome.idle_share, "%"


def questions(workload: TokenTransfers, first: int, last: int) -> dict[str, list[list[Any]]]:
    """Parameters of each method, which take turns."""
    token = f"0x{workload.token.hex()}"
    holders = workload.addresses[:ASKED_ABOUT]
    blocks = {"fromBlock": hex(first), "toBlock": hex(last)}
    paid = f"0x{keccak256(b'Transfer(address,address,uint256)').hex()}"
    return {
        "eth_blockNumber": [[]],
        "eth_getBalance": [[f"0x{one.hex()}", "latest"] for one in holders],
        "eth_call": [
            [{"to": token, "data": f"0x{call('balanceOf(address)', one).hex()}"}, "latest"] for one in holders
        ],
        "eth_getLogs": [
            [{**blocks, "address": token, "topics": [paid, None, f"0x{one.hex().rjust(64, '0')}"]}]
            for one in holders
        ],
    }


def _newest(target: LogSink) -> int:
    return int(target.rpc("eth_blockNumber"), 16)


def _against_anvil(method: str, medians: Medians) -> float | None:
    return ratio(medians.get(NAME, Megaeth.name, method), medians.get(NAME, AnvilInterval1s.name, method))


SCENARIO: Scenario[LogSink] = Scenario(
    NAME,
    f"reads in single requests on {CONNECTIONS} connections",
    (Megaeth, AnvilInterval1s),
    measure,
    tuple(
        Expectation(f"{method}: megaeth / anvil", BOUND, "x", partial(_against_anvil, method), at_least=True)
        for method in METHODS
    ),
)
