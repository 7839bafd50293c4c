"""A rollback of the chain, or a change of its leader, as it is signed and as it travels: an entry of the log beside
mini-blocks and blocks.

    number u64 | mini-blocks that stay u64 | blocks that stay u64 | leadership | signature (r, s, v) 65 bytes

They are numbered from 1. Every place in the log tells how many came before it, so that two mini-blocks of one number
from before and after a rollback are not taken for two words of the sequencer on one thing.

A rollback has no leadership, and is signed by the sequencer. A succession has one (`leadership.py`), and is signed by
the key that it names: what stays is all that the new leader has, and who has more gives that up.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from devnet._engine import keccak256
from devnet.proving.signatures import SIGNATURE_BYTES, signer_of
from devnet.sync.leadership import Leadership
from devnet.sync.log_offset import LogOffset

_FIELDS: Final = struct.Struct(">QQQ")
_NAME: Final = b"MegaETH devnet rollback"
_SUCCESSION: Final = b"MegaETH devnet succession"
RECORD_BYTES: Final = _FIELDS.size + SIGNATURE_BYTES

Sign = Callable[[bytes], bytes]
"""A digest in, the signature out."""


class InvalidRollback(ValueError):
    """It is none, or not by who may order it."""


@dataclass(frozen=True)
class ChainRollback:
    """One rollback, or one succession."""

    number: int
    minis: int
    """How many mini-blocks stay."""
    blocks: int
    """How many blocks stay, without genesis."""
    signature: bytes
    leadership: Leadership | None = None
    """Who leads from there on; None: who did before."""

    @classmethod
    def sign(
        cls,
        number: int,
        minis: int,
        blocks: int,
        genesis_hash: bytes,
        sign: Sign,
        leadership: Leadership | None = None,
    ) -> Self:
        """By the sequencer, or, with a leadership, by its key."""
        unsigned = cls(number, minis, blocks, b"", leadership)
        return cls(number, minis, blocks, sign(unsigned._digest(genesis_hash)), leadership)

    def encode(self) -> bytes:
        """For the disk and the wire."""
        return self._content() + self.signature

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises `InvalidRollback`."""
        if len(data) < RECORD_BYTES:
            raise InvalidRollback(f"a rollback's record has {RECORD_BYTES} bytes at least, not {len(data)}")
        number, minis, blocks = _FIELDS.unpack_from(data)
        leadership = None
        if len(data) > RECORD_BYTES:
            try:
                leadership = Leadership.decode(data[_FIELDS.size : -SIGNATURE_BYTES])
            except ValueError as error:
                raise InvalidRollback(str(error)) from None
        return cls(number, minis, blocks, data[-SIGNATURE_BYTES:], leadership)

    def signer(self, genesis_hash: bytes) -> bytes:
        """The address of who has signed it; raises `InvalidRollback`."""
        try:
            return signer_of(self._digest(genesis_hash), self.signature)
        except ValueError as error:
            raise InvalidRollback(str(error)) from None

    def cuts(self, place: LogOffset) -> bool:
        """Whether a log that ends there holds anything that goes."""
        return place.minis > self.minis or place.blocks > self.blocks

    def after(self, place: LogOffset) -> LogOffset:
        """Where a log stands that ended there."""
        if not self.cuts(place):
            return LogOffset(place.minis, place.blocks, self.number)
        minis = self.minis
        if self.leadership is not None and place.blocks > self.blocks:
            # The new leader may have all mini-blocks of a block that it has not: with one less the block is open.
            minis = max(0, minis - 1)
        return LogOffset(minis, self.blocks, self.number)

    def _content(self) -> bytes:
        fields = _FIELDS.pack(self.number, self.minis, self.blocks)
        return fields if self.leadership is None else fields + self.leadership.encode()

    def _digest(self, genesis_hash: bytes) -> bytes:
        name = _NAME if self.leadership is None else _SUCCESSION
        return keccak256(name + genesis_hash + self._content())
