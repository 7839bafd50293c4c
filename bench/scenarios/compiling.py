"""What compiling to native code takes, by the size of the contract: processor time of the compiler, and the object.

Small contracts are compiled whole; of the others it is what is executed when people use them, as a node does it at
first. Some have a function that computes, which shows what a large contract has of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, ClassVar

from bench.programs import SPEC, WrongResult
from bench.results import Expectation
from bench.scenarios.scenario import InProcess, Scale, Scenario
from bench.sized import SIZES, Sized
from devnet._engine import keccak256, native_rules, run_code
from devnet.jit.child import Child, Died, Limits, Refused
from devnet.jit.policy import Policy
from devnet.jit.selection import Wanted
from megaeth_cli.load.wire import LoadError

NAME = "compiling"
REPETITIONS = 2
"""The first contract of a worker pays for LLVM's start too; the least counts."""
COMPILED, SIZE, SPEED_UP = "compiled in", "size", "speed-up of the function that computes"
PAIR_KIB, LARGEST_KIB = 10, 100
COMPUTED = 2_000
RUNS = 5


class Subject(InProcess):
    """One contract."""

    sized: ClassVar[Sized]


def measure(subject: Subject, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """In a worker, as a node would."""
    code = subject.sized.runtime()
    policy = Policy("on")
    child = Child(Limits(niceness=0))
    try:
        wanted = Wanted(whole=True)
        if not policy.whole(len(code)):
            wanted = Wanted(whole=False, counts=subject.sized.used(code), most=policy.most(0))
        made = [child.compile(code, native_rules(SPEC), wanted=wanted) for _ in range(REPETITIONS)]
    except (WrongResult, Refused, Died) as error:
        raise LoadError(f"{subject.name}: {error}") from error
    finally:
        child.close()
    yield "bytecode", len(code), "B"
    yield "of that native", made[0].facts["compiled"], "B"
    yield COMPILED, 1e3 * min(one.seconds for one in made), "ms"
    yield SIZE, made[0].size, "B"
    yield "size / native bytecode", made[0].size / made[0].facts["compiled"], "x"
    if subject.sized.computes:
        yield SPEED_UP, _speed_up(subject.sized.computing(code, COMPUTED), code, made[0].body), "x"


def _speed_up(request: dict[str, Any], code: bytes, object: bytes) -> float:
    ways = {"interpreted": {}, "native": {f"0x{keccak256(code).hex()}": f"0x{object.hex()}"}}
    best: dict[str, float] = {}
    outputs = set()
    for _ in range(RUNS):
        for way, native in ways.items():
            asked = json.dumps(request | {"native": native}).encode()
            began = time.process_time()
            report = json.loads(run_code(asked))
            best[way] = min(best.get(way, float("inf")), time.process_time() - began)
            outputs.add((report["status"], report["output"], report["gasUsed"]))
    if len(outputs) != 1:
        raise LoadError(f"differs natively: {outputs}")
    return best["interpreted"] / best["native"]


def _subject(sized: Sized) -> type[Subject]:
    return type("Subject", (Subject,), {"name": sized.name, "sized": sized})


_SUBJECTS = {one.kib: _subject(one) for one in SIZES}


def _in_time(kib: int) -> Expectation:
    return Expectation(
        f"compiling what is used of {kib} KiB",
        2_000,
        "ms",
        lambda m: m.get(NAME, _SUBJECTS[kib].name, COMPILED),
    )


SCENARIO: Scenario[Subject] = Scenario(
    NAME,
    "the compiler on contracts of several sizes",
    tuple(_SUBJECTS.values()),
    measure,
    tuple(_in_time(kib) for kib in (PAIR_KIB, LARGEST_KIB)),
)
