"""Who may lead this devnet's chain: a key for each candidate from the devnet's secret, and the authority's word for it.

As with provers (`proving/provers.py`), nodes know the authority's address only: a leader shows its voucher with what it
signs. The voucher is for a name and an address, so that one candidate can't lead under another's name.
"""

from __future__ import annotations

from typing import Final

from devnet._engine import keccak256, sign_hash
from devnet.proving.signatures import signer_of

_VOUCHER: Final = b"megaeth devnet leader"
_LEADER: Final = b"leader "


def leader_key(secret: bytes, name: str) -> bytes:
    """The key that the candidate of that name leads with; 32 bytes."""
    return keccak256(secret + _LEADER + name.encode())


def vouch(authority: bytes, chain_id: int, name: str, address: bytes) -> bytes:
    """Say, with the authority's key, that the node of that name may lead this chain with that address; 65 bytes."""
    return sign_hash(authority, _digest(chain_id, name, address))


def is_vouched(authority: bytes, chain_id: int, name: str, address: bytes, voucher: bytes) -> bool:
    """Whether the authority (an address) has said so."""
    try:
        return signer_of(_digest(chain_id, name, address), voucher) == authority
    except ValueError:
        return False


def _digest(chain_id: int, name: str, address: bytes) -> bytes:
    # Only the name has no fixed length, and it comes last: two different sayings are never the same bytes.
    return keccak256(_VOUCHER + chain_id.to_bytes(32, "big") + address + name.encode())
