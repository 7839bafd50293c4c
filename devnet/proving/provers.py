"""Who is a prover of this devnet: keys that come from the devnet's secret, and the authority's word for each.

Nodes know the authority's address only. A prover shows its voucher with whatever it signs, so that one that is added
later needs nobody's configuration to change.
"""

from __future__ import annotations

from devnet._engine import address_of, keccak256, sign_hash
from devnet.proving.signatures import signer_of

_VOUCHER = b"megaeth devnet prover"
_AUTHORITY = b"authority"
_PROVER = b"prover "


def authority_key(secret: bytes) -> bytes:
    """The key that vouches."""
    return keccak256(secret + _AUTHORITY)


def prover_key(secret: bytes, name: str) -> bytes:
    """The key of the prover of that name."""
    return keccak256(secret + _PROVER + name.encode())


def vouch(authority: bytes, chain_id: int, prover: bytes) -> bytes:
    """Say that an address is a prover of this chain; 65 bytes."""
    return sign_hash(authority, _digest(chain_id, prover))


def is_vouched(authority: bytes, chain_id: int, prover: bytes, voucher: bytes) -> bool:
    """Whether the authority (an address) has said so."""
    return voucher_of(chain_id, prover, voucher) == authority


def voucher_of(chain_id: int, prover: bytes, voucher: bytes) -> bytes | None:
    """The address that has vouched for the prover; None if that is no signature."""
    try:
        return signer_of(_digest(chain_id, prover), voucher)
    except ValueError:
        return None


def _digest(chain_id: int, prover: bytes) -> bytes:
    return keccak256(_VOUCHER + chain_id.to_bytes(32, "big") + prover)


__all__ = ["address_of", "authority_key", "is_vouched", "prover_key", "vouch", "voucher_of"]
