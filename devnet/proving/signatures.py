"""Who has signed: of the many ways to write one signature down, only that in which we write it counts.

A second form that is valid too, and that anybody can make of the first, would travel the network as news, and evidence
would seem to be of two words where there was one. The engine refuses an `s` in the upper half (EIP-2); `v` has as many
forms as there are customs.
"""

from __future__ import annotations

from typing import Final

from devnet._engine import recover

SIGNATURE_BYTES: Final = 65


def signer_of(digest: bytes, signature: bytes) -> bytes:
    """The address that has signed a digest with r, s and v (0 or 1); raises ValueError."""
    if len(signature) != SIGNATURE_BYTES:
        raise ValueError(f"a signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
    if signature[64] not in (0, 1):
        raise ValueError(f"its v is {signature[64]}, not 0 or 1")
    return recover(digest, signature)
