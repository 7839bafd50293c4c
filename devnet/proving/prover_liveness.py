"""Whether one prover attests in time: which blocks it has attested to, and which lateness has been told."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from devnet.proving.attestation import Attestation

REMEMBERED: Final = 4_096
"""Of the blocks that a prover attested to; later ones push earlier ones out."""


class ProverLiveness:
    """Of one prover, which can know no block before `since`."""

    def __init__(self, since: int) -> None:
        self.name = ""
        self.newest = 0
        """The highest block that it has attested to."""
        self._since = since
        self._blocks: OrderedDict[int, None] = OrderedDict()
        self._late = False

    def attested(self, attestation: Attestation) -> None:
        """It has come."""
        self.name = attestation.name or self.name
        self.newest = max(self.newest, attestation.block)
        self._blocks[attestation.block] = None
        while len(self._blocks) > REMEMBERED:
            self._blocks.popitem(last=False)

    def newly_late(self, due: list[int]) -> int | None:
        """The first of the blocks now due that it has not attested to, if it was in time with those before.

        A prover that stays behind attests all the while, a little later each time: that is one lateness, and it
        ends with the first blocks that it is in time with.
        """
        late = next((number for number in due if number >= self._since and number not in self._blocks), None)
        told, self._late = self._late, late is not None
        return None if told else late
