"""Reads asked by several processes at once: one thread of the generator is slower than the node on some methods.

On two cores a second process takes what the node leaves of its core, so that the machine is the limit, as it is for a
peer that answers on all cores.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError
from types import TracebackType
from typing import Final, Self

from bench.load import endpoint
from bench.targets import LogSink
from megaeth_cli.load.outcome import Outcome
from megaeth_cli.load.run import Shape, ask
from megaeth_cli.load.wire import Endpoint, LoadError

PROCESSES: Final = 2
TOGETHER_TIMEOUT_S: Final = 30.0
_barriers: list[Barrier] = []
"""In a child: what its work waits at."""


class Askers:
    """Processes that ask at the same time. A context manager."""

    def __init__(self, processes: int = PROCESSES) -> None:
        self._processes = processes
        # Not forks: the engine's threads would not come along.
        spawn = multiprocessing.get_context("spawn")
        barrier = spawn.Barrier(processes, timeout=TOGETHER_TIMEOUT_S)
        self._pool = ProcessPoolExecutor(processes, mp_context=spawn, initializer=_begin, initargs=(barrier,))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def ask(self, target: LogSink, bodies: Sequence[bytes], shape: Shape) -> Outcome:
        """What they did together; each has its part of the connections."""
        part = replace(shape, connections=shape.connections // self._processes)
        jobs = [
            self._pool.submit(_asked, endpoint(target), list(bodies), part) for _ in range(self._processes)
        ]
        try:
            return together([job.result() for job in jobs])
        except (BrokenProcessPool, BrokenBarrierError):
            raise LoadError("a process of the generator died") from None


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome of several at the same time. The generator is the limit only where each of them was."""
    first = outcomes[0]
    generators = [one.generator for one in outcomes]
    errors: dict[str, int] = {}
    for one in outcomes:
        for kind, times in one.errors.items():
            errors[kind] = errors.get(kind, 0) + times
    return replace(
        first,
        calls=sum(one.calls for one in outcomes),
        refused=sum(one.refused for one in outcomes),
        seconds=max(one.seconds for one in outcomes),
        acknowledged=None,
        generator=replace(
            first.generator,
            cpu_share=min(one.cpu_share for one in generators),
            late_ms=max(one.late_ms for one in generators),
            starved=min(one.starved for one in generators),
        ),
        idle_share=min(one.idle_share for one in outcomes),
        errors=errors,
    )


def _begin(barrier: Barrier) -> None:
    _barriers.append(barrier)


def _asked(where: Endpoint, bodies: list[bytes], shape: Shape) -> Outcome:
    """In a child: as soon as all others are ready too."""
    _barriers[0].wait()
    return ask(where, bodies, shape)
