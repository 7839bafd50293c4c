"""Which libraries a contract's creation code needs, and putting their addresses in.

The compiler lists the places; files that keep only the hex have placeholders, which are a library's name (before
Solidity 0.5) or the hash of `path:Name`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from megaeth_cli.bytecode.runtime_code import PLACEHOLDER
from megaeth_cli.compile import Contract
from megaeth_cli.units import keccak


@dataclass(frozen=True)
class Library:
    """One that a contract needs."""

    name: str
    """Without its file; of a hash that nobody knows, the placeholder."""
    unit: str
    """The compiler's name of its file; empty where that is not known."""
    places: tuple[int, ...]
    """Where its address goes, in bytes from the start."""

    @property
    def full_name(self) -> str:
        """`path:Name` as far as known."""
        return f"{self.unit}:{self.name}" if self.unit else self.name


def libraries(contract: Contract, known: Iterable[str] = ()) -> list[Library]:
    """What a contract links; `known` are full names that a placeholder's hash may be of."""
    if contract.links:
        return [
            Library(name, unit, tuple(one["start"] for one in places))
            for unit, names in contract.links.items()
            for name, places in names.items()
        ]
    names = {keccak(name.encode()).hex()[:34]: name for name in known}
    places: dict[str, list[int]] = {}
    for found in PLACEHOLDER.finditer(contract.bytecode):
        places.setdefault(found[0], []).append(found.start() // 2)
    return [_by_placeholder(text, names, tuple(starts)) for text, starts in places.items()]


def linked(contract: Contract, needed: Iterable[Library], address_of: Callable[[Library], bytes]) -> bytes:
    """Creation code with addresses in the places of libraries."""
    code = bytearray.fromhex(PLACEHOLDER.sub("00" * 20, contract.bytecode))
    for library in needed:
        address = address_of(library)
        for start in library.places:
            code[start : start + len(address)] = address
    return bytes(code)


def _by_placeholder(text: str, names: Mapping[str, str], places: tuple[int, ...]) -> Library:
    if text.startswith("__$"):
        unit, _, name = names.get(text[3:37], "").rpartition(":")
        return Library(name or text, unit, places)
    unit, _, name = text.strip("_").rpartition(":")
    return Library(name, unit, places)
