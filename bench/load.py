"""Ways to put load on a target, each returning what happened and when.

Each connection has senders of its own and one request in flight, so that nonces arrive in order.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import uvloop

from bench.accounts import Sender, transfers
from bench.targets import HOST, Target
from bench.wire import Connection, LoadError, check, post, send_raw

POLL_S = 0.01
PROGRESS_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Throughput:
    """How long a known number of transactions took from the first byte sent to the last one included."""

    count: int
    seconds: float
    generator_cpu_s: float

    @property
    def per_second(self) -> float:
        """Transactions included per second."""
        return self.count / self.seconds


def run(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
    """Runs on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def split(items: list[Sender], parts: int) -> list[list[Sender]]:
    """Deals the senders out to connections."""
    return [items[part::parts] for part in range(parts)]


async def flood(
    target: Target,
    accounts: list[Sender],
    count: int,
    connections: int,
    batch: int,
    make: Callable[[list[Sender], int, int], list[bytes]] = transfers,
) -> Throughput:
    """Sends `count` transactions as fast as the target takes them: in batches, or singly with `batch` 1. `make` signs
    them for some senders and a chain id."""
    groups = split(accounts, connections)
    each = count // connections // batch * batch
    plans = [
        [post(HOST, target.port, _batch(raws[at : at + batch], at)) for at in range(0, each, batch)]
        for raws in (make(group, each, target.chain_id) for group in groups)
    ]
    links = [await Connection.open(HOST, target.port) for _ in groups]
    began, cpu = time.perf_counter(), time.process_time()
    included = asyncio.ensure_future(_included(target, accounts))
    answers = await asyncio.gather(*(_send(link, plan) for link, plan in zip(links, plans, strict=True)))
    cpu = time.process_time() - cpu
    ended = await included
    for link in links:
        link.close()
    for body in (body for bodies in answers for body in bodies):
        check(body)
    return Throughput(each * connections, ended - began, cpu)


async def sync_latencies(target: Target, sender: Sender, count: int, pause_s: float = 0.02) -> list[float]:
    """Seconds from sending a transaction to holding its receipt, one at a time, at random moments."""
    link = await Connection.open(HOST, target.port)
    chance = random.Random(0)
    latencies = []
    for index, raw in enumerate(transfers([sender], count, target.chain_id)):
        request = post(HOST, target.port, send_raw(raw, index, target.sync_method))
        await asyncio.sleep(chance.uniform(0, 2 * pause_s))
        began = time.perf_counter()
        body = await link.request(request)
        latencies.append(time.perf_counter() - began)
        check(body)
        if json.loads(body)["result"]["status"] != "0x1":
            raise LoadError(f"{target.name}: a transfer failed: {body[:300]!r}")
    link.close()
    return latencies


async def pace(
    target: Target, accounts: list[Sender], per_second: float, batch: int, stop: asyncio.Event
) -> int:
    """Sends batches at an even rate until told to stop; returns how many transactions it sent."""
    link = await Connection.open(HOST, target.port)
    interval = batch / per_second
    sent, due = 0, time.perf_counter()
    while not stop.is_set():
        raws = transfers(accounts, batch, target.chain_id)
        body = await link.request(post(HOST, target.port, _batch(raws, sent)))
        check(body)
        sent += batch
        due += interval
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    link.close()
    return sent


def _batch(raws: list[bytes], first: int) -> bytes:
    calls = [send_raw(raw, first + index) for index, raw in enumerate(raws)]
    return calls[0] if len(calls) == 1 else b"[" + b",".join(calls) + b"]"


async def _send(link: Connection, requests: list[bytes]) -> list[bytes]:
    return [await link.request(request) for request in requests]


async def _included(target: Target, accounts: list[Sender]) -> float:
    """Polls the senders' nonces, one cheap batch at a time, until all transactions are in."""
    link = await Connection.open(HOST, target.port)
    calls = [
        {
            "jsonrpc": "2.0",
            "id": index,
            "method": "eth_getTransactionCount",
            "params": [one.address, "latest"],
        }
        for index, one in enumerate(accounts)
    ]
    request = post(HOST, target.port, json.dumps(calls).encode())
    wanted, before, changed = sum(one.nonce for one in accounts), -1, time.perf_counter()
    while True:
        body = await link.request(request)
        check(body)
        now = time.perf_counter()
        done = sum(int(answer["result"], 16) for answer in json.loads(body))
        if done >= wanted:
            link.close()
            return now
        if done != before:
            before, changed = done, now
        elif now - changed > PROGRESS_TIMEOUT_S:
            raise LoadError(f"{target.name} stopped including transactions at {done} of {wanted}")
        await asyncio.sleep(POLL_S)
