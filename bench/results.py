"""What a run yields: measurements, and what is expected of them as ratios. Only data; `report` renders it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Measurement:
    """One number, measured once."""

    scenario: str
    target: str
    metric: str
    value: float
    unit: str


@dataclass(frozen=True)
class Expectation:
    """A promise about medians: `left / right` (or `left` alone) against a bound."""

    name: str
    bound: float
    unit: str
    compute: Callable[[Medians], float | None]
    at_least: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value keeps the promise."""
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass
class Medians:
    """The median over all rounds for each (scenario, target, metric)."""

    values: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    units: dict[tuple[str, str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, measurements: Iterable[Measurement]) -> Medians:
        """Collects measurements of all rounds."""
        medians = cls()
        for one in measurements:
            key = (one.scenario, one.target, one.metric)
            medians.values.setdefault(key, []).append(one.value)
            medians.units[key] = one.unit
        return medians

    def get(self, scenario: str, target: str, metric: str) -> float | None:
        """The median, if it was measured."""
        values = self.values.get((scenario, target, metric))
        return statistics.median(values) if values else None

    def best(self, scenario: str, targets: Iterable[str], metric: str) -> float | None:
        """The largest median among several targets: the strongest configuration of a peer."""
        found = [value for target in targets if (value := self.get(scenario, target, metric)) is not None]
        return max(found, default=None)


def ratio(left: float | None, right: float | None) -> float | None:
    """left / right, if both were measured."""
    return left / right if left is not None and right else None
