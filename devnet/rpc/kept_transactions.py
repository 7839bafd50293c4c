"""Raw transactions that were passed on to the leader and may be lost with it: the newest are kept, to be sent again."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MOST: Final = 10_000
MOST_BYTES: Final = 32 * 1024 * 1024
"""Of hexadecimal text."""


class KeptTransactions:
    """The newest, by hash, in the order in which they came. On the event loop."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._raw: OrderedDict[str, str] = OrderedDict()
        self._bytes = 0

    def keep(self, tx_hash: str, raw: str) -> None:
        """One that is on its way. The oldest go to make room."""
        if tx_hash in self._raw:
            return
        self._raw[tx_hash] = raw
        self._bytes += len(raw)
        while len(self._raw) > self._most or self._bytes > self._most_bytes:
            self.drop(next(iter(self._raw)))

    def drop(self, tx_hash: str) -> None:
        """It is in the chain, or will never be."""
        self._bytes -= len(self._raw.pop(tx_hash, ""))

    def all(self) -> list[tuple[str, str]]:
        """Hash and text of each, as it is now."""
        return list(self._raw.items())
