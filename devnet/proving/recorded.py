"""Recorded blocks of a chain in a directory, each with what checking it takes. Reads files, checks nothing.

N.json          the block with its transactions, as `eth_getBlockByNumber` answers
N.salt, N.mpt   its witnesses, against the state of block N-1; older recordings have the second behind the first too
contracts.txt   a line for each contract: a JSON pair of code hash and code

MegaETH's stateless validator keeps the same in `blocks` and `stateless/witness`, as N.HASH.json and so on.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from devnet import _engine
from devnet.errors import UserError
from devnet.proving.checker import UncheckableError
from devnet.proving.claim import read_hex
from devnet.proving.material import WITNESS_VERSION, VerificationInput

CODES: Final = "contracts.txt"
PLACES: Final = {"json": "blocks", "salt": "stateless/witness", "mpt": "stateless/witness"}
"""Where the validator's files are, by their kind."""


@dataclass(frozen=True)
class RecordedBlocks:
    """The blocks of one directory."""

    directory: Path

    def numbers(self) -> list[int]:
        """The blocks that have a witness, in order."""
        kept = [*self.directory.glob("*.salt"), *(self.directory / PLACES["salt"]).glob("*.salt")]
        names = {path.name.split(".")[0] for path in kept}
        return sorted(int(name) for name in names if name.isdigit())

    def material(self, number: int) -> VerificationInput:
        """Everything about block `number` but the code."""
        block, parent = self._read(self._path(number, "json")), self._read(self._path(number - 1, "json"))
        try:
            _, salt, behind = _engine.open_witness_file(self._read(self._path(number, "salt")))
            own = self._path(number, "mpt")
            if behind is None or own.exists():
                behind = self._read(own)
            packed = _engine.pack_witness(salt, behind)
            block_hash = read_hex(self._block(number)["hash"], 32)
        except (_engine.EngineError, KeyError, TypeError, ValueError) as error:
            raise UncheckableError(
                f"block {number} in {self.directory} cannot be read", str(error)
            ) from error
        witness = WITNESS_VERSION + base64.b64encode(packed).decode()
        return VerificationInput(number, block_hash, block, parent, witness, ())

    def chain_id(self, number: int) -> int:
        """The chain that the block's transactions say they are for."""
        transactions = self._block(number).get("transactions") or ()
        named = (one.get("chainId") for one in transactions if isinstance(one, dict))
        found = next((one for one in named if one is not None), None)
        if found is None:
            raise UserError(
                f"block {number} does not tell its chain",
                "no transaction in it has a chain id",
                "add --chain-id",
            )
        return int(str(found), 0)

    def transactions(self, number: int) -> list[str]:
        """The hashes of a block's transactions."""
        transactions = self._block(number).get("transactions") or ()
        return [one["hash"] for one in transactions if isinstance(one, dict)]

    @cached_property
    def codes(self) -> dict[bytes, bytes]:
        """All code that is there, by the hash that it is said to have."""
        lines = self._read(self.directory / CODES).splitlines()
        try:
            return dict(_engine.read_code_line(line) for line in lines if line.strip())
        except ValueError as error:
            raise UncheckableError(f"{self.directory / CODES} cannot be read", str(error)) from error

    def _block(self, number: int) -> dict[str, Any]:
        try:
            block = json.loads(self._read(self._path(number, "json")))
            block = block.get("result", block)
        except (AttributeError, ValueError) as error:
            raise UncheckableError(
                f"block {number} in {self.directory} cannot be read", str(error)
            ) from error
        return block if isinstance(block, dict) else {}

    def _path(self, number: int, kind: str) -> Path:
        own = self.directory / f"{number}.{kind}"
        if own.exists():
            return own
        of_validator = sorted((self.directory / PLACES[kind]).glob(f"{number}.*.{kind}"))
        return of_validator[0] if of_validator else own

    @staticmethod
    def _read(path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {path}", error.strerror or str(error), "docs/verify.md") from error
