"""The seed's script: which transactions go out in which round. One round is one block, or a little more.

Kinds lie in a deck, each as often as it has cards. It is shuffled and dealt, some cards to a round, and shuffled again
when it is empty, so that every kind comes early and comes again. A kind whose group is under way goes back under the
deck. Some rounds stay empty on purpose.
"""

import hashlib
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Final

from tests.torture.chain.kinds import KINDS, SETUP, Kind
from tests.torture.chain.kinds.registry import Steps
from tests.torture.chain.world import Sending, World

EMPTY: Final = 0.12
"""The share of rounds without a transaction."""
CARDS: Final = (1, 2, 3, 4, 5)
"""As many kinds begin in a round."""
LAST_ROUNDS: Final = 12
"""No kind begins in these: what is under way comes to its end."""


class Script:
    """Iterate over `rounds`; `digest` says what was in them so far."""

    def __init__(self, seed: int, rounds: int, without: frozenset[str] = frozenset()) -> None:
        self._world = World(seed)
        self._chance = Random(seed + 1)
        self._rounds = rounds
        self._kinds = [kind for kind in KINDS.values() if kind.name not in without]
        self._deck: deque[Kind] = deque()
        self._under_way: list[tuple[Kind, Steps]] = []
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Equal when two runs have sent the same."""
        return self._hash.hexdigest()[:16]

    @staticmethod
    def names() -> list[str]:
        """Every kind there is, what comes first included."""
        return [kind.name for kind in (*SETUP, *KINDS.values())]

    def setup(self) -> Iterator[list[Sending]]:
        """What must be in before the first round."""
        for kind in SETUP:
            for step in kind.steps(self._world):
                yield self._noted(kind, step)

    def rounds(self) -> Iterator[list[Sending]]:
        """Each round's transactions, in the order in which they are sent."""
        for number in range(self._rounds):
            yield [] if self._chance.random() < EMPTY else self._round(last=self._rounds - number)

    def _round(self, last: int) -> list[Sending]:
        if last > LAST_ROUNDS:
            for _ in range(self._chance.choice(CARDS)):
                self._begin()
        sent: list[Sending] = []
        still = []
        for kind, steps in self._under_way:
            step = next(steps, None)
            if step is not None:
                sent += self._noted(kind, step)
                still.append((kind, steps))
        self._under_way = still
        return sent

    def _begin(self) -> None:
        if not self._deck:
            cards = [kind for kind in self._kinds for _ in range(kind.cards)]
            self._chance.shuffle(cards)
            self._deck.extend(cards)
        kind = self._deck.popleft()
        if kind.alone and any(other.alone == kind.alone for other, _ in self._under_way):
            self._deck.append(kind)
        else:
            self._under_way.append((kind, kind.steps(self._world)))

    def _noted(self, kind: Kind, step: list[Sending]) -> list[Sending]:
        for sending in step:
            self._hash.update((sending.raw or json.dumps(sending.deposit)).encode())
        return [replace(sending, kind=kind.name) for sending in step]
