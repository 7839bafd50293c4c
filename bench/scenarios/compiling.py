"""What compiling to native code takes, by the size of the contract: processor time of the compiler, and the object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from bench.programs import SPEC
from bench.results import Expectation
from bench.scenarios.scenario import InProcess, Scale, Scenario
from bench.sized import SIZES, Sized
from devnet._engine import native_rules
from devnet.jit.child import Child, Died, Limits, Refused
from megaeth_cli.load.wire import LoadError

NAME = "compiling"
REPETITIONS = 2
"""The first contract of a worker pays for LLVM's start too; the least counts."""
COMPILED, SIZE = "compiled in", "size"
PAIR_KIB = 10


class Subject(InProcess):
    """One contract."""

    sized: ClassVar[Sized]


def measure(subject: Subject, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """In a worker, as a node would."""
    code = subject.sized.runtime()
    child = Child(Limits(niceness=0))
    try:
        made = [child.compile(code, native_rules(SPEC)) for _ in range(REPETITIONS)]
    except Refused:
        # An answer too: such a contract is interpreted for good.
        yield "bytecode", len(code), "B"
        yield "refused", 1, "contract"
        return
    except Died as error:
        raise LoadError(f"{subject.name}: {error}") from error
    finally:
        child.close()
    yield "bytecode", len(code), "B"
    yield COMPILED, 1e3 * min(one.seconds for one in made), "ms"
    yield SIZE, made[0].size, "B"
    yield "size / bytecode", made[0].size / len(code), "x"


def _subject(sized: Sized) -> type[Subject]:
    return type("Subject", (Subject,), {"name": sized.name, "sized": sized})


_SUBJECTS = {one.kib: _subject(one) for one in SIZES}

SCENARIO: Scenario[Subject] = Scenario(
    NAME,
    "the compiler on contracts of several sizes",
    tuple(_SUBJECTS.values()),
    measure,
    (
        Expectation(
            f"compiling a pair of {PAIR_KIB} KiB",
            2_000,
            "ms",
            lambda m: m.get(NAME, _SUBJECTS[PAIR_KIB].name, COMPILED),
        ),
    ),
)
