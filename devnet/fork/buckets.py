"""How crowded the remote's state is, as far as it tells: what storage gas over it depends on (SALT).

Nobody is told the sizes of all of MegaETH's buckets. But the witness of a block shows those of all buckets that it
touched, as they were before it, and busy contracts are touched again and again. So the newest blocks' witnesses are
read once, when the fork begins; what they do not show counts as small.
"""

from __future__ import annotations

import base64
import binascii
import logging
import time
from typing import Final

from devnet._engine import witness_capacities
from devnet.config import FIRST_DATA_BUCKET, SALT_DATA_BUCKETS
from devnet.fork.point import ForkPoint
from devnet.fork.remote import Remote, RemoteFault, RemoteSilentError
from devnet.fork.side_by_side import side_by_side

log = logging.getLogger(__name__)

WITNESSES: Final = 16
"""So many newest blocks' witnesses are asked for."""
PATIENCE_S: Final = 20.0
"""After that no more of them are asked for."""
SMALLEST: Final = 256
"""Slots of a bucket that has never grown."""
NOT_OFFERED: Final = -32601
_VERSION: Final = "v0:"


def data_buckets(remote: Remote) -> int:
    """Over how many buckets the remote spreads its keys: as many as MegaETH, unless it says otherwise."""
    try:
        rules = remote.call("mega_getChainRules")
    except (RemoteFault, RemoteSilentError):
        return SALT_DATA_BUCKETS
    found = rules.get("dataBuckets") if isinstance(rules, dict) else None
    if isinstance(found, int) and found > 0 and SALT_DATA_BUCKETS % found == 0:
        return found
    return SALT_DATA_BUCKETS


def crowded_buckets(remote: Remote, point: ForkPoint) -> dict[int, int]:
    """{bucket: slots} of the buckets that have grown, at the end of the point's block, as far as witnesses tell. Empty,
    if the remote gives none or does not answer."""
    known: dict[int, int] = {}
    deadline = time.monotonic() + PATIENCE_S

    def shown(block: int) -> dict[int, int] | Exception:
        try:
            return _capacities(remote, block) if time.monotonic() < deadline else {}
        except (RemoteFault, RemoteSilentError) as silence:
            return silence

    # A witness shows what was before its block, so the next one's is the newest; the remote need not have it.
    newest = shown(point.number + 1)
    older = range(point.number, max(point.number + 1 - WITNESSES, 0), -1)
    # The first answer tells whether there are any.
    for capacities in (newest, *(side_by_side(shown, older) if isinstance(newest, dict) else ())):
        if not isinstance(capacities, dict):
            log.info("storage gas is counted as over small buckets: no more witnesses (%s)", capacities)
            break
        known |= capacities | known
    # What a chain cannot begin with is no reason not to begin.
    return {
        bucket: slots
        for bucket, slots in sorted(known.items())
        if bucket >= FIRST_DATA_BUCKET and slots > SMALLEST and slots.bit_count() == 1
    }


def _capacities(remote: Remote, block: int) -> dict[int, int]:
    try:
        answer = remote.call("mega_getBlockWitness", {"blockNumber": hex(block)})
    except RemoteFault as fault:
        if fault.code == NOT_OFFERED:
            raise
        return {}
    if not isinstance(answer, str) or not answer.startswith(_VERSION):
        raise RemoteFault(NOT_OFFERED, f"mega_getBlockWitness gave {str(answer)[:80]!r}")
    try:
        return witness_capacities(base64.b64decode(answer.removeprefix(_VERSION), validate=True))
    except (binascii.Error, ValueError) as error:
        raise RemoteFault(NOT_OFFERED, f"its witness of block {block} cannot be read: {error}") from None
