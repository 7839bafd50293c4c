"""A snapshot that stands still while a peer reads it, though the store goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from devnet.storage import tables
from devnet.storage.database import Tip
from devnet.storage.errors import Corrupted

FROZEN_BLOCKS: Final = 256
"""BLOCKHASH reaches so far."""


class FrozenState:
    """The snapshot at one moment, with the newest blocks up to it, as rows of this format's tables, in order.

    May be read by one thread at a time, while the store goes on.
    """

    def __init__(
        self,
        directory: Path,
        view: Any,  # noqa: ANN401 plyvel has no types
        noticing_damage: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._directory = directory
        self._view = view
        self._noticing_damage = noticing_damage
        marker = view.get(tables.META_SNAPSHOT)
        self.marker: Tip | None = Tip(*tables.read_pair(marker)) if marker else None
        count = view.get(tables.META_ROLLBACKS)
        self.rollbacks = tables.read_number(count) if count else 0
        """How often the chain was rolled back before."""

    @property
    def block_record(self) -> bytes:
        """The record of the block that the snapshot stands at."""
        assert self.marker is not None
        value = self._view.get(tables.block_key(self.marker.block))
        if value is None:
            raise Corrupted(
                self._directory, f"block {self.marker.block}, where the snapshot stands, is missing"
            )
        record: bytes = value[8:]
        return record

    def rows(self, start: bytes = b"", stop: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """(key, value) from `start` up to but not including `stop`: records of blocks, codes, state, and how many
        transactions there were up to those blocks."""
        assert self.marker is not None
        last = self.marker.block
        first = max(1, last - FROZEN_BLOCKS + 1)
        for begin, end in (
            *(
                (tables.block_key(first), tables.block_key(last + 1)),
                (tables.CODE, tables.after(tables.CODE)),
            ),
            (tables.STATE, tables.after(tables.STATE)),
            (tables.tx_total_key(first - 1), tables.tx_total_key(last + 1)),
        ):
            begin = max(begin, start)
            end = end if stop is None else min(end, stop)
            if begin < end:
                options = {"start": begin, "stop": end, "verify_checksums": True, "fill_cache": False}
                with self._noticing_damage(), self._view.iterator(**options) as found:
                    yield from found

    def close(self) -> None:
        """LevelDB may forget that moment."""
        self._view.close()
