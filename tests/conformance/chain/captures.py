"""What mega-evme has captured of a node's answers while it replayed a block: a file is a block and the state before it.

{"version": 1, "chain_id", "cache": [{"key", "value"}], "external_env": {"bucket_capacities": [[bucket, slots]]}}, where
a key is keccak256(method, zero byte, parameters as JSON) and a value the response.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from devnet import _engine
from devnet.proving.prestate import EMPTY_CODE_HASH, ToldBlock

Json = Any

SUFFIX: Final = ".cache.json"
VERSION: Final = 1


@dataclass(frozen=True)
class Capture:
    """The answers, by what was asked."""

    chain_id: int
    answers: dict[str, str]
    capacities: dict[int, int]

    @classmethod
    def read(cls, data: bytes) -> Capture:
        """A file's content. ValueError if it is none."""
        document = json.loads(data)
        if document.get("version") != VERSION:
            raise ValueError(f"a capture of version {document.get('version')}")
        answers = {entry["key"]: entry["value"] for entry in document["cache"]}
        outside = document.get("external_env") or {}
        return cls(int(document["chain_id"]), answers, dict(outside.get("bucket_capacities", ())))

    def ask(self, method: str, *parameters: Json) -> Json:
        """What was answered. KeyError if it was not asked."""
        text = json.dumps(parameters, separators=(",", ":"))
        key = _engine.keccak256(f"{method}\0{text}".encode())
        return json.loads(self.answers["0x" + key.hex()])["result"]

    @cached_property
    def number(self) -> int:
        """The block that was replayed: the newest of those that were asked for."""
        results = (json.loads(text).get("result") for text in self.answers.values())
        blocks = (one for one in results if isinstance(one, dict) and "parentHash" in one)
        return max(int(block["number"], 16) for block in blocks)

    def block(self) -> tuple[Json, int]:
        """The block with its transactions, as many of the first as there are, and how many it has."""
        name = hex(self.number)
        try:
            block = self.ask("eth_getBlockByNumber", name, True)
            return block, len(block["transactions"])
        except KeyError:
            block = self.ask("eth_getBlockByNumber", name, False)
        hashes = block["transactions"]
        block["transactions"] = list(self._first("eth_getTransactionByHash", hashes))
        return block, len(hashes)

    def receipts(self, block: Json) -> list[Json]:
        """Those that there are."""
        try:
            return list(self.ask("eth_getBlockReceipts", hex(self.number)))
        except KeyError:
            pass
        found = []
        for transaction in block["transactions"]:
            found += self._first("eth_getTransactionReceipt", [transaction["hash"]])
        return found

    def _first(self, method: str, hashes: list[str]) -> Iterator[Json]:
        for each in hashes:
            try:
                yield self.ask(method, each)
            except KeyError:
                return

    def told(self) -> ToldBlock:
        """The state before the block."""
        return ToldBlock(CapturedState(self), chain_id=self.chain_id, capacities=self.capacities)


class CapturedState:
    """The state before a capture's block, as far as it was asked for; what the engine asks for it."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._parent = hex(capture.number - 1)
        self._codes: dict[bytes, bytes] = {}

    def account(self, address: bytes) -> tuple[int, bytes, bytes] | None:
        """As it was answered in three parts. All zero is what nodes say of an account that does not exist."""
        name = "0x" + address.hex()
        nonce = int(self._capture.ask("eth_getTransactionCount", name, self._parent), 16)
        balance = int(self._capture.ask("eth_getBalance", name, self._parent), 16)
        code = bytes.fromhex(self._capture.ask("eth_getCode", name, self._parent)[2:])
        if not (nonce or balance or code):
            return None
        code_hash = _engine.keccak256(code) if code else EMPTY_CODE_HASH
        self._codes[code_hash] = code
        return nonce, balance.to_bytes(32, "big"), code_hash

    def slot(self, address: bytes, slot: bytes) -> bytes:
        """As it was answered."""
        name = "0x" + address.hex()
        value = self._capture.ask("eth_getStorageAt", name, hex(int.from_bytes(slot, "big")), self._parent)
        return int(value, 16).to_bytes(32, "big")

    def code(self, code_hash: bytes) -> bytes:
        """Of an account that was asked for before."""
        return self._codes[code_hash]

    def block_hash(self, number: int) -> bytes:
        """As it was answered."""
        return bytes.fromhex(self._capture.ask("eth_getBlockByNumber", hex(number), False)["hash"][2:])
