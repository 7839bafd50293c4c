"""What a block claims to have done to the state, in four hashes. Nodes know it from the block, provers from replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Claim:
    """One block's effect."""

    block_hash: bytes
    parent_state_root: bytes
    state_root: bytes
    diff_digest: bytes
    """Hash of the block's state diff: what differs from the parent's state, in order of the keys, new values only."""

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """From 128 bytes, as the engine gives them (`Engine.block_claim`)."""
        if len(data) != 4 * HASH_BYTES:
            raise ValueError(f"a claim is {4 * HASH_BYTES} bytes, not {len(data)}")
        return cls(*(data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)))

    def pack(self) -> bytes:
        """The opposite of `unpack`."""
        return self.block_hash + self.parent_state_root + self.state_root + self.diff_digest

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """From an object with hex strings."""
        return cls(*(read_hex(fields[name], HASH_BYTES) for name in NAMES))

    def to_json(self) -> dict[str, str]:
        """An object with hex strings."""
        return {
            name: "0x" + value.hex()
            for name, value in zip(
                NAMES,
                (self.block_hash, self.parent_state_root, self.state_root, self.diff_digest),
                strict=True,
            )
        }

    def differences(self, other: Claim) -> list[str]:
        """The names of the hashes that differ."""
        mine, its = self.to_json(), other.to_json()
        return [name for name in NAMES if mine[name] != its[name]]


NAMES = ("blockHash", "parentStateRoot", "stateRoot", "diffDigest")


def read_hex(text: object, length: int) -> bytes:
    """Exactly so many bytes from `0x...`; ValueError for anything else."""
    if not isinstance(text, str) or not text.startswith("0x"):
        raise ValueError(f"not a hex string: {text!r}")
    data = bytes.fromhex(text[2:])
    if len(data) != length:
        raise ValueError(f"{length} bytes are needed, not {len(data)}")
    return data
