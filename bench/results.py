"""What a run yields: measurements, and what is expected of them as ratios. Only data; `report` renders it.

A number may be a bound: a target that could have done more than the load generator shows at least what it did.
Medians and ratios keep that, and a promise that a bound can't settle is open: neither kept nor broken.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, Self

Side = Literal["exactly", "at least", "at most"]


class Bounded(float):
    """A number, and which side of it the truth lies on."""

    side: Side

    def __new__(cls, value: float, side: Side = "exactly") -> Self:
        """A float can't be told later."""
        one = super().__new__(cls, value)
        one.side = side
        return one


def side_of(value: float) -> Side:
    """Plain numbers are exact."""
    return value.side if isinstance(value, Bounded) else "exactly"


@dataclass(frozen=True)
class Measurement:
    """One number, measured once."""

    scenario: str
    target: str
    metric: str
    value: float
    unit: str
    side: Side = "exactly"


@dataclass(frozen=True)
class Expectation:
    """A promise about medians: `left / right` (or `left` alone) against a bound."""

    name: str
    bound: float
    unit: str
    compute: Callable[[Medians], float | None]
    at_least: bool = False

    def holds(self, value: float) -> bool | None:
        """Whether a value keeps the promise; None when it is a bound that doesn't tell."""
        kept = value >= self.bound if self.at_least else value <= self.bound
        good, bad = ("at least", "at most") if self.at_least else ("at most", "at least")
        side = side_of(value)
        return None if side == (bad if kept else good) else kept


@dataclass
class Medians:
    """The median over all rounds for each (scenario, target, metric)."""

    values: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    units: dict[tuple[str, str, str], str] = field(default_factory=dict)
    sides: dict[tuple[str, str, str], Side] = field(default_factory=dict)
    """Of those that are a bound in any round."""

    @classmethod
    def of(cls, measurements: Iterable[Measurement]) -> Medians:
        """Collects measurements of all rounds."""
        medians = cls()
        for one in measurements:
            key = (one.scenario, one.target, one.metric)
            medians.values.setdefault(key, []).append(one.value)
            medians.units[key] = one.unit
            if one.side != "exactly":
                medians.sides[key] = one.side
        return medians

    def get(self, scenario: str, target: str, metric: str) -> Bounded | None:
        """The median, if it was measured."""
        key = (scenario, target, metric)
        values = self.values.get(key)
        return Bounded(statistics.median(values), self.sides.get(key, "exactly")) if values else None

    def best(self, scenario: str, targets: Iterable[str], metric: str) -> Bounded | None:
        """The largest median among several targets: the strongest configuration of a peer."""
        found = [value for target in targets if (value := self.get(scenario, target, metric)) is not None]
        if not found:
            return None
        # Any of them that could be larger makes the largest uncertain.
        side: Side = "at least" if any(side_of(one) == "at least" for one in found) else side_of(max(found))
        return Bounded(max(found), side)


def ratio(left: float | None, right: float | None) -> Bounded | None:
    """left / right, if both were measured and their bounds don't point apart."""
    if left is None or not right:
        return None
    turned: dict[Side, Side] = {"exactly": "exactly", "at least": "at most", "at most": "at least"}
    sides = {side_of(left), turned[side_of(right)]} - {"exactly"}
    if len(sides) > 1:
        return None
    return Bounded(left / right, sides.pop() if sides else "exactly")
