"""A block with the state before it, as a file tells it: read, and executed by the engine. Nothing here is proven.

A file is JSON, plain or compressed with zstd, in one of these forms, each of which may be the whole file or its
member `prestate`:

{"accounts": {address: account}, "block_hashes": {number: hash}}     as mega-evme keeps blocks
{address: account}                                                   geth's prestateTracer
[{"result": {address: account}}, ...]                                the same of a block's transactions, in order

An account has `balance`, `nonce`, `code` or `code_hash`, and `storage`. One that has nothing of all that does not
exist; one that is not listed is not known, and neither is a slot.

Beside `prestate` there may be `block`, `receipts`, `chain_id`, `bucket_capacities` ({bucket: slots}) and `codes`
({hash: code}).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import zstandard

from devnet import _engine
from devnet.errors import UserError
from devnet.proving.checker import Report, UncheckableError, read_report

Json = Any
Key = tuple[bytes, bytes]

EMPTY_CODE_HASH: Final = _engine.keccak256(b"")
ZSTD: Final = b"\x28\xb5\x2f\xfd"
MAX_BYTES: Final = 1 << 30
MALFORMED: Final = (ValueError, KeyError, TypeError, AttributeError)
"""What reading a document in none of the forms raises."""
MAX_NONCE, MAX_VALUE = 2**64 - 1, 2**256 - 1


class Account(NamedTuple):
    """Of an account all but its storage."""

    nonce: int
    balance: int
    code_hash: bytes


@dataclass
class Prestate:
    """The state before a block, as far as it is told; what the engine asks for it."""

    accounts: dict[bytes, Account] = field(default_factory=dict)
    slots: dict[Key, bytes] = field(default_factory=dict)
    codes: dict[bytes, bytes] = field(default_factory=dict)
    block_hashes: dict[int, bytes] = field(default_factory=dict)
    code_directory: Path | None = None
    """Where each code is a file `xx/HASH.bin`, xx being the hash's first byte."""

    def account(self, address: bytes) -> tuple[int, bytes, bytes] | None:
        """Nonce, balance and code hash; None for one that does not exist."""
        nonce, balance, code_hash = self.accounts[address]
        if not (nonce or balance or code_hash != EMPTY_CODE_HASH):
            return None
        return nonce, balance.to_bytes(32, "big"), code_hash

    def slot(self, address: bytes, slot: bytes) -> bytes:
        """A slot's 32 bytes."""
        return self.slots[address, slot]

    def code(self, code_hash: bytes) -> bytes:
        """Code by its hash."""
        if code_hash in self.codes or self.code_directory is None:
            return self.codes[code_hash]
        name = code_hash.hex()
        try:
            return (self.code_directory / name[:2] / f"{name}.bin").read_bytes()
        except FileNotFoundError:
            raise KeyError(code_hash) from None

    def block_hash(self, number: int) -> bytes:
        """An earlier block's hash."""
        return self.block_hashes[number]


@dataclass(frozen=True)
class ToldBlock:
    """What a file has of a block."""

    state: _engine.StateBefore
    block: Json = None
    """`eth_getBlockByNumber` with transactions; None where the file has none."""
    receipts: Json = None
    """`eth_getBlockReceipts`, or some of it; None where the file has none."""
    chain_id: int | None = None
    capacities: Mapping[int, int] = field(default_factory=dict)
    """How many slots buckets have that have grown."""


def load(path: Path) -> ToldBlock:
    """What a file tells. UserError if it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}", error.strerror or str(error), "docs/verify.md") from error
    try:
        if data.startswith(ZSTD):
            data = zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_BYTES)
        document = orjson.loads(data)
        if _is_block(document):
            raise UserError(
                f"{path} has a block, and nothing of the state before it",
                "recorded blocks lie in a directory, each beside its witness",
                f"give the directory: {path.parent}",
            )
        told = read_document(document, _code_directory(path))
    except (zstandard.ZstdError, *MALFORMED) as error:
        raise UserError(
            f"{path} tells no state",
            f"it is read as accounts by address, and has something else in their place ({error})",
            "docs/verify.md",
        ) from error
    return told


def _is_block(document: Json) -> bool:
    """Whether it is a node's answer, and no state that somebody tells."""
    block = document.get("result", document) if isinstance(document, dict) else None
    return isinstance(block, dict) and "parentHash" in block


def check(told: ToldBlock, block: Json, receipts: Json, rules: Mapping[str, Json]) -> Report:
    """Execute a block upon what is told. What can't even be read raises UncheckableError."""
    try:
        report = _engine.verify_told(
            json.dumps(block).encode(),
            None if receipts is None else json.dumps(receipts).encode(),
            told.state,
            list(told.capacities.items()),
            json.dumps(rules).encode(),
        )
    except (_engine.EngineError, ValueError) as error:
        raise UncheckableError("the block cannot be checked", str(error)) from error
    return read_report(json.loads(report))


def _code_directory(path: Path) -> Path | None:
    """mega-evme keeps blocks/NNNN/N.json.zst beside codes."""
    codes = path.resolve().parent.parent.parent / "codes"
    return codes if codes.is_dir() else None


def read_document(document: Json, code_directory: Path | None) -> ToldBlock:
    """What a document tells. One of `MALFORMED`: it is in none of the forms."""
    whole = document if isinstance(document, dict) and "prestate" in document else {"prestate": document}
    state = Prestate(code_directory=code_directory)
    for code in (whole.get("codes") or {}).values():
        _keep(state, code)
    prestate = whole["prestate"]
    if isinstance(prestate, list):
        for traced in prestate:
            _add(state, traced["result"])
    else:
        _add(state, prestate.get("accounts", prestate))
        hashes = prestate.get("block_hashes") or {}
        state.block_hashes.update({int(number): _bytes(one, 32) for number, one in hashes.items()})
    chain_id = whole.get("chain_id", whole.get("chainId"))
    capacities = whole.get("bucket_capacities") or {}
    return ToldBlock(
        state,
        whole.get("block"),
        whole.get("receipts"),
        None if chain_id is None else _number(chain_id),
        {int(bucket): _number(slots) for bucket, slots in capacities.items()},
    )


def _add(state: Prestate, accounts: Mapping[str, Json]) -> None:
    """What is not known yet: a later transaction sees what earlier ones have left."""
    for name, told in accounts.items():
        address = _bytes(name, 20)
        if address not in state.accounts:
            state.accounts[address] = Account(
                _number(told.get("nonce", 0), MAX_NONCE),
                _number(told.get("balance", 0)),
                _code_hash(state, told),
            )
        for slot, value in (told.get("storage") or {}).items():
            key = address, _number(slot).to_bytes(32, "big")
            state.slots.setdefault(key, _number(value).to_bytes(32, "big"))


def _code_hash(state: Prestate, told: Mapping[str, Json]) -> bytes:
    code_hash = told.get("code_hash", told.get("codeHash"))
    if code_hash is not None:
        return _bytes(code_hash, 32)
    code = told.get("code") or "0x"
    return EMPTY_CODE_HASH if code == "0x" else _keep(state, code)


def _keep(state: Prestate, text: str) -> bytes:
    code = bytes.fromhex(text.removeprefix("0x"))
    code_hash = _engine.keccak256(code)
    state.codes[code_hash] = code
    return code_hash


def _number(value: Json, most: int = MAX_VALUE) -> int:
    number = int(value, 0) if isinstance(value, str) else int(value)
    if not 0 <= number <= most:
        raise ValueError(f"a number that does not fit {most.bit_length()} bits")
    return number


def _bytes(text: str, length: int) -> bytes:
    data = bytes.fromhex(text.removeprefix("0x"))
    if len(data) != length:
        raise ValueError(f"{text} has {len(data)} bytes, not {length}")
    return data
