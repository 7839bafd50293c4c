"""What provers, and the node's own validator, say of blocks, kept beside the log; it outlives the blocks that it speaks
of. Any thread.
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from devnet.storage import tables
from devnet.storage.database import Database


class BlockRef(NamedTuple):
    """A block by number and hash."""

    number: int
    hash: bytes


class Validated(NamedTuple):
    """What the node's own validator has checked: the blocks behind the anchor, up to the tip."""

    anchor: BlockRef
    tip: BlockRef


class Attestations(Database):
    """Provers' attestations, and how far the chain is verified and validated."""

    def attest(self, block: int, prover: bytes, attestation: bytes) -> None:
        """Keeps a prover's word on a block. Any thread."""
        self._put(tables.attestation_key(block) + prover, attestation)

    def attestations(self, first: int, last: int, most: int = 10_000) -> list[tuple[int, bytes]]:
        """(block, attestation) of the blocks from `first` to `last`, no more than `most` of them."""
        beyond = min(last, tables.U64_MAX - 1) + 1
        with self._iterator(tables.attestation_key(first), tables.attestation_key(beyond)) as rows:
            return [(tables.read_number(key[1:9]), value) for key, value in islice(rows, most)]

    @property
    def verified(self) -> int | None:
        """All blocks up to this one are verified; None when nothing was ever counted."""
        value = self._get(tables.META_VERIFIED)
        return tables.read_number(value) if value is not None else None

    @verified.setter
    def verified(self, block: int) -> None:
        self._put(tables.META_VERIFIED, tables.number(block))

    @property
    def validated(self) -> Validated | None:
        """What the node's own validator has checked; None when it never had one."""
        value = self._get(tables.META_VALIDATED)
        if value is None:
            return None
        number, hash_, tip, tip_hash = tables.read_validated(value)
        return Validated(BlockRef(number, hash_), BlockRef(tip, tip_hash))

    @validated.setter
    def validated(self, validated: Validated) -> None:
        self._put(tables.META_VALIDATED, tables.validated(*validated.anchor, *validated.tip))
