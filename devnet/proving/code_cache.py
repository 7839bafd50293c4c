"""Contract code by its hash, for a prover that keeps no state: checked once, bounded, the least used goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from devnet._engine import keccak256

MAX_BYTES: Final = 64 * 1024 * 1024
EMPTY_HASH: Final = keccak256(b"")


class CodeCache:
    """May be used by any thread."""

    def __init__(self, most_bytes: int = MAX_BYTES) -> None:
        self._most_bytes = most_bytes
        self._codes: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, code_hash: bytes) -> bytes | None:
        """The code, if it is here."""
        if code_hash == EMPTY_HASH:
            return b""
        with self._lock:
            code = self._codes.get(code_hash)
            if code is not None:
                self._codes.move_to_end(code_hash)
            return code

    def missing(self, hashes: Iterable[bytes]) -> list[bytes]:
        """Those that are not here."""
        return [code_hash for code_hash in hashes if self.get(code_hash) is None]

    def put(self, code_hash: bytes, code: bytes) -> bool:
        """Keep it; False, and nothing is kept, if it is not the code with that hash."""
        if keccak256(code) != code_hash:
            return False
        with self._lock:
            if code_hash not in self._codes:
                self._codes[code_hash] = code
                self._bytes += len(code)
            while self._bytes > self._most_bytes and len(self._codes) > 1:
                self._bytes -= len(self._codes.popitem(last=False)[1])
        return True

    @property
    def bytes(self) -> int:
        """How much is kept."""
        return self._bytes
