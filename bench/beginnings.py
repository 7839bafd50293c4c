"""Chains that do not begin empty: with a file of another one's state, and as a fork of another chain."""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.targets import HOST, AnvilAuto, LogSink
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.load.wire import LoadError

CODE_BYTES: Final = 12_000
SLOTS: Final = 150
"""Of each contract: its account takes some 48 kB of a file, half of it code."""
PATIENCE_S: Final = 300.0
POLL_S: Final = 0.01
CALLS: Final = 100
SEED: Final = 13
READER: Final = "0x5f545f5260205ff3"
"""A contract that answers with its slot 0."""
READERS: Final = tuple(f"0x{0xF0 << 152 | number:040x}" for number in range(10))
ANSWER: Final = f"0x{7:064x}"


def seconds_with_state(target: LogSink, size: int) -> float:
    """From the command, with a state file of so many bytes, until the state is there. Raises `LoadError`."""
    with tempfile.TemporaryDirectory(prefix="megaeth-bench-") as directory:
        path = Path(directory) / "state.json"
        last = write_state(path, size)
        fresh = type(target)("--load-state", str(path))
        fresh.patience_s = PATIENCE_S
        began = time.perf_counter()
        with fresh:
            while fresh.rpc("eth_getTransactionCount", last, "latest") != "0x1":
                if time.perf_counter() - began > PATIENCE_S:
                    raise LoadError(f"{target.name} does not load a state of {size} bytes")
                time.sleep(POLL_S)
            return time.perf_counter() - began


def write_state(path: Path, size: int) -> str:
    """Contracts in anvil's form, until the file has so many bytes; the last one's address."""
    dice = random.Random(SEED)
    address = ""
    with path.open("w") as file:
        file.write('{"block":null,"accounts":{')
        while file.tell() < size:
            file.write("," if address else "")
            address = f"0x{dice.randbytes(20).hex()}"
            file.write(f'"{address}":{json.dumps(_contract(dice))}')
        file.write('},"best_block_number":null,"blocks":[],"transactions":[]}')
    return address


def _contract(dice: random.Random) -> dict[str, Any]:
    slots = {f"0x{dice.randbytes(32).hex()}": f"0x{dice.randbytes(32).hex()}" for _ in range(SLOTS)}
    # The first byte ends every call.
    code = f"0x00{dice.randbytes(CODE_BYTES).hex()}"
    return {"nonce": 1, "balance": hex(dice.getrandbits(70)), "code": code, "storage": slots}


@contextmanager
def fork_of_anvil(target: LogSink) -> Iterator[LogSink]:
    """A target that forks an anvil on which contracts can be read."""
    with AnvilAuto() as remote:
        for reader in READERS:
            remote.rpc("anvil_setCode", reader, READER)
            remote.rpc("anvil_setStorageAt", reader, "0x0", ANSWER)
        remote.rpc("anvil_mine", "0x1")
        fork = type(target)("--fork-url", f"http://{HOST}:{remote.port}")
        fork.chain_id = remote.chain_id
        with fork:
            yield fork


def read_fork(fork: LogSink) -> None:
    """Ask contracts of the remote, `CALLS` times in all. Raises `LoadError`."""
    with RpcClient(f"http://{HOST}:{fork.port}") as node:
        for number in range(CALLS):
            call = {"to": READERS[number % len(READERS)]}
            if node.call("eth_call", call, "latest") != ANSWER:
                raise LoadError(f"{fork.name} does not answer what its remote has")
