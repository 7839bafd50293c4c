"""What the remote has answered, on disk: asked once, and there without the remote.

A cache belongs to one block of one chain: nothing that was answered before that block can change. Keys are the digest
of method and parameters, values the result in JSON.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

import plyvel

from devnet.fork.point import ForkPoint
from devnet.storage.errors import Corrupted

log = logging.getLogger(__name__)

WORD: Final = re.compile(rb'"0x[0-9a-fA-F]{0,64}"')
STATE: Final = {
    "eth_getBalance": WORD,
    "eth_getTransactionCount": WORD,
    "eth_getStorageAt": WORD,
    "eth_getCode": re.compile(rb'"0x(?:[0-9a-fA-F]{2})*"'),
}
"""What state looks like, by the method that asks for it."""

OPEN_FILES: Final = 64
MEMORY_BYTES: Final = 4 << 20


class ForkCache:
    """Answers of one remote chain up to one block. From any thread."""

    def __init__(self, directory: Path, point: ForkPoint) -> None:
        """Opens or creates it below a directory that is this process's own. Corrupted: it is there, but damaged."""
        path = directory / f"{point.chain_id}-{point.number}-{point.hash[2:18]}"
        path.mkdir(parents=True, exist_ok=True)
        try:
            self._db = plyvel.DB(
                str(path),
                create_if_missing=True,
                max_open_files=OPEN_FILES,
                lru_cache_size=MEMORY_BYTES,
                write_buffer_size=MEMORY_BYTES,
            )
        except plyvel.Error as error:
            raise Corrupted(path, f"the cache of the fork can't be opened ({error})") from None

    def get(self, method: str, params: str) -> bytes | None:
        """The result that is kept, in JSON."""
        try:
            found: bytes | None = self._db.get(_key(method, params), verify_checksums=True)
        except plyvel.Error as error:
            log.warning("the fork's cache is damaged, the remote is asked again: %s", error)
            return None
        return found

    def put(self, method: str, params: str, result: bytes) -> None:
        """Keeps a result."""
        self._db.put(_key(method, params), result)

    def through(self, ask: Callable[[str, str], bytes], method: str, params: str) -> bytes:
        """The result that is kept; otherwise the one that is asked for, which is kept from then on."""
        found = self.get(method, params)
        if found is None:
            found = ask(method, params)
            if is_final(method, found):
                self.put(method, params, found)
        return found

    def close(self) -> None:
        """Closes LevelDB. Nobody may read or write any more."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_final(method: str, result: bytes) -> bool:
    """Whether a result says something that stays: not that there is nothing yet, or nothing in a block; and no nonsense
    where state is asked for."""
    form = STATE.get(method)
    if form is not None:
        return form.fullmatch(result) is not None
    return result != b"null" and b'"blockNumber":null' not in result


def _key(method: str, params: str) -> bytes:
    return hashlib.sha256(f"{method} {params}".encode()).digest()
