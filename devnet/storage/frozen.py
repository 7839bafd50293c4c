"""A snapshot that stands still while a peer reads it, though the store goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from devnet.storage import tables
from devnet.storage.frozen_view import FROZEN_BLOCKS, FrozenView


class FrozenState(FrozenView):
    """The snapshot at one moment, with the newest blocks up to it, as rows of this format's tables, in order."""

    def __init__(
        self,
        directory: Path,
        view: Any,  # noqa: ANN401 plyvel has no types
        noticing_damage: Callable[[], AbstractContextManager[None]],
    ) -> None:
        super().__init__(directory, view, noticing_damage)
        self.marker = self._tip(tables.META_SNAPSHOT)
        self._has_leaders = any(
            len(record) > tables.ROLLBACK_BYTES
            for _, record in self._range(tables.ROLLBACK, tables.after(tables.ROLLBACK))
        )

    @property
    def block_record(self) -> bytes:
        """The record of the block that the snapshot stands at."""
        assert self.marker is not None
        number = self.marker.block
        return self._must(tables.block_key(number), f"block {number}, where the snapshot stands,")[8:]

    def rows(self, start: bytes = b"", stop: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """(key, value) from `start` up to but not including `stop`: records of blocks, codes, state, and how many
        transactions there were up to those blocks. Where the chain has standbys, also the records that tell who led
        it."""
        assert self.marker is not None
        last = self.marker.block
        first = max(1, last - FROZEN_BLOCKS + 1)
        leaders = (tables.ROLLBACK, tables.after(tables.ROLLBACK))
        for begin, end in (
            *([leaders] if self._has_leaders else []),
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
                yield from self._range(begin, end)
