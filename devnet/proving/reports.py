"""A prover's word that a block is wrong: which check failed first, on what, signed; and a file that shows it again.

The reproduction holds everything that the check needed (block, witness, contract code), so that anybody can repeat it
without a network: `megaeth verify block --witness FILE`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import orjson

from devnet._engine import address_of, keccak256, sign_hash
from devnet.errors import UserError
from devnet.proving.claim import read_hex
from devnet.proving.kept import KeptFiles
from devnet.proving.provers import is_vouched
from devnet.proving.signatures import SIGNATURE_BYTES, signer_of

FORMAT: Final = 2
MAX_BYTES: Final = 16_384
_DOMAIN: Final = b"MegaETH devnet fault report"


class InvalidReportError(ValueError):
    """It is none, or not by a prover of this devnet."""


@dataclass(frozen=True)
class FaultReport:
    """What a prover found."""

    block: int
    block_hash: bytes
    check: str
    """The first check that failed."""
    expected: str
    """What the block, or the witness, says."""
    actual: str
    """What checking it gave."""
    source: str
    """The node that gave the block or the witness."""
    reporter: str
    """The prover's name."""
    at: str
    reproduction: str
    """Where the prover keeps the file, on its machine."""
    prover: bytes = b""
    signature: bytes = b""
    voucher: bytes = b""

    def sign(self, key: bytes, voucher: bytes, chain_id: int) -> FaultReport:
        """The same with the prover's name under it."""
        signature = sign_hash(key, self._digest(chain_id))
        return FaultReport(
            **{**self.__dict__, "prover": address_of(key), "signature": signature, "voucher": voucher}
        )

    def encode(self) -> bytes:
        """For the wire."""
        return orjson.dumps(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """As an object."""
        signed = {
            "prover": "0x" + self.prover.hex(),
            "signature": "0x" + self.signature.hex(),
            "voucher": "0x" + self.voucher.hex(),
        }
        return {**self._body(), **signed}

    @classmethod
    def decode(cls, data: bytes, chain_id: int, authority: bytes) -> Self:
        """Read and check; raises InvalidReportError."""
        if len(data) > MAX_BYTES:
            raise InvalidReportError(f"{len(data)} bytes are too many")
        try:
            fields = orjson.loads(data)
            texts = {name: str(fields[name]) for name in _TEXTS}
            report = cls(
                block=int(fields["block"], 16),
                block_hash=read_hex(fields["blockHash"], 32),
                **texts,
                prover=read_hex(fields["prover"], 20),
                signature=read_hex(fields["signature"], SIGNATURE_BYTES),
                voucher=read_hex(fields["voucher"], SIGNATURE_BYTES),
            )
            signer = signer_of(report._digest(chain_id), report.signature)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidReportError(str(error)) from None
        if signer != report.prover or not is_vouched(authority, chain_id, signer, report.voucher):
            raise InvalidReportError("it is not signed by a prover of this devnet")
        if report.encode() != data:
            raise InvalidReportError("it is not written in the one way that reports are")
        return report

    def _body(self) -> dict[str, str]:
        texts = {name: getattr(self, name) for name in _TEXTS}
        return {"block": hex(self.block), "blockHash": "0x" + self.block_hash.hex(), **texts}

    def _digest(self, chain_id: int) -> bytes:
        body = orjson.dumps(self._body(), option=orjson.OPT_SORT_KEYS)
        return keccak256(_DOMAIN + chain_id.to_bytes(32, "big") + body)


_TEXTS: Final = ("check", "expected", "actual", "source", "reporter", "at", "reproduction")


@dataclass(frozen=True)
class Reproduction:
    """All that a check needs, in one file."""

    chain: Mapping[str, Any]
    """The chain's settings, as far as replay depends on them."""
    block: bytes
    """The block as JSON, with its transactions."""
    parent: bytes
    """Its parent as JSON."""
    witness: str
    codes: tuple[bytes, ...]
    records: tuple[bytes, ...] = ()
    """The devnet's log of it: its parent's record, its mini-blocks' and its own."""

    def save(
        self, files: KeptFiles, report: Mapping[str, Any], *, check: str, block: int, source: str
    ) -> Path:
        """Keep it in a file, with what was found beside it; where that is. `check`: what failed, the file's kind."""
        text = json.dumps(
            {
                "format": FORMAT,
                "chain": dict(self.chain),
                "report": dict(report),
                "block": json.loads(self.block),
                "parent": json.loads(self.parent),
                "witness": self.witness,
                "codes": _texts(self.codes),
                "records": _texts(self.records),
            },
            indent=1,
        )
        return files.add(check, block, lambda _: text, f"-{source}")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file."""
        try:
            fields = json.loads(path.read_text())
            if fields["format"] != FORMAT:
                raise UserError(
                    f"{path} is of another version", f"format {fields['format']}, known is {FORMAT}"
                )
            return cls(
                fields["chain"],
                json.dumps(fields["block"]).encode(),
                json.dumps(fields["parent"]).encode(),
                str(fields["witness"]),
                _bytes(fields["codes"]),
                _bytes(fields["records"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is no reproduction of a check", str(error)) from None


def _texts(items: tuple[bytes, ...]) -> list[str]:
    return [base64.b64encode(item).decode() for item in items]


def _bytes(items: list[str]) -> tuple[bytes, ...]:
    return tuple(base64.b64decode(item, validate=True) for item in items)
