"""What a scenario is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.results import Expectation
from bench.targets import Target


@dataclass(frozen=True)
class Scale:
    """How long a run may take: 1 is a full run, less is quicker and less exact."""

    factor: float

    def of(self, full: float, least: float = 1) -> int:
        """A number of repetitions."""
        return max(int(least), round(full * self.factor))


@dataclass(frozen=True)
class Scenario:
    """A thing to measure, on which targets, and what is promised about it."""

    name: str
    about: str
    targets: tuple[type[Target], ...]
    measure: Callable[[Target, Scale], Iterator[tuple[str, float, str]]]
    """Yields (metric, value, unit)."""
    expectations: tuple[Expectation, ...] = ()
