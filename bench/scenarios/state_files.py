"""A chain's accounts out of it and into it: the node that has them is asked over JSON-RPC, as testing tools ask.

Each size is loaded into a chain that doesn't have these accounts, a block is mined over them, and then all is dumped.
What is sent is ready before the clock runs, and what comes is only read: neither is parsed here.
"""

from __future__ import annotations

import gzip
import http.client
import json
import random
import time
from collections.abc import Iterator, Sequence
from typing import Final

from bench.results import Expectation, ratio
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import HOST, Anvil, LogSink, Megaeth
from devnet._engine import StateContents
from devnet.state_file import write_pieces
from megaeth_cli.load.wire import LoadError

NAME: Final = "state files"
SIZES: Final = (20_000, 200_000)
LARGE: Final = SIZES[-1]
PATIENCE_S: Final = 300.0
MOST_BYTES: Final = 1 << 29
SHOWN: Final = 200
"""Bytes of an answer that say whether it is an error."""
DUMP, LOAD = "dump", "load"
OWN_DUMP, OWN_LOAD = "dump, own form", "load, own form"
BLOCK = "the block after it"
"""Closed on request: its state root takes in what was loaded, and nothing of that is left to do during the dump."""


class MegaethOfAnySize(Megaeth):
    """Our devnet, which takes and gives as much as there is."""

    name = "megaeth"

    def command(self) -> Sequence[str]:
        """What a user would type."""
        return [
            *super().command(),
            "--max-body-bytes", str(MOST_BYTES),
            "--max-answer-bytes", str(MOST_BYTES),
        ]  # fmt: skip


class AnvilOfAnySize(Anvil):
    """Anvil, likewise."""

    name = "anvil"
    mode: tuple[str, ...] = ("--no-request-size-limit",)


def measure(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """Seconds for each size, and each form that the target knows."""
    for size in SIZES:
        accounts = scale.of(size, least=1_000)
        document = state(accounts, size)
        yield metric(size, LOAD), asked(target, "anvil_loadState", gzip.compress(document, 6)), "s"
        yield metric(size, f"{LOAD}, {BLOCK}"), asked(target, "evm_mine"), "s"
        yield metric(size, DUMP), asked(target, "anvil_dumpState"), "s"
        if isinstance(target, Megaeth):
            contents = StateContents.from_json(state(accounts, size + 1))
            ours = b"".join(write_pieces([contents.pieces()], {}))
            yield metric(size, OWN_LOAD), asked(target, "mega_loadState", ours), "s"
            yield metric(size, f"{OWN_LOAD}, {BLOCK}"), asked(target, "evm_mine"), "s"
            yield metric(size, OWN_DUMP), asked(target, "mega_dumpState"), "s"


def metric(size: int, what: str) -> str:
    """The name of a number."""
    return f"{size:,} accounts, {what}"


def state(accounts: int, seed: int) -> bytes:
    """So many accounts with nonce and balance, in anvil's form."""
    dice = random.Random(seed)
    members = {
        f"0x{dice.randbytes(20).hex()}": {
            "nonce": dice.randrange(1, 100),
            "balance": hex(dice.getrandbits(70)),
            "code": "0x",
            "storage": {},
        }
        for _ in range(accounts)
    }
    return json.dumps({"block": None, "accounts": members, "best_block_number": None}).encode()


def asked(target: LogSink, method: str, file: bytes | None = None) -> float:
    """Seconds from a request to the last byte of its answer."""
    body = request(method, *([] if file is None else [f"0x{file.hex()}"]))
    began = time.perf_counter()
    answer(target, body)
    return time.perf_counter() - began


def request(method: str, *params: object) -> bytes:
    """A request's body."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


def answer(target: LogSink, body: bytes) -> bytes:
    """An answer as it comes, which is not an error. Raises `LoadError`."""
    connection = http.client.HTTPConnection(HOST, target.port, timeout=PATIENCE_S)
    try:
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        found = connection.getresponse().read()
    finally:
        connection.close()
    if b'"error"' in found[:SHOWN]:
        raise LoadError(f"{target.name}: {body[:SHOWN]!r}: {found[:SHOWN].decode(errors='replace')}")
    return found


def faster(what: str, theirs: str, bound: float) -> Expectation:
    """Anvil's time against ours, at the larger size."""
    return Expectation(
        f"{metric(LARGE, what)}: anvil / megaeth",
        bound,
        "x",
        lambda m: ratio(
            m.get(NAME, AnvilOfAnySize.name, metric(LARGE, theirs)),
            m.get(NAME, MegaethOfAnySize.name, metric(LARGE, what)),
        ),
        at_least=True,
    )


SCENARIO: Scenario[LogSink] = Scenario(
    NAME,
    "accounts out of a chain and into it",
    (MegaethOfAnySize, AnvilOfAnySize),
    measure,
    (
        faster(DUMP, DUMP, 1.0),
        faster(OWN_DUMP, DUMP, 2.0),
    ),
)
