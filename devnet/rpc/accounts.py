"""The development accounts: keys that the node holds and signs with.

Their keys come from a mnemonic that everyone knows or that stands in a file; nothing here protects them.

Not here: what a transaction lacks before it can be signed (`eth.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import orjson

from devnet._engine import keccak256, sign_hash, sign_transaction
from devnet.rpc.errors import invalid_params, refused


class DevAccounts:
    """Signs for the accounts that it was given the keys of."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {address.lower(): key for address, key in keys.items()}
        self._locks: dict[str, asyncio.Lock] = {}

    def addresses(self) -> Iterable[str]:
        """Return the accounts in their order."""
        return self._keys

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

    def sign_typed_data(self, address: str, document: Mapping[str, object]) -> bytes:
        """Sign structured data (EIP-712)."""
        self.key(address)
        from eth_account.messages import encode_typed_data  # slow to import, and seldom needed

        try:
            signable = encode_typed_data(full_message=dict(document))
        except Exception as error:  # the library raises whatever its parts raise
            raise invalid_params(f"typed data cannot be encoded: {error}") from error
        return self._sign_digest(address, keccak256(b"\x19" + b"".join(signable)))

    def _sign_digest(self, address: str, digest: bytes) -> bytes:
        signature = sign_hash(self.key(address), digest)
        return signature[:64] + bytes((27 + signature[64],))
