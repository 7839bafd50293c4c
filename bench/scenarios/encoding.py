"""What eth-abi would add to a command that encodes: its import, which ours does without.

Both ways take turns, so that a machine that slows down slows both. The second way is the same command in a process that
imports eth-abi first, which is the least that a command made of it could take.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import ClassVar, Final

from bench.results import Expectation
from bench.scenarios.scenario import InProcess, Scale, Scenario

NAME: Final = "encoding"
RUNS, LEAST_RUNS = 20, 5
ARGUMENTS: Final = ("abi", "encode", "transfer(address,uint256)", "0x" + "11" * 20, "1ether")
OURS: Final = "import sys; from megaeth_cli.__main__ import main; sys.exit(main())"
WITH_ETH_ABI: Final = f"import eth_abi; {OURS}"
ADDED: Final = "added by eth-abi"
MS_PER_S: Final = 1000


class Command(InProcess):
    """`megaeth abi encode`."""

    name: ClassVar[str] = "megaeth abi encode"


def measure(command: Command, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """Medians of both ways."""
    ours, other = [], []
    for _ in range(scale.of(RUNS, least=LEAST_RUNS)):
        ours.append(_run_ms(OURS))
        other.append(_run_ms(WITH_ETH_ABI))
    yield "with our codec", statistics.median(ours), "ms"
    yield "with eth-abi imported", statistics.median(other), "ms"
    yield ADDED, statistics.median(other) - statistics.median(ours), "ms"


def _run_ms(program: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", program, *ARGUMENTS],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    return (time.perf_counter() - began) * MS_PER_S


SCENARIO: Scenario[Command] = Scenario(
    NAME,
    "the start of a command that encodes, with our ABI codec and with eth-abi's import",
    (Command,),
    measure,
    (
        Expectation(
            "what eth-abi would add to a command that encodes",
            50.0,
            "ms",
            lambda m: m.get(NAME, Command.name, ADDED),
            at_least=True,
        ),
    ),
)
