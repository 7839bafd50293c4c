"""A rollback of the chain, as the sequencer signs it and as it travels: an entry of the log beside mini-blocks and
blocks.

    number u64 | mini-blocks that stay u64 | blocks that stay u64 | signature (r, s, v) 65 bytes

They are numbered from 1. Every place in the log tells how many came before it, so that two mini-blocks of one number
from before and after a rollback are not taken for two words of the sequencer on one thing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from devnet._engine import keccak256
from devnet.proving.signatures import SIGNATURE_BYTES, signer_of
from devnet.sync.log_offset import LogOffset

_FIELDS: Final = struct.Struct(">QQQ")
_NAME: Final = b"MegaETH devnet rollback"
RECORD_BYTES: Final = _FIELDS.size + SIGNATURE_BYTES


class InvalidRollback(ValueError):
    """It is none, or not by the sequencer."""


@dataclass(frozen=True)
class ChainRollback:
    """One rollback."""

    number: int
    minis: int
    """How many mini-blocks stay."""
    blocks: int
    """How many blocks stay, without genesis."""
    signature: bytes

    @classmethod
    def sign(
        cls, number: int, minis: int, blocks: int, genesis_hash: bytes, sign: Callable[[bytes], bytes]
    ) -> Self:
        """By the sequencer."""
        return cls(number, minis, blocks, sign(_digest(genesis_hash, number, minis, blocks)))

    def encode(self) -> bytes:
        """For the disk and the wire."""
        return _FIELDS.pack(self.number, self.minis, self.blocks) + self.signature

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises `InvalidRollback`."""
        if len(data) != RECORD_BYTES:
            raise InvalidRollback(f"a rollback's record has {RECORD_BYTES} bytes, not {len(data)}")
        number, minis, blocks = _FIELDS.unpack_from(data)
        return cls(number, minis, blocks, data[_FIELDS.size :])

    def signer(self, genesis_hash: bytes) -> bytes:
        """The address of who has signed it; raises `InvalidRollback`."""
        try:
            return signer_of(_digest(genesis_hash, self.number, self.minis, self.blocks), self.signature)
        except ValueError as error:
            raise InvalidRollback(str(error)) from None

    def cuts(self, place: LogOffset) -> bool:
        """Whether a log that ends there holds anything that goes."""
        return place.minis > self.minis or place.blocks > self.blocks

    def after(self, place: LogOffset) -> LogOffset:
        """Where a log stands that ended there."""
        minis, blocks = (self.minis, self.blocks) if self.cuts(place) else (place.minis, place.blocks)
        return LogOffset(minis, blocks, self.number)


def _digest(genesis_hash: bytes, number: int, minis: int, blocks: int) -> bytes:
    return keccak256(_NAME + genesis_hash + _FIELDS.pack(number, minis, blocks))
