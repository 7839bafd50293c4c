"""Provers, claims and attestations for tests."""

from devnet._engine import keccak256
from devnet.proving.attestation import Attestation
from devnet.proving.claim import Claim
from devnet.proving.provers import address_of, authority_key, prover_key, vouch

CHAIN_ID = 6343
SECRET = bytes(range(32))
AUTHORITY_KEY = authority_key(SECRET)
AUTHORITY = address_of(AUTHORITY_KEY)


def key(name="prover-1"):
    return prover_key(SECRET, name)


def address(name="prover-1"):
    return address_of(key(name))


def voucher(name="prover-1"):
    return vouch(AUTHORITY_KEY, CHAIN_ID, address(name))


def claim(block, **changes):
    """What an honest block of that number claims."""
    parts = {
        field: changes.get(field, keccak256(f"{field} {block}".encode()))
        for field in ("block_hash", "parent_state_root", "state_root", "diff_digest")
    }
    return Claim(**parts)


def attest(block, name="prover-1", since=0, rollbacks=0, **changes):
    """A prover's word on a block."""
    said = claim(block, **changes)
    return Attestation.sign(key(name), voucher(name), CHAIN_ID, block, said, since, name, rollbacks)
