"""Which functions the console has: selectors, and the types of their arguments.

`console2` and today's `console.sol` hash the types' canonical names. An older `console.sol` hashed `uint` and `int`, as
they stand in Solidity, so that its selectors are others.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Final

from devnet._engine import keccak256

Types = tuple[str, ...]

MAX_ARGUMENTS: Final = 4
USUAL: Final = ("uint256", "int256", "string", "bool", "address", "bytes", "bytes32")
"""Any of them stands anywhere."""
SHORT: Final = tuple(f"bytes{size}" for size in range(1, 32))
"""Alone, or beside one other."""


def types_of(selector: bytes) -> Types | None:
    """The types of the arguments of the function with this selector; None: the console has none such."""
    return _known().get(selector)


@cache
def _known() -> dict[bytes, Types]:
    """About 7,000; made when somebody uses the console for the first time, in some milliseconds."""
    known: dict[bytes, Types] = {}
    for types in _shapes():
        canonical = ",".join(types)
        for names in (canonical, canonical.replace("int256", "int")):
            known.setdefault(keccak256(f"log({names})".encode())[:4], types)
    return known


def _shapes() -> Iterator[Types]:
    for count in range(MAX_ARGUMENTS + 1):
        yield from product(USUAL, repeat=count)
    for short in SHORT:
        yield (short,)
        for other in (*USUAL, *SHORT):
            yield short, other
            if other in USUAL:
                yield other, short
