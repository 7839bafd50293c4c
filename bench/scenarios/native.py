"""Native code against the interpreter, program by program, in one process without a chain; and against C.

Both ways take turns and must report the same in everything. Processor time, the least of several runs. anvil runs a
shorter Fibonacci in one call, because it takes long; that, and ours, are shown for the length that MegaETH published.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from bench.programs import (
    CALLED,
    COMPUTE,
    HERE,
    Program,
    Runs,
    WrongResult,
    compiled,
    compute,
    orders,
    runtime,
    swaps,
    transfers,
)
from bench.results import Expectation, Medians
from bench.scenarios.scenario import InProcess, Scale, Scenario
from bench.targets import POLL_S, AnvilAuto, LogSink, Megaeth
from devnet._engine import keccak256
from megaeth_cli.load.wire import LoadError

NAME = "native"
REPETITIONS = 5
LEAST_S = 1e-6
SPEED_UP, COMPILED, SIZE, NATIVE, INTERPRETED = "speed-up", "compiled in", "size", "natively", "interpreted"
C_64, C_256 = "C on 64 bits", "C on 4 x 64 bits"
GAS_RATE = "gas per second, natively"
FIBONACCI = "fibonacci"
LOOP_LENGTH = 10_000_000
"""A tenth of what MegaETH measured: one run of the interpreter is long enough."""

COMPUTING = (
    ("sieve", "Sieve", 300_000),
    ("matrices", "MatrixProduct", 80),
    ("sha256", "Sha256", 300),
    ("mandelbrot", "Mandelbrot", 100),
    ("ray tracer", "RayTracer", 24),
)
STORING = ("keccak", "erc20 transfers", "amm swaps", "order book")
SHORT_REPETITIONS = 15
"""Of these, which take a few milliseconds."""
PUBLISHED_LENGTH = 100_000_000
CALLED_LENGTH = 1_000_000
"""In one call of anvil."""
PUBLISHED = "scaled to 10^8"
CALL_GAS = 1_000_000_000


class Subject(InProcess):
    """One program, both ways."""

    program: ClassVar[Program]


class OnAnvil(AnvilAuto):
    """anvil, for Fibonacci in a call."""

    name = "fibonacci on anvil (10^6)"


class FirstCalls(Megaeth):
    """Our devnet, where nobody has called Fibonacci yet."""

    name = "fibonacci (10^8), first calls"


def _subject(program: Program) -> type[Subject]:
    return type("Subject", (Subject,), {"name": program.name, "program": program})


def measure(subject: Subject | OnAnvil | FirstCalls, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """The program both ways; of Fibonacci, C as well, what anvil takes for it, and what the first calls do."""
    if isinstance(subject, FirstCalls):
        yield from _first_calls(subject)
        return
    if isinstance(subject, OnAnvil):
        yield f"{INTERPRETED}, {PUBLISHED}", PUBLISHED_LENGTH / CALLED_LENGTH * _called(subject), "s"
        return
    program = subject.program
    n = scale.of(program.n) if program.name.startswith((FIBONACCI, "checked")) else program.n
    runs = Runs(program, n)
    best = {False: float("inf"), True: float("inf")}
    reports: dict[bool, dict[str, Any]] = {}
    try:
        for _ in range(SHORT_REPETITIONS if program.name in STORING else REPETITIONS):
            for native in best:
                seconds, reports[native] = runs.seconds(native=native)
                best[native] = min(best[native], max(seconds, LEAST_S))
    except WrongResult as error:
        raise LoadError(str(error)) from error
    if reports[True] != reports[False]:
        raise LoadError(f"{program.name} differs natively")
    gas = int(reports[True]["gasUsed"])
    saved = best[False] - best[True]
    compile_s = sum(one.seconds for one in runs.compiled)
    yield INTERPRETED, 1e3 * best[False], "ms"
    yield NATIVE, 1e3 * best[True], "ms"
    yield GAS_RATE, gas / best[True] / 1e9, "Ggas/s"
    yield SPEED_UP, best[False] / best[True], "x"
    yield COMPILED, 1e3 * compile_s, "ms"
    yield SIZE, sum(one.size for one in runs.compiled), "B"
    yield "bytecode", sum(len(code) for code in program.codes()), "B"
    if saved > 0:
        yield "has paid for itself after", compile_s / saved * gas / 1e6, "Mgas"
        if program.each:
            yield f"{program.each} until it has paid for itself", compile_s / saved * n, program.each
    if program.name == FIBONACCI:
        for metric, native in ((INTERPRETED, False), (NATIVE, True)):
            yield f"{metric}, {PUBLISHED}", PUBLISHED_LENGTH / n * best[native], "s"
        yield from _in_c(n)


def _in_c(n: int) -> Iterator[tuple[str, float, str]]:
    """The same loop in C, where there is a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "loops"
        source = HERE / "native" / "loops.c"
        subprocess.run([compiler, "-O2", "-march=native", "-o", program, source], check=True, timeout=60)
        runs = [
            subprocess.run(
                [program, str(n)], check=True, capture_output=True, text=True, timeout=60
            ).stdout.split()
            for _ in range(REPETITIONS)
        ]
    for metric, place in ((C_64, 0), (C_256, 1)):
        yield metric, 1e3 * min(float(run[place]) for run in runs), "ms"


def _first_calls(target: LogSink) -> Iterator[tuple[str, float, str]]:
    """Seconds by the clock: interpreted until native code takes over, and then from the beginning."""
    [sender, *_] = target.rpc("eth_accounts")
    code = compiled(COMPUTE, "FibonacciUnchecked").bytecode
    created = {"from": sender, "data": f"0x{code}", "gas": hex(CALL_GAS)}
    transaction = target.rpc("eth_sendTransaction", created)
    while (receipt := target.rpc("eth_getTransactionReceipt", transaction)) is None:
        time.sleep(POLL_S)
    data = keccak256(b"run(uint256)")[:4] + PUBLISHED_LENGTH.to_bytes(32)
    call = {"to": receipt["contractAddress"], "data": f"0x{data.hex()}"}
    for metric in ("first call", "second call"):
        began = time.perf_counter()
        target.rpc("eth_call", call, "latest", {}, {"unlimited": True})
        yield metric, time.perf_counter() - began, "s"


def _called(target: LogSink) -> float:
    """Seconds of the work in a call: the least of several, without what a call with nothing to do takes."""
    code = runtime(COMPUTE, "FibonacciUnchecked")
    took = {0: float("inf"), CALLED_LENGTH: float("inf")}
    for _ in range(REPETITIONS):
        for n in took:
            data = keccak256(b"run(uint256)")[:4] + n.to_bytes(32)
            call = {"to": CALLED, "data": f"0x{data.hex()}", "gas": hex(CALL_GAS)}
            began = time.perf_counter()
            target.rpc("eth_call", call, "latest", {CALLED: {"code": f"0x{code.hex()}"}})
            took[n] = min(took[n], time.perf_counter() - began)
    return took[CALLED_LENGTH] - took[0]


def _over(metric: str) -> Any:  # noqa: ANN401
    """Native time over that of C."""

    def compute_ratio(medians: Medians) -> float | None:
        ours, theirs = medians.get(NAME, FIBONACCI, NATIVE), medians.get(NAME, FIBONACCI, metric)
        return ours / theirs if ours is not None and theirs else None

    return compute_ratio


def _median_speed_up(medians: Medians) -> float | None:
    found = [value for name, _, _ in COMPUTING if (value := medians.get(NAME, name, SPEED_UP)) is not None]
    return statistics.median(found) if found else None


def _least_speed_up(medians: Medians) -> float | None:
    found = [value for name in STORING if (value := medians.get(NAME, name, SPEED_UP)) is not None]
    return min(found) if found else None


PROGRAMS = (
    compute(FIBONACCI, "FibonacciUnchecked", LOOP_LENGTH),
    compute("checked fibonacci", "FibonacciChecked", LOOP_LENGTH),
    *(compute(name, contract, n) for name, contract, n in COMPUTING),
    compute("keccak", "Hashing", 30_000),
    transfers(2_000),
    swaps(500),
    orders(600),
)

SCENARIO: Scenario[Any] = Scenario(
    NAME,
    "contracts as native code",
    (*(_subject(program) for program in PROGRAMS), OnAnvil, FirstCalls),
    measure,
    (
        Expectation(
            "Fibonacci, native over interpreted",
            20,
            "x",
            lambda m: m.get(NAME, FIBONACCI, SPEED_UP),
            at_least=True,
        ),
        Expectation("Fibonacci, native over C on 4 x 64 bits", 1.5, "x the time", _over(C_256)),
        Expectation("Fibonacci, native over C on 64 bits", 8, "x the time", _over(C_64)),
        Expectation("computing, median speed-up", 8, "x", _median_speed_up, at_least=True),
        Expectation("storing and hashing, least speed-up", 0.98, "x", _least_speed_up, at_least=True),
    ),
)
