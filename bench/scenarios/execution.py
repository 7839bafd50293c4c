"""Execution alone: transactions with known senders into sealed mini-blocks, without JSON-RPC, pool and log, on one
thread and on as many as there are cores.

Between the extremes that show what executing ahead can do: heavy calls that have nothing in common, and heavy calls
that all read what the one before wrote.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from itertools import islice
from statistics import median
from typing import Any, ClassVar

from bench.accounts import senders
from bench.child import in_child
from bench.contracts import ROUTER, TOKEN_A, add_liquidity, genesis_alloc, swaps, token_transfers
from bench.results import Expectation, Medians, ratio
from bench.scenarios.scenario import InProcess, Scale, Scenario
from devnet._engine import measure_execution
from devnet.config import Config
from devnet.genesis import GenesisFile
from devnet.roles.chain_config import engine_config, genesis_document
from megaeth_cli.load.senders import Terms, sign

NAME = "execution"
THREADS = sorted({1, os.cpu_count() or 1})
TURNS = 3
"""Numbers of threads take turns, so that both meet the same machine."""
BATCH = 256
MAX_FEE_WEI = 2_000_000_000
HEAVY, CHAINED = (bytes(19) + bytes([last]) for last in (0xE1, 0xE2))
ROUNDS = 20_000
HEAVY_CODES = {
    # Counts calldata[0] down, then writes a slot of the caller's own.
    HEAVY: "0x5f355b600190038060025733335500",
    # Reads slot 0, counts down, and writes one more to slot 0.
    CHAINED: "0x5f545f355b600190038060045750600101" + "5f5500",
}


class Executed(InProcess):
    """One kind of transaction, from accounts that take turns."""

    count: ClassVar[int]
    sender_count: ClassVar[int] = 500
    to: ClassVar[tuple[bytes, ...]] = ()
    gas_limit: ClassVar[int] = 400_000

    def calls(self, holders: list[bytes]) -> Iterator[bytes]:
        """Calldata without end; none for transfers."""
        return iter(())

    def before(self) -> list[bytes]:
        """Calls of the router that must have happened before."""
        return []

    def measured(self, scale: Scale) -> list[Mapping[str, Any]]:
        """What the engine measured, in a process of its own, the numbers of threads in turns."""
        accounts = senders(5_000)
        group, holders = accounts[: self.sender_count], [one.address for one in accounts]
        config = Config()
        alloc = genesis_alloc(holders)
        for address, code in HEAVY_CODES.items():
            alloc["0x" + address.hex()] = {"nonce": "0x1", "code": code}
        chain_id = config.chain.chain_id
        prepared = self.before()
        raws = [
            raw
            for data in prepared
            for raw in sign(group[:1], 1, Terms(chain_id, 100_000_000, MAX_FEE_WEI), [ROUTER], [data])
        ]
        count = scale.of(self.count, least=self.count // 2)
        calls = list(islice(self.calls(holders), count))
        terms = Terms(chain_id, self.gas_limit, MAX_FEE_WEI)
        raws += sign(group, count, terms, self.to or holders, calls, value=0 if calls else 1)
        engine = engine_config(config, genesis_document(config, [], GenesisFile(alloc), 1_700_000_000))
        found = in_child(measure_execution, engine, raws, len(prepared), THREADS * TURNS, BATCH)
        return list(json.loads(found))


class Transfers(Executed):
    """From many to many more."""

    name = "transfer"
    count = 20_000
    gas_limit = 60_000


class TokenTransfers(Executed):
    """ERC-20 transfers from many to many more."""

    name = "ERC-20 transfer"
    count = 20_000
    to = (TOKEN_A,)

    def calls(self, holders: list[bytes]) -> Iterator[bytes]:
        """Anybody is paid any amount."""
        return token_transfers(holders)


class Swaps(Executed):
    """A hundred traders on one pair."""

    name = "AMM swap"
    count = 5_000
    sender_count = 100
    to = (ROUTER,)

    def calls(self, holders: list[bytes]) -> Iterator[bytes]:
        """Either token is sold."""
        return swaps()

    def before(self) -> list[bytes]:
        """Makes the pair."""
        return [add_liquidity()]


class Independent(Executed):
    """Heavy calls with nothing in common."""

    name = "independent heavy call"
    count = 2_000
    to = (HEAVY,)
    gas_limit = 1_000_000

    def calls(self, holders: list[bytes]) -> Iterator[bytes]:
        """Always the same."""
        while True:
            yield ROUNDS.to_bytes(32, "big")


class Conflicting(Independent):
    """Heavy calls, each of which reads what the one before wrote."""

    name = "conflicting heavy call"
    to = (CHAINED,)


def measure(load: Executed, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """Medians over the turns."""
    found = load.measured(scale)
    for threads in THREADS:
        runs = [run for run in found if run["threads"] == threads]
        yield _rate(threads), median(run["transactions"] / run["seconds"] for run in runs), "tx/s"
        if threads > 1:
            yield "executed ahead", median(run["ahead"] / run["transactions"] for run in runs), "of all"
            yield (
                "executed ahead in vain",
                median(run["aborted"] / run["transactions"] for run in runs),
                "of all",
            )
        else:
            yield "gas", median(run["gas"] / run["seconds"] / 1e6 for run in runs), "Mgas/s"
            yield (
                "sealing",
                median(1e6 * run["sealing_seconds"] / run["transactions"] for run in runs),
                "us/tx",
            )


def _rate(threads: int) -> str:
    return f"executed on {threads} thread{'s' * (threads > 1)}"


def _speed_up(medians: Medians, load: type[Executed]) -> float | None:
    one, all_ = (medians.get(NAME, load.name, _rate(threads)) for threads in (THREADS[0], THREADS[-1]))
    return ratio(all_, one)


SCENARIO: Scenario[Executed] = Scenario(
    NAME,
    "execution alone, on one thread and on all",
    (Transfers, TokenTransfers, Swaps, Independent, Conflicting),
    measure,
    (
        Expectation(
            "independent heavy calls: all threads / one",
            1.6,
            "x",
            lambda m: _speed_up(m, Independent),
            at_least=True,
        ),
        Expectation(
            "conflicting heavy calls: all threads / one",
            0.97,
            "x",
            lambda m: _speed_up(m, Conflicting),
            at_least=True,
        ),
    ),
)
