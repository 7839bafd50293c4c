"""A prover's signed word on a block: EIP-712 typed data, so that any Ethereum tool can check the signature.

    EIP712Domain(string name,string version,uint256 chainId)     name "MegaETH devnet prover", version "1"
    Attestation(uint64 block,bytes32 blockHash,bytes32 parentStateRoot,bytes32 stateRoot,bytes32 diffDigest)

On a chain that was rolled back a field says how often, `uint64 rollbacks` at the end: a prover that then attests to
another block of the same number has not contradicted itself.

On the wire it is JSON with hex strings, with the authority's voucher for the prover (`provers.py`) beside the
signature. Whether enough provers agree is `quorum.py`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import orjson

from devnet._engine import address_of, keccak256, sign_hash
from devnet.proving.claim import Claim, read_hex
from devnet.proving.provers import is_vouched
from devnet.proving.signatures import SIGNATURE_BYTES, signer_of

NAME: Final = "MegaETH devnet prover"
VERSION: Final = "1"
DOMAIN_FIELDS: Final = (("name", "string"), ("version", "string"), ("chainId", "uint256"))
FIELDS: Final = (
    ("block", "uint64"),
    ("blockHash", "bytes32"),
    ("parentStateRoot", "bytes32"),
    ("stateRoot", "bytes32"),
    ("diffDigest", "bytes32"),
)
ROLLBACKS: Final = ("rollbacks", "uint64")
MAX_BYTES: Final = 2_048
MAX_NAME: Final = 63
U64_MAX: Final = 2**64 - 1


class InvalidAttestationError(ValueError):
    """It is none, or not by a prover of this devnet."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """One prover's word on one block, its signature known to be good."""

    block: int
    claim: Claim
    prover: bytes
    """The signer's address."""
    signature: bytes
    voucher: bytes
    since: int = 0
    """The first block that this prover has looked at; a hint, not signed."""
    name: str = ""
    """What the devnet calls the prover; a hint, not signed."""
    rollbacks: int = 0
    """How often the chain had been rolled back when it had that block."""

    @classmethod
    def sign(
        cls,
        key: bytes,
        voucher: bytes,
        chain_id: int,
        block: int,
        claim: Claim,
        since: int = 0,
        name: str = "",
        rollbacks: int = 0,
    ) -> Self:
        """Attest."""
        signature = sign_hash(key, signing_hash(chain_id, block, claim, rollbacks))
        return cls(block, claim, address_of(key), signature, voucher, since, name, rollbacks)

    def encode(self) -> bytes:
        """For the wire and the disk."""
        return orjson.dumps(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """As an object."""
        return {
            "block": hex(self.block),
            **self.claim.to_json(),
            "prover": "0x" + self.prover.hex(),
            "signature": "0x" + self.signature.hex(),
            "voucher": "0x" + self.voucher.hex(),
            "since": hex(self.since),
            "name": self.name,
            **({"rollbacks": hex(self.rollbacks)} if self.rollbacks else {}),
        }

    @classmethod
    def decode(cls, data: bytes, chain_id: int, authority: bytes) -> Self:
        """Read and check, whether it is a prover's too; raises InvalidAttestationError."""
        found = cls.signed(data, chain_id)
        if not is_vouched(authority, chain_id, found.prover, found.voucher):
            raise InvalidAttestationError(f"0x{found.prover.hex()} is no prover of this devnet")
        if found.encode() != data:
            # The network passes on what it has not seen: one word must be one message.
            raise InvalidAttestationError("it is not written in the one way that attestations are")
        return found

    @classmethod
    def signed(cls, data: bytes, chain_id: int) -> Self:
        """Read and check the signature, whoever has signed; raises InvalidAttestationError."""
        if len(data) > MAX_BYTES:
            raise InvalidAttestationError(f"{len(data)} bytes are too many")
        try:
            fields = orjson.loads(data)
            block, since = int(fields["block"], 16), int(fields.get("since", "0x0"), 16)
            rollbacks = int(fields.get("rollbacks", "0x0"), 16)
            if not 0 <= since <= block <= U64_MAX:
                raise InvalidAttestationError(f"no block number: {block}")
            if not 0 <= rollbacks <= U64_MAX:
                raise InvalidAttestationError(f"no number of rollbacks: {rollbacks}")
            name = str(fields.get("name", ""))[:MAX_NAME]
            claim = Claim.from_json(fields)
            signature = read_hex(fields["signature"], SIGNATURE_BYTES)
            voucher = read_hex(fields["voucher"], SIGNATURE_BYTES)
            prover = read_hex(fields["prover"], 20)
            signer = signer_of(signing_hash(chain_id, block, claim, rollbacks), signature)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidAttestationError(str(error)) from None
        if signer != prover:
            raise InvalidAttestationError("somebody else has signed it")
        return cls(block, claim, prover, signature, voucher, since, name, rollbacks)


def signing_hash(chain_id: int, block: int, claim: Claim, rollbacks: int = 0) -> bytes:
    """The digest that a prover signs (EIP-712)."""
    body = keccak256(
        _type_hash("Attestation", _fields(rollbacks))
        + _word(block)
        + claim.block_hash
        + claim.parent_state_root
        + claim.state_root
        + claim.diff_digest
        + (_word(rollbacks) if rollbacks else b"")
    )
    domain = keccak256(
        _type_hash("EIP712Domain", DOMAIN_FIELDS)
        + keccak256(NAME.encode())
        + keccak256(VERSION.encode())
        + _word(chain_id)
    )
    return keccak256(b"\x19\x01" + domain + body)


def typed_data(chain_id: int, block: int, claim: Claim, rollbacks: int = 0) -> dict[str, Any]:
    """The same as a document that wallets understand (`eth_signTypedData_v4`)."""
    return {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in DOMAIN_FIELDS],
            "Attestation": [{"name": name, "type": kind} for name, kind in _fields(rollbacks)],
        },
        "primaryType": "Attestation",
        "domain": {"name": NAME, "version": VERSION, "chainId": chain_id},
        "message": {
            "block": block,
            **claim.to_json(),
            **({"rollbacks": rollbacks} if rollbacks else {}),
        },
    }


def _fields(rollbacks: int) -> tuple[tuple[str, str], ...]:
    return (*FIELDS, ROLLBACKS) if rollbacks else FIELDS


def _type_hash(name: str, fields: tuple[tuple[str, str], ...]) -> bytes:
    return keccak256(f"{name}({','.join(f'{kind} {field}' for field, kind in fields)})".encode())


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
