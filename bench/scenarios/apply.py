"""What it costs a full node to follow: applying the diffs of a recorded log, against executing its transactions again.

On one core, in a process of its own, from memory: the checks and the state of the engine's follower; then once more
with the log on disk, as a full node keeps it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bench.child import in_child
from bench.loads import Load, Swaps, TokenTransfers
from bench.recording import Recording, record
from bench.results import Expectation, ratio
from bench.scenarios.scenario import Scale, Scenario
from devnet._engine import BadData, Engine
from devnet.config import Config, VerifyMode
from devnet.roles.chain_config import engine_config
from devnet.storage import Identity, Store, StoreArchive, ephemeral_directory
from devnet.sync.log_offset import EntryKind, LogEntry
from devnet.sync.log_sink import EngineSink

NAME = "apply"
TRANSACTIONS = 30_000
CHUNK = 64
"""Records at a time, as in catching up."""
APPLIED, APPLYING, EXECUTING = "applied on one core", "CPU, applying", "CPU, re-executing"


class Cost(NamedTuple):
    """Of the load, without what came before it."""

    seconds: float
    cpu_s: float


def measure(load: Load, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """The same log each time."""
    found = record(load, scale.of(TRANSACTIONS, least=2_000))
    count = found.transactions
    applied = in_child(follow, found, VerifyMode.PROOFS, stored=False)
    stored = in_child(follow, found, VerifyMode.PROOFS, stored=True)
    rooted = in_child(follow, found, VerifyMode.ROOTS, stored=False)
    executed = in_child(follow, found, VerifyMode.REEXECUTE, stored=False)
    yield APPLIED, count / applied.seconds, "tx/s"
    yield APPLYING, 1e6 * applied.cpu_s / count, "us/tx"
    yield "CPU, applying and storing", 1e6 * stored.cpu_s / count, "us/tx"
    yield "CPU, applying and computing state roots", 1e6 * rooted.cpu_s / count, "us/tx"
    # The follower that executes everything computes state roots too; those are no part of the comparison.
    yield EXECUTING, 1e6 * (executed.cpu_s - rooted.cpu_s) / count, "us/tx"


def follow(recording: Recording, verify: VerifyMode, stored: bool) -> Cost:
    """A follower from genesis on, on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with ephemeral_directory() as directory, Store.open(directory) as store:
        config = engine_config(Config(), recording.genesis, keeps_trie=verify is not VerifyMode.PROOFS)
        engine = Engine(config, StoreArchive(store))
        engine.follow(verify)
        store.create(Identity(Config().chain.chain_id, engine.genesis_hash()), recording.genesis)
        on_disk = EngineSink(engine, store, publish=lambda _: None, bad_data=BadData)
        apply = on_disk.apply if stored else _in_memory(engine)
        _feed(apply, recording.before)
        began, cpu = time.perf_counter(), time.process_time()
        _feed(apply, recording.entries)
        cost = Cost(time.perf_counter() - began, time.process_time() - cpu)
        engine.stop()
        return cost


def _in_memory(engine: Engine) -> Callable[[list[LogEntry]], None]:
    def apply(entries: list[LogEntry]) -> None:
        engine.apply([(entry.record, entry.kind is EntryKind.BLOCK) for entry in entries])
        engine.durable(*entries[-1].after.tip)

    return apply


def _feed(apply: Callable[[list[LogEntry]], None], entries: list[LogEntry]) -> None:
    for at in range(0, len(entries), CHUNK):
        apply(entries[at : at + CHUNK])


SCENARIO: Scenario[Load] = Scenario(
    NAME,
    "a follower on a recorded log",
    (TokenTransfers, Swaps),
    measure,
    (
        Expectation(
            "diffs of ERC-20 transfers applied on one core",
            100_000,
            "tx/s",
            lambda m: m.get(NAME, TokenTransfers.name, APPLIED),
            at_least=True,
        ),
        Expectation(
            "CPU of an ERC-20 transfer: applied / executed again",
            1 / 5,
            "x",
            lambda m: ratio(
                m.get(NAME, TokenTransfers.name, APPLYING), m.get(NAME, TokenTransfers.name, EXECUTING)
            ),
        ),
    ),
)
