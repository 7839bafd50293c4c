"""Which parts of a contract are compiled. What isn't, native code leaves to the interpreter where it gets there.

Small contracts are compiled whole, except for what only leads to failures. Of others those blocks are taken that were
executed while the contract was watched, the most executed first: most of a contract is never called, and most of a
called function are checks that never fail.
"""

from __future__ import annotations

import array
import sys
from dataclasses import dataclass
from typing import Any, Final

from devnet.jit.decode import Block, Program

COUNT_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the service asks for."""

    whole: bool
    kept: tuple[int, ...] = ()
    """Blocks (their pcs) that were compiled before."""
    counts: bytes = b""
    """How often the instruction at each pc was executed: 32 bits each, little-endian, as the engine counts."""
    most: int = 0
    """Bytes of bytecode; not for `whole`."""

    def described(self) -> dict[str, Any]:
        """For a job's header, which the counts don't belong to."""
        return {"whole": self.whole, "kept": list(self.kept), "most": self.most}

    @classmethod
    def read(cls, described: dict[str, Any], counts: bytes) -> Wanted:
        """From a job."""
        return cls(bool(described["whole"]), tuple(described["kept"]), counts, int(described["most"]))


@dataclass(frozen=True, slots=True)
class Part:
    """What of a contract an object is."""

    whole: bool = True
    """Everything but failures."""
    kept: tuple[int, ...] = ()
    """The pcs of the blocks that were compiled in any case."""
    compiled: int = 0
    """Bytes of bytecode that are native."""
    left_out: int = 0
    """Bytes of bytecode that are not."""
    times: int = 1
    """How often the contract was compiled."""

    def has_more_than(self, other: Part) -> bool:
        """Whether it is the other and more."""
        return self.whole == other.whole and set(self.kept) > set(other.kept)


EVERYTHING: Final = Wanted(whole=True)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be compiled."""

    whole: bool
    """Everything but failures."""
    blocks: frozenset[int] = frozenset()
    """By their pc: these in any case."""


def choose(program: Program, wanted: Wanted) -> Selection:
    """The blocks that were compiled before, and those that were executed: the most executed first, while all of them
    have no more bytes than wanted.
    """
    counts = _counted(wanted.counts)
    chosen = set(wanted.kept) & program.blocks.keys()
    size = sum(_size(program.blocks[pc]) for pc in chosen)
    executed = [pc for pc in program.blocks if pc not in chosen and pc < len(counts) and counts[pc]]
    for pc in sorted(executed, key=lambda pc: (-counts[pc], pc)):
        size += _size(program.blocks[pc])
        if size > wanted.most and not wanted.whole:
            break
        chosen.add(pc)
    return Selection(wanted.whole, frozenset(chosen))


def _counted(counts: bytes) -> array.array[int]:
    found = array.array("I")
    assert found.itemsize == COUNT_BYTES
    found.frombytes(counts)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _size(block: Block) -> int:
    return block.last.next_pc - block.pc
