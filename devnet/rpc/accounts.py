"""The development accounts: keys that the node holds and signs with.

Their keys come from a mnemonic that everyone knows or that stands in a file; nothing here protects them.

Not here: what a transaction lacks before it can be signed (`eth.py`), what typed data means (`eip712.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import orjson

from devnet._engine import keccak256, sign_hash, sign_transaction
from devnet.rpc import eip712, jsonrpc
from devnet.rpc.errors import invalid_params, refused


class DevAccounts:
    """Signs for the accounts that it was given the keys of."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {address.lower(): key for address, key in keys.items()}
        self._locks: dict[str, asyncio.Lock] = {}
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="rpc-hasher")

    def addresses(self) -> Iterable[str]:
        """Return the accounts in their order."""
        return self._keys

    def has(self, address: str) -> bool:
        """Whether the node signs for an account."""
        return address in self._keys

    def key(self, address: str) -> bytes:
        """Return an account's key."""
        key = self._keys.get(address)
        if key is None:
            raise refused("unknown account")
        return key

    def lock(self, address: str) -> asyncio.Lock:
        """Return the lock to hold from the choice of a nonce until its transaction is sent."""
        self.key(address)
        return self._locks.setdefault(address, asyncio.Lock())

    def sign_transaction(self, address: str, transaction: Mapping[str, object]) -> tuple[bytes, bytes]:
        """Sign a complete transaction. Return its raw bytes and its hash."""
        key = self.key(address)
        try:
            return sign_transaction(key, orjson.dumps(transaction))
        except ValueError as error:
            raise invalid_params(str(error)) from error

    def sign_message(self, address: str, message: bytes) -> bytes:
        """Sign as wallets do, so that no message can be a transaction (EIP-191, version 0x45)."""
        prefix = b"\x19Ethereum Signed Message:\n%d" % len(message)
        return self._sign_digest(address, keccak256(prefix + message))

    async def sign_typed_data(self, address: str, document: Mapping[str, object] | str) -> bytes:
        """Sign structured data (EIP-712), given as it is or as its JSON text.

        A document may hold hundreds of thousands of values: they are hashed apart from the event loop, one document at
        a time.
        """
        self.key(address)
        hashed = asyncio.get_running_loop().run_in_executor(self._hasher, _typed_data_digest, document)
        return self._sign_digest(address, await hashed)

    def close(self) -> None:
        """Hash nothing more."""
        self._hasher.shutdown(wait=False, cancel_futures=True)

    def _sign_digest(self, address: str, digest: bytes) -> bytes:
        signature = sign_hash(self.key(address), digest)
        return signature[:64] + bytes((27 + signature[64],))


def _typed_data_digest(document: Mapping[str, object] | str) -> bytes:
    if isinstance(document, str):
        found = jsonrpc.value(document)
        if not isinstance(found, dict):
            raise invalid_params("typed data must be an object")
        document = found
    return eip712.digest(document)
