"""What test suites and debuggers ask of a local node: snapshots, traces, many logs, Hardhat's fixtures, a script of
forge; and chains that begin with another one's state. Large answers are read as they come, and not parsed."""

from __future__ import annotations

import gzip
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from bench import beginnings, suite_projects
from bench.accounts import senders
from bench.load import prepared
from bench.results import Expectation, Medians, ratio
from bench.scenarios.scenario import Scale, Scenario
from bench.scenarios.state_files import answer, request, state
from bench.targets import HOST, AnvilTracing, LogSink, MegaethAutomine
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.load.funder import Call, Funder
from megaeth_cli.load.run import Shape, send
from megaeth_cli.load.senders import Sender
from megaeth_cli.load.wire import Endpoint, LoadError
from megaeth_cli.load.workloads import Swaps

NAME: Final = "suites"
REPETITIONS: Final = 50
LOGS: Final = 100_000
LOGS_PER_CALL: Final = 500
LOGS_AT_ONCE: Final = 20_000
"""What our node answers with at most; anvil has no limit."""
LOGGER: Final = bytes.fromhex("6016600c60003960166000f36101f45b805f52600760205fa1600190038060035700")
"""A contract that logs 500 times, under topic 7."""
CALL_GAS: Final = 20_000_000
FIXTURE_TESTS: Final = 200
ACCOUNTS: Final = 100_000
ACCOUNTS_AT_ONCE: Final = 20_000
"""Less than the 10 MB that a node takes in one request."""
DEPLOYMENTS: Final = 50
STATE_BYTES: Final = 100_000_000
SUITE_TIMEOUT_S: Final = 600.0

SNAPSHOT: Final = "snapshot and revert"
LOG_SEARCH: Final = "eth_getLogs"
FIXTURES: Final = "tests with loadFixture"
SCRIPT: Final = "a forge script"
WITH_STATE: Final = "start with a state"
FORK: Final = "start of a fork"
FORK_CALLS: Final = "100 eth_call on a fork, cached"
TRACES: Final[dict[str, dict[str, Any]]] = {
    "a swap's calls traced": {"tracer": "callTracer", "tracerConfig": {"withLog": True}},
    "a swap's steps traced": {},
}


def measure(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """One after the other on one chain, whose state is small at first and large for the snapshots."""
    with RpcClient(f"http://{HOST}:{target.port}", timeout_s=SUITE_TIMEOUT_S) as node:
        yield from _traces(target, node, scale)
        yield from _logs(target, node, scale)
        yield from _projects(target, scale)
        yield from _snapshots(node, scale)
    yield from _beginnings(target, scale)


def _traces(target: LogSink, node: RpcClient, scale: Scale) -> Iterator[tuple[str, float, str]]:
    workload = prepared(target, Swaps)
    outcome = send(
        Endpoint(HOST, target.port), workload.groups(1), Shape(count=1, connections=1), watch=False
    )
    if not outcome.clean:
        raise LoadError(f"{target.name} does not swap")
    block: Any = node.call("eth_getBlockByNumber", "latest", False)
    swap = block["transactions"][-1]
    for name, options in TRACES.items():
        body = request("debug_traceTransaction", swap, options)
        yield name, _median_ms(partial(answer, target, body), scale), "ms"


def _logs(target: LogSink, node: RpcClient, scale: Scale) -> Iterator[tuple[str, float, str]]:
    [account] = senders(1)
    funder = Funder(node, account.key)
    funder.fund([Sender.of(account.key)], None)
    logger = funder.deploy(LOGGER)
    calls = scale.of(LOGS / LOGS_PER_CALL, least=10)
    receipts = funder.send([Call(logger)] * calls, CALL_GAS)
    searches = [
        request("eth_getLogs", {"fromBlock": hex(first), "toBlock": hex(last), "address": receipts[0]["to"]})
        for first, last in ranges(Counter(int(receipt["blockNumber"], 16) for receipt in receipts))
    ]

    def found() -> int:
        return sum(answer(target, search).count(b'"logIndex"') for search in searches)

    if found() != calls * LOGS_PER_CALL:
        raise LoadError(f"{found()} logs found of {calls * LOGS_PER_CALL}")
    yield f"{LOG_SEARCH}: logs", calls * LOGS_PER_CALL, ""
    yield LOG_SEARCH, _median_ms(found, Scale(scale.factor / 10)), "ms"


def ranges(calls: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Ranges of blocks, given how many calls there are in which block, with as many logs as a node answers with at a
    time; more only where a block alone has more."""
    first, logs = min(calls), 0
    for block in sorted(calls):
        here = calls[block] * LOGS_PER_CALL
        if logs and logs + here > LOGS_AT_ONCE:
            yield first, block - 1
            first, logs = block, 0
        logs += here
    yield first, max(calls)


def _snapshots(node: RpcClient, scale: Scale) -> Iterator[tuple[str, float, str]]:
    count = scale.of(ACCOUNTS, least=1_000)
    # As testing tools fill a chain: one account at a time would take longer than everything else here.
    for first in range(0, count, ACCOUNTS_AT_ONCE):
        document = gzip.compress(state(min(ACCOUNTS_AT_ONCE, count - first), first), 1)
        node.call("anvil_loadState", f"0x{document.hex()}")
    node.call("evm_mine")  # or they would all be in the open block, which a revert makes again
    yield f"{SNAPSHOT}: accounts", count, ""

    def there_and_back() -> None:
        name = node.call("evm_snapshot")
        node.call("anvil_setBalance", f"0x{0xACC << 128:040x}", "0x2")
        if node.call("evm_revert", name) is not True:
            raise LoadError("no way back to a snapshot")

    yield SNAPSHOT, _median_ms(there_and_back, scale), "ms"


def _projects(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
    tests = scale.of(FIXTURE_TESTS, least=5)
    yield FIXTURES, tests / suite_projects.fixture_tests(target, tests), "/s"
    deployments = scale.of(DEPLOYMENTS, least=5)
    yield f"{SCRIPT}: deployments", deployments, ""
    yield SCRIPT, suite_projects.deployments(target, deployments), "s"


def _beginnings(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
    size = scale.of(STATE_BYTES, least=2**20)
    yield f"{WITH_STATE}: size", size / 1e6, "MB"
    yield WITH_STATE, beginnings.seconds_with_state(target, size), "s"
    with beginnings.fork_of_anvil(target) as fork:
        yield FORK, fork.first_answer_s, "s"
        beginnings.read_fork(fork)
        yield FORK_CALLS, _median_ms(partial(beginnings.read_fork, fork), Scale(scale.factor / 5)), "ms"


def _median_ms(work: Callable[[], object], scale: Scale) -> float:
    took = []
    for _ in range(scale.of(REPETITIONS, least=3)):
        began = time.perf_counter()
        work()
        took.append(1e3 * (time.perf_counter() - began))
    return statistics.median(took)


def _faster(metric: str, medians: Medians) -> float | None:
    """How many times as fast as anvil: from times, less is faster."""
    ours, theirs = (medians.get(NAME, one.name, metric) for one in (MegaethAutomine, AnvilTracing))
    return ratio(ours, theirs) if metric == FIXTURES else ratio(theirs, ours)


PROMISES: Final = (
    (SNAPSHOT, 1),
    (LOG_SEARCH, 5),
    (FIXTURES, 1),
    (SCRIPT, 1),
    (WITH_STATE, 1),
    (FORK, 1),
    (FORK_CALLS, 1),
    *((name, 1) for name in TRACES),
)
"""What is asked, and how many times as fast as anvil it is to be."""

SCENARIO: Final[Scenario[LogSink]] = Scenario(
    NAME,
    "what test suites and debuggers ask",
    (MegaethAutomine, AnvilTracing),
    measure,
    tuple(
        Expectation(f"{metric}: as fast as anvil", bound, "x", partial(_faster, metric), at_least=True)
        for metric, bound in PROMISES
    ),
)
