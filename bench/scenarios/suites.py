"""What test suites and debuggers ask of a local node: snapshots, traces, many logs, Hardhat's fixtures."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench.accounts import senders
from bench.load import prepared
from bench.results import Expectation, Medians, ratio
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import HOST, AnvilTracing, LogSink, MegaethAutomine
from devnet.paths import Paths
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.load.funder import Call, Funder
from megaeth_cli.load.run import Shape, send
from megaeth_cli.load.senders import Sender
from megaeth_cli.load.wire import Endpoint, LoadError
from megaeth_cli.load.workloads import Swaps

NAME: Final = "suites"
HERE: Final = Path(__file__).parents[1] / "suite"
PACKAGES: Final = {"hardhat": "2.29.1", "@nomicfoundation/hardhat-network-helpers": "1.1.2"}
REPETITIONS: Final = 50
LOGS: Final = 100_000
LOGS_PER_CALL: Final = 500
LOGGER: Final = bytes.fromhex("6016600c60003960166000f36101f45b805f52600760205fa1600190038060035700")
"""A contract that logs 500 times, under topic 7."""
CALL_GAS: Final = 20_000_000
FIXTURE_TESTS: Final = 200
ACCOUNTS: Final = 100_000
ACCOUNTS_AT_ONCE: Final = 1_000
SUITE_TIMEOUT_S: Final = 600.0

SNAPSHOT: Final = "snapshot and revert"
LOG_SEARCH: Final = "eth_getLogs"
FIXTURES: Final = "tests with loadFixture"
TRACES: Final[dict[str, dict[str, Any]]] = {
    "a swap's calls traced": {"tracer": "callTracer", "tracerConfig": {"withLog": True}},
    "a swap's steps traced": {},
}


def measure(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """One after the other on one chain, whose state is small at first and large for the snapshots."""
    with RpcClient(f"http://{HOST}:{target.port}", timeout_s=SUITE_TIMEOUT_S) as node:
        yield from _traces(target, node, scale)
        yield from _logs(node, scale)
        yield from _fixtures(target, scale)
        yield from _snapshots(node, scale)


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
        yield name, _median_ms(partial(node.call, "debug_traceTransaction", swap, options), scale), "ms"


def _logs(node: RpcClient, scale: Scale) -> Iterator[tuple[str, float, str]]:
    [account] = senders(1)
    funder = Funder(node, account.key)
    funder.fund([Sender.of(account.key)], None)
    logger = funder.deploy(LOGGER)
    calls = scale.of(LOGS / LOGS_PER_CALL, least=10)
    receipts = funder.send([Call(logger)] * calls, CALL_GAS)
    search = {"fromBlock": "0x0", "toBlock": "latest", "address": receipts[0]["to"]}
    found: Any = node.call("eth_getLogs", search)
    if len(found) != calls * LOGS_PER_CALL:
        raise LoadError(f"{len(found)} logs found of {calls * LOGS_PER_CALL}")
    yield f"{LOG_SEARCH}: logs", len(found), ""
    took = _median_ms(partial(node.call, "eth_getLogs", search), Scale(scale.factor / 10))
    yield LOG_SEARCH, took, "ms"


def _snapshots(node: RpcClient, scale: Scale) -> Iterator[tuple[str, float, str]]:
    count = scale.of(ACCOUNTS, least=1_000)
    for first in range(0, count, ACCOUNTS_AT_ONCE):
        numbers = range(first, min(first + ACCOUNTS_AT_ONCE, count))
        node.batch([("anvil_setBalance", [f"0x{0xACC << 128 | one:040x}", "0x1"]) for one in numbers])
    yield f"{SNAPSHOT}: accounts", count, ""

    def there_and_back() -> None:
        name = node.call("evm_snapshot")
        node.call("anvil_setBalance", f"0x{0xACC << 128:040x}", "0x2")
        if node.call("evm_revert", name) is not True:
            raise LoadError("no way back to a snapshot")

    yield SNAPSHOT, _median_ms(there_and_back, scale), "ms"


def _fixtures(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
    tests = scale.of(FIXTURE_TESTS, least=5)
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory)
        (project / "test").mkdir()
        shutil.copy(HERE / "fixtures.js", project / "test")
        shutil.copy(HERE / "hardhat.config.js", project)
        (project / "package.json").write_text("{}")
        (project / "node_modules").symlink_to(_hardhat())
        began = time.perf_counter()
        done = subprocess.run(
            ["node", "node_modules/.bin/hardhat", "test", "--no-compile", "--network", "node"],
            cwd=project,
            env={**os.environ, "RPC_URL": f"http://{HOST}:{target.port}", "TESTS": str(tests)},
            capture_output=True,
            text=True,
            timeout=SUITE_TIMEOUT_S,
            check=False,
        )
        seconds = time.perf_counter() - began
    if done.returncode or f"{tests} passing" not in done.stdout:
        raise LoadError(f"hardhat on {target.name}: {(done.stdout + done.stderr)[-500:]}")
    yield FIXTURES, tests / seconds, "/s"


def _median_ms(work: Callable[[], object], scale: Scale) -> float:
    took = []
    for _ in range(scale.of(REPETITIONS, least=3)):
        began = time.perf_counter()
        work()
        took.append(1e3 * (time.perf_counter() - began))
    return statistics.median(took)


def _hardhat() -> Path:
    """Its `node_modules`, fetched once into the user's cache."""
    npm = shutil.which("npm")
    if npm is None:
        raise LoadError("npm is needed to fetch hardhat; install node (https://nodejs.org)")
    cache = Paths.from_environment(os.environ).cache / "bench-hardhat"
    modules = cache / "node_modules"
    if not (modules / ".bin" / "hardhat").exists():
        cache.mkdir(parents=True, exist_ok=True)
        wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
        subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--prefix", str(cache), *wanted],
            check=True,
            stdout=sys.stderr,
        )
    return modules


def _faster(metric: str, medians: Medians) -> float | None:
    """How many times as fast as anvil: from times, less is faster."""
    ours, theirs = (medians.get(NAME, one.name, metric) for one in (MegaethAutomine, AnvilTracing))
    return ratio(ours, theirs) if metric == FIXTURES else ratio(theirs, ours)


SCENARIO: Final[Scenario[LogSink]] = Scenario(
    NAME,
    "what test suites and debuggers ask",
    (MegaethAutomine, AnvilTracing),
    measure,
    tuple(
        Expectation(f"{metric}: megaeth / anvil", bound, "x", partial(_faster, metric), at_least=True)
        for metric, bound in ((SNAPSHOT, 1), (LOG_SEARCH, 5), (FIXTURES, 1), *((name, 1) for name in TRACES))
    ),
)
