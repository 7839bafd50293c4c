"""LevelDB at one moment: it stands still while the store goes on, and may be read by one thread at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from devnet.storage import tables
from devnet.storage.database import Tip
from devnet.storage.errors import Corrupted
from devnet.storage.rows import Row

FROZEN_BLOCKS: Final = 256
"""BLOCKHASH reaches so far."""


class FrozenView:
    """What all that is read of such a moment shares."""

    def __init__(
        self,
        directory: Path,
        view: Any,  # noqa: ANN401 plyvel has no types
        noticing_damage: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._directory = directory
        self._view = view
        self._noticing_damage = noticing_damage
        count = view.get(tables.META_ROLLBACKS)
        self.rollbacks = tables.read_number(count) if count else 0
        """How often the chain was rolled back before."""

    def _tip(self, key: bytes) -> Tip | None:
        value = self._view.get(key)
        return Tip(*tables.read_pair(value)) if value else None

    def _must(self, key: bytes, what: str) -> bytes:
        """Raises `Corrupted` where it is not there."""
        with self._noticing_damage():
            value: bytes | None = self._view.get(key, verify_checksums=True)
        if value is None:
            raise Corrupted(self._directory, f"{what} is missing")
        return value

    def _range(self, start: bytes, stop: bytes) -> Iterator[Row]:
        options = {"start": start, "stop": stop, "verify_checksums": True, "fill_cache": False}
        with self._noticing_damage(), self._view.iterator(**options) as found:
            yield from found

    def close(self) -> None:
        """LevelDB may forget that moment."""
        self._view.close()
