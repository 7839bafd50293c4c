"""How many accounts, slots and codes a snapshot's rows come to: they stand over the genesis document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

from devnet.snapshots.manifest import Manifest, SnapshotError
from devnet.storage import tables
from devnet.storage.rows import Row

ACCOUNT_BYTES: Final = 20
SLOT_BYTES: Final = 52
_EMPTY: Final = (None, "", "0x", "0x0", 0)


class Counts:
    """Of rows as they come, the genesis document first."""

    def __init__(self) -> None:
        self.accounts = self.slots = self.codes = self.rows = 0
        self._genesis: set[bytes] = set()
        """Plain keys of what the document holds."""

    def add(self, rows: Iterable[Row]) -> None:
        """Some more."""
        for key, value in rows:
            self.rows += 1
            if key[:1] == tables.STATE:
                self._add_value(key[1:], value)
            elif key[:1] == tables.CODE:
                self.codes += 1
            elif key == tables.META_GENESIS:
                self._begin(orjson.loads(value))

    def require(self, manifest: Manifest) -> None:
        """Compare with what a file says that it holds. Raises `SnapshotError`."""
        for name in ("accounts", "slots", "codes", "rows"):
            said, found = getattr(manifest, name), getattr(self, name)
            if said != found:
                raise SnapshotError(f"it says that it holds {said} {name}, but it holds {found}")

    def _begin(self, document: dict[str, Any]) -> None:
        for address, account in document["alloc"].items():
            plain = bytes.fromhex(address.removeprefix("0x"))
            if any(account.get(name) not in _EMPTY for name in ("balance", "nonce", "code")):
                self._genesis.add(plain)
            for slot, value in (account.get("storage") or {}).items():
                if int(value, 16):
                    self._genesis.add(plain + int(slot, 16).to_bytes(32, "big"))
        self.accounts = sum(len(key) == ACCOUNT_BYTES for key in self._genesis)
        self.slots = len(self._genesis) - self.accounts

    def _add_value(self, plain: bytes, value: bytes) -> None:
        change = bool(value) - (plain in self._genesis)
        if len(plain) == ACCOUNT_BYTES:
            self.accounts += change
        elif len(plain) == SLOT_BYTES:
            self.slots += change
