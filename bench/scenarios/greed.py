"""Twenty clients that each ask for the largest answers there are, over and over.

Does memory stay bounded, do mini-blocks stay on time, and does a small call still get through? Every fourth client
never reads what it asked for. What is refused with -32005 is what should be.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from bench.pipelines import ON_TIME, intervals_of, on_time, sample
from bench.results import Expectation
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import HOST, Megaeth
from megaeth_cli.chain.pipeline import window

NAME: Final = "greed"
CLIENTS: Final = 20
SECONDS, LEAST_SECONDS = 20, 10
SAMPLE_S: Final = 0.02
SETTLE_S: Final = 3.0
TIMEOUT_S: Final = 120.0
MIB: Final = 2**20
LIMIT_EXCEEDED: Final = b"-32005"
CONTRACT: Final = "0x00000000000000000000000000000000000c0d1e"

RETURNS_30_MB: Final = "0x6301c9c3805ff3"
RETURNS_64_KB: Final = "0x620100005ff3"
NESTS: Final = "0x5f62100000525f5f5f5f5f305af100"
"""Takes 1 MiB, calls itself with all its gas."""
LOGS: Final = "0x5b620100005fa05f56"
"""Logs 64 KiB for ever."""


def measure(target: Megaeth, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """Idle, then under the clients, then when they are gone."""
    time.sleep(SETTLE_S)
    idle = target.memory_bytes()
    before = sample(target)
    clients = [_Client(target.port, number) for number in range(CLIENTS)]
    most, small = _watched(target, clients, scale.of(SECONDS, least=LEAST_SECONDS))
    after = sample(target)
    seen = intervals_of(window(before, after))
    time.sleep(SETTLE_S)
    yield "memory over idle, most", (most - idle) / MIB, "MiB"
    yield "memory over idle, when they are gone", (target.memory_bytes() - idle) / MIB, "MiB"
    yield ON_TIME, seen.on_time_percent, "%"
    yield "longest interval", seen.took.max_us / 1000, "ms"
    yield "a small call meanwhile, longest", max(small) * 1000, "ms"
    yield "answers", sum(client.answers for client in clients), ""
    yield "answered", sum(client.bytes for client in clients) / MIB, "MiB"
    yield "refusals", sum(client.refusals for client in clients), ""


def _watched(target: Megaeth, clients: list[_Client], seconds: float) -> tuple[int, list[float]]:
    """The most memory while they ask, and how long small calls took."""
    most, small = 0, []
    for client in clients:
        client.start()
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        most = max(most, target.memory_bytes())
        target.rpc("eth_call", {"to": CONTRACT}, "latest")
        small.append(time.monotonic() - now)
        time.sleep(SAMPLE_S)
    for client in clients:
        client.stop()
    return most, small


class _Client(threading.Thread):
    """Asks on one connection at a time until it is stopped."""

    def __init__(self, port: int, number: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._body = _bodies()[number % len(_bodies())]
        self._reads = number % 4 != 3
        self._stopped = threading.Event()
        self.answers = self.refusals = self.bytes = 0

    def stop(self) -> None:
        """It asks no more, and hangs up."""
        self._stopped.set()
        self.join()

    def run(self) -> None:
        """Ask, count what comes, ask again."""
        while not self._stopped.is_set():
            with suppress(OSError), socket.create_connection((HOST, self._port), timeout=1.0) as connection:
                self._ask(connection)

    def _ask(self, connection: socket.socket) -> None:
        head = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(self._body)}\r\n\r\n"
        connection.sendall(head.encode() + self._body)
        if not self._reads:
            self._stopped.wait(TIMEOUT_S)
            return
        beginning, length, buffer = b"", None, bytearray(MIB)
        received = 0
        while length is None or received < length:
            if self._stopped.is_set():
                return
            try:
                count = connection.recv_into(buffer)
            except TimeoutError:
                continue
            if not count:
                return
            received += count
            if length is None:
                beginning += bytes(buffer[:count])
                length = _whole(beginning)
        self.answers += 1
        self.bytes += received
        self.refusals += LIMIT_EXCEEDED in beginning


def _whole(beginning: bytes) -> int | None:
    """How long a response is, head included, once its head is there."""
    head, found, _ = beginning.partition(b"\r\n\r\n")
    if not found:
        return None
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return len(head) + 4 + int(value)
    return len(head) + 4


def _bodies() -> list[bytes]:
    """The worst that one request can ask for, each way."""
    unlimited = {"unlimited": True}
    call = {"to": CONTRACT}

    def of(code: str) -> dict[str, Any]:
        return {CONTRACT: {"code": code}}

    def request(method: str, *params: object) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}

    small = request("eth_call", call, "latest", of(RETURNS_64_KB))
    bundle = {"transactions": [call] * 1000}
    bodies: list[object] = [
        request("eth_call", call, "latest", of(RETURNS_30_MB), unlimited),
        [small] * 1000,
        request("eth_callMany", [bundle], {"blockNumber": "latest"}, of(RETURNS_64_KB)),
        request("eth_call", call, "latest", of(NESTS), unlimited),
        request("eth_call", call, "latest", of(LOGS), unlimited),
    ]
    return [json.dumps(body).encode() for body in bodies]


SCENARIO: Scenario[Megaeth] = Scenario(
    NAME,
    "twenty clients that ask for the largest answers",
    (Megaeth,),
    measure,
    (
        Expectation(
            "memory over idle under greedy clients",
            1024.0,
            "MiB",
            lambda m: m.get(NAME, Megaeth.name, "memory over idle, most"),
        ),
        on_time(NAME, "under greedy clients"),
    ),
)
