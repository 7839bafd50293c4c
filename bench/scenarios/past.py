"""Time travel: how long one value of an old block takes, on a chain whose accounts have changed again and again.

The node closes a block for each transaction; what is asked is of blocks at random, most of them older than what it
keeps in memory. One question at a time, each on the same connection.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from typing import Final

from bench.load import endpoint, flood, prepared
from bench.results import Expectation
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import MegaethAutomine
from devnet._engine import keccak256
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.load.contracts import call
from megaeth_cli.load.run import Shape
from megaeth_cli.load.workloads import TokenTransfers

NAME: Final = "time travel"
BLOCKS: Final = 20_000
ACCOUNTS: Final = 1_000
EACH: Final = 40
"""Transactions that a sender has money for."""
QUESTIONS: Final = 400
PROOFS: Final = 100
"""Of these: the commitment's state is led to the block through all blocks between."""
VALUES: Final = ("eth_getBalance", "eth_getStorageAt", "eth_call", "debug_traceTransaction")
BALANCE_SLOT: Final = 2
"""Of the token's mapping of balances."""
BOUND_MS: Final = 5.0
CONNECTIONS, BATCH = 4, 100
METHODS: Final = (*VALUES, "eth_getProof")


def measure(target: MegaethAutomine, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """Fills the chain, then asks."""
    workload = prepared(target, TokenTransfers, ACCOUNTS, EACH)
    assert isinstance(workload, TokenTransfers)
    count = scale.of(BLOCKS, least=1_000)
    flood(
        target, workload, CONNECTIONS, Shape(connections=CONNECTIONS, batch=BATCH, count=count), watch=False
    )
    with RpcClient(f"http://{endpoint(target).host}:{target.port}", 60.0) as node:
        newest = int(node.call("eth_blockNumber"), 16)
        yield "blocks", newest, ""
        for method in METHODS:
            asked = scale.of(PROOFS if method == "eth_getProof" else QUESTIONS, least=50)
            used = target.cpu_s()
            times = sorted(_asked(node, workload, method, newest, asked))
            yield f"{method} p50", statistics.median(times), "ms"
            yield f"{method} p99", times[int(len(times) * 0.99)], "ms"
            yield f"{method}: CPU of the node", 1e3 * (target.cpu_s() - used) / asked, "ms"


def _asked(
    node: RpcClient, workload: TokenTransfers, method: str, newest: int, count: int
) -> Iterator[float]:
    """Milliseconds that each took."""
    dice = random.Random(method)
    for _ in range(count):
        block = dice.randrange(newest - newest * 9 // 10, newest)
        params = _params(node, workload, method, dice.choice(workload.addresses), block)
        began = time.perf_counter()
        node.call(method, *params)
        yield (time.perf_counter() - began) * 1e3


def _params(
    node: RpcClient, workload: TokenTransfers, method: str, holder: bytes, block: int
) -> list[object]:
    token, address = f"0x{workload.token.hex()}", f"0x{holder.hex()}"
    match method:
        case "eth_getStorageAt":
            return [token, _slot(holder), hex(block)]
        case "eth_call":
            return [{"to": token, "data": f"0x{call('balanceOf(address)', holder).hex()}"}, hex(block)]
        case "eth_getProof":
            return [address, [], hex(block)]
        case "debug_traceTransaction":
            [tx_hash, *_] = node.call("eth_getBlockByNumber", hex(block), False)["transactions"]
            return [tx_hash, {"tracer": "callTracer"}]
    return [address, hex(block)]


def _slot(holder: bytes) -> str:
    """Of a mapping, as Solidity places it."""
    return "0x" + keccak256(holder.rjust(32, bytes(1)) + BALANCE_SLOT.to_bytes(32)).hex()


def _p50(method: str) -> Expectation:
    return Expectation(
        f"{method} at an old block, p50",
        BOUND_MS,
        "ms",
        lambda medians: medians.get(NAME, MegaethAutomine.name, f"{method} p50"),
    )


SCENARIO: Scenario[MegaethAutomine] = Scenario(
    NAME,
    f"one value of one of {BLOCKS:,} blocks",
    (MegaethAutomine,),
    measure,
    tuple(map(_p50, VALUES)),
)
