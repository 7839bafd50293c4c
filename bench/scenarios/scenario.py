"""What a scenario is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from bench.results import Expectation


class Subject(AbstractContextManager[Any], Protocol):
    """What is measured: made anew for every scenario and round, ready when entered."""

    name: ClassVar[str]


class InProcess:
    """A subject with nothing to start and nothing to stop."""

    name: ClassVar[str]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


S = TypeVar("S", bound=Subject)


@dataclass(frozen=True)
class Scale:
    """How long a run may take: 1 is a full run, less is quicker and less exact."""

    factor: float

    def of(self, full: float, least: float = 1) -> int:
        """A number of repetitions."""
        return max(int(least), round(full * self.factor))


@dataclass(frozen=True)
class Scenario(Generic[S]):
    """A thing to measure, on which targets, and what is promised about it."""

    name: str
    about: str
    targets: tuple[type[S], ...]
    measure: Callable[[S, Scale], Iterator[tuple[str, float, str]]]
    """Yields (metric, value, unit)."""
    expectations: tuple[Expectation, ...] = ()
