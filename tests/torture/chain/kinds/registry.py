"""What a kind is: a function that makes transactions, step by step; each step's come in a block after the last's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.torture.chain.world import Sending, World

Steps = Iterator[list[Sending]]


@dataclass(frozen=True)
class Kind:
    """A kind of transaction."""

    name: str
    steps: Callable[[World], Steps]
    cards: int
    """How often it is in the deck that the script deals."""
    alone: str
    """No two kinds of one such group are under way at a time."""


KINDS: dict[str, Kind] = {}
SETUP: list[Kind] = []
"""What comes before everything else."""


def kind(name: str, *, cards: int = 2, alone: str = "") -> Callable[[Callable[[World], Steps]], None]:
    """Registers a generator function as a kind."""

    def register(steps: Callable[[World], Steps]) -> None:
        assert name not in KINDS, name
        KINDS[name] = Kind(name, steps, cards, alone)

    return register


def setup(name: str) -> Callable[[Callable[[World], Steps]], None]:
    """Registers what comes first."""

    def register(steps: Callable[[World], Steps]) -> None:
        SETUP.append(Kind(name, steps, 0, ""))

    return register
