"""What a prover needs for a block: time on one core, witness, memory.

Blocks of a real sequencer under load, fetched as a prover fetches them; then checked statelessly on one core, in a
process of its own.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from bench.child import in_child
from bench.loads import Load, Swaps, TokenTransfers
from bench.recording import LoadedSequencer
from bench.results import Expectation
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import HOST
from devnet.proving.code_cache import CodeCache
from devnet.proving.material import NodeReader, VerificationInput
from devnet.proving.stateless import check, code_hashes
from megaeth_cli.load.wire import LoadError

NAME = "prove"
TRANSACTIONS = 10_000
SEALED_TIMEOUT_S = 10.0
POLL_S = 0.05
MEMORY = "memory"
BLOCKS_UNTIL_TABLES = 2
TABLES_THREAD = "salt-tables"
Codes = list[tuple[bytes, bytes]]


class Cost(NamedTuple):
    """Of checking all blocks."""

    seconds: float
    memory_bytes: int
    transactions: int
    witness_bytes: int


def measure(load: Load, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """All blocks of the load, one after the other."""
    with LoadedSequencer(load) as sequencer:
        hashes = sequencer.put(scale.of(TRANSACTIONS, least=1_000))
        work, rules = _fetch(sequencer, hashes)
    cost = in_child(prove, work, rules)
    yield "transactions per block", cost.transactions / len(work), "tx"
    yield "verified on one core", cost.transactions / cost.seconds, "tx/s"
    yield "blocks verified on one core", len(work) / cost.seconds, "blocks/s"
    yield "witness", cost.witness_bytes / cost.transactions, "B/tx"
    yield MEMORY, cost.memory_bytes / 2**20, "MiB"


def _fetch(
    sequencer: LoadedSequencer, hashes: list[bytes]
) -> tuple[list[tuple[VerificationInput, Codes]], dict[str, Any]]:
    """The blocks that the load is in, once they are sealed, and the chain's rules."""
    url = f"http://{HOST}:{sequencer.port}"
    ends = [sequencer.rpc("eth_getTransactionReceipt", f"0x{one.hex()}") for one in (hashes[0], hashes[-1])]
    numbers = sorted(int(receipt["blockNumber"], 16) for receipt in ends)
    deadline = time.perf_counter() + SEALED_TIMEOUT_S
    while sequencer.rpc("eth_getBlockByNumber", hex(numbers[1] + 1), False) is None:
        if time.perf_counter() > deadline:
            raise LoadError(f"block {numbers[1]} is not sealed")
        time.sleep(POLL_S)
    reader, cache = NodeReader(), CodeCache()
    work = []
    for number in range(numbers[0], numbers[1] + 1):
        material = reader.material(url, number)
        work.append((material, reader.codes(url, code_hashes(material.witness), cache)))
    return work, sequencer.rpc("mega_getChainRules")


def prove(work: list[tuple[VerificationInput, Codes]], rules: dict[str, Any]) -> Cost:
    """Checks blocks on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    _warm_up(work[0], rules)
    transactions = witness_bytes = 0
    began = time.perf_counter()
    for material, codes in work:
        report = check(material, codes, rules)
        if report.difference is not None:
            raise LoadError(f"block {material.number} does not verify: {report.difference}")
        transactions += report.transactions
        witness_bytes += report.witness_bytes
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Cost(seconds, peak, transactions, witness_bytes)


def _warm_up(block: tuple[VerificationInput, Codes], rules: dict[str, Any]) -> None:
    """A prover's first busy blocks have a thread make the state commitment's tables, once for all later ones."""
    for _ in range(BLOCKS_UNTIL_TABLES):
        check(*block, rules)
    while TABLES_THREAD in _threads():
        time.sleep(POLL_S)


def _threads() -> Iterator[str]:
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # one that has ended
            yield (task / "comm").read_text().strip()


def small(load: type[Load]) -> Expectation:
    """As small as the real network's prover."""
    return Expectation(f"prover's memory, {load.name}s", 512, "MiB", lambda m: m.get(NAME, load.name, MEMORY))


SCENARIO: Scenario[Load] = Scenario(
    NAME,
    "blocks checked statelessly",
    (TokenTransfers, Swaps),
    measure,
    (small(TokenTransfers), small(Swaps)),
)
