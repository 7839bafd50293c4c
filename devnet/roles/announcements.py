"""Each node tells the others, once per EVM block, what its log holds: digests of its mini-blocks, its block hash.

Two nodes whose mini-blocks of one block differ were told different things by the sequencer: that is how equivocation
towards different peers comes out. Provers learn from the same messages which blocks there are and who has them.

    {"node", "block", "hash", "http", "verified", "first", "count", "stride", "digests", "rollbacks"}

`digests`: the first 8 bytes of SHA-256 for every `stride` mini-blocks, in their order, in hex.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

import orjson

from devnet._engine import SealedBlock, SealedMini

MAX_BYTES: Final = 8 * 1024
MAX_DIGESTS: Final = 256
DIGEST_BYTES: Final = 8
KEPT_BLOCKS: Final = 128
NOT_COUNTING: Final = -1


@dataclass(frozen=True)
class Announcement:
    """What one node says of one block."""

    node: str
    block: int
    hash: bytes
    http: str
    """Where the node answers JSON-RPC."""
    verified: int
    """Its verified height; NOT_COUNTING as long as it has heard of no prover."""
    first: int
    """The block's first mini-block."""
    count: int
    stride: int
    digests: tuple[bytes, ...]
    rollbacks: int = 0
    """How often the chain was rolled back before: blocks of one number from before and after have nothing in common."""

    def encode(self) -> bytes:
        """For the wire."""
        return orjson.dumps(
            {
                **self.__dict__,
                "hash": "0x" + self.hash.hex(),
                "digests": b"".join(self.digests).hex(),
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read one; ValueError for anything else."""
        if len(data) > MAX_BYTES:
            raise ValueError(f"{len(data)} bytes are too many")
        try:
            fields = orjson.loads(data)
            digests = bytes.fromhex(fields["digests"])
            numbers = {
                name: int(fields[name])
                for name in ("block", "verified", "first", "count", "stride", "rollbacks")
            }
            block_hash = bytes.fromhex(str(fields["hash"])[2:])
            node, http = str(fields["node"]), str(fields["http"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(str(error)) from None
        split = tuple(digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES))
        groups = -(-numbers["count"] // max(1, numbers["stride"]))
        if (
            min(number for name, number in numbers.items() if name != "verified") < 0
            or numbers["verified"] < NOT_COUNTING
            or numbers["stride"] < 1
            or len(block_hash) != 32
            or len(digests) % DIGEST_BYTES
            or len(split) != groups
            or len(split) > MAX_DIGESTS
        ):
            raise ValueError("the numbers contradict each other")
        return cls(node, hash=block_hash, http=http, digests=split, **numbers)

    def first_difference(self, other: Announcement) -> range | None:
        """The mini-blocks among which the two differ first; None when their logs agree, as far as can be said."""
        if (self.rollbacks, self.block, self.first, self.count, self.stride) != (
            other.rollbacks,
            other.block,
            other.first,
            other.count,
            other.stride,
        ):
            return None
        for index, (mine, its) in enumerate(zip(self.digests, other.digests, strict=True)):
            if mine != its:
                start = self.first + index * self.stride
                return range(start, min(start + self.stride, self.first + self.count))
        return None


class Announcer:
    """Makes this node's announcements from what goes through its log. `note` is called by one thread only."""

    def __init__(
        self,
        node: str,
        http: Callable[[], str],
        verified: Callable[[], int],
        publish: Callable[[Announcement], None],
        rollbacks: Callable[[], int] = lambda: 0,
    ) -> None:
        self._node = node
        self._http = http
        self._verified = verified
        self._publish = publish
        self._rollbacks = rollbacks
        self._first: int | None = None
        self._digests: list[bytes] = []
        self._whole = False
        """Whether the open block was seen from its first mini-block on."""

    def rewound(self) -> None:
        """The log goes on from an earlier place, perhaps within a block. While nobody notes anything."""
        self._first, self._digests, self._whole = None, [], False

    def note(self, sealed: Iterable[SealedMini | SealedBlock]) -> None:
        """These are in the log now."""
        for item in sealed:
            if isinstance(item, SealedMini):
                self._mini(item)
            else:
                self._block(item)

    def _mini(self, mini: SealedMini) -> None:
        if self._first is None:
            self._first, self._whole = mini.number, mini.index == 0
        self._digests.append(_digest(mini.record))

    def _block(self, block: SealedBlock) -> None:
        first, digests, whole = self._first, self._digests, self._whole
        self._first, self._digests, self._whole = None, [], False
        if first is None or not whole:
            return
        stride = max(1, -(-len(digests) // MAX_DIGESTS))
        groups = tuple(
            (digests[at] if stride == 1 else _digest(b"".join(digests[at : at + stride])))[:DIGEST_BYTES]
            for at in range(0, len(digests), stride)
        )
        self._publish(
            Announcement(
                self._node,
                block.number,
                block.hash,
                self._http(),
                self._verified(),
                first,
                len(digests),
                stride,
                groups,
                self._rollbacks(),
            )
        )


def _digest(data: bytes) -> bytes:
    # Every transaction goes through it: what processors have instructions for takes a third of Keccak's time.
    return sha256(data).digest()


class Comparison:
    """This node's announcements beside the others', in whichever order they come. On the event loop."""

    def __init__(self, differ: Callable[[Announcement, Announcement], None]) -> None:
        """`differ(own, other)` is called for each pair that differs."""
        self._differ = differ
        self._own: OrderedDict[int, Announcement] = OrderedDict()
        self._others: OrderedDict[tuple[int, str], Announcement] = OrderedDict()

    def own(self, announcement: Announcement) -> None:
        """What this node says."""
        self._own[announcement.block] = announcement
        while len(self._own) > KEPT_BLOCKS:
            self._own.popitem(last=False)
        for key in [key for key in self._others if key[0] <= announcement.block]:
            other = self._others.pop(key)
            if key[0] == announcement.block:
                self._compare(announcement, other)

    def other(self, announcement: Announcement) -> None:
        """What another node says."""
        own = self._own.get(announcement.block)
        if own is not None:
            self._compare(own, announcement)
        elif not self._own or announcement.block > next(reversed(self._own)):
            self._others[(announcement.block, announcement.node)] = announcement
            while len(self._others) > KEPT_BLOCKS:
                self._others.popitem(last=False)

    def _compare(self, own: Announcement, other: Announcement) -> None:
        if own.first_difference(other) is not None:
            self._differ(own, other)
