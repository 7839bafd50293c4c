"""The compiler's source maps: from instructions, of runtime code or of what creates it, to lines of its sources.

https://docs.soliditylang.org/en/latest/internals/source_mappings.html. A map has one entry per instruction, so that
what linking and deploying fill in (libraries, immutables) moves nothing.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from megaeth_cli.bytecode.runtime_code import instructions


@dataclass(frozen=True)
class Line:
    """A line of a source."""

    unit: str
    """The compiler's name of its file."""
    number: int
    """From 1."""
    text: str


@dataclass(frozen=True)
class SourceMaps:
    """The source maps of all contracts that were compiled together, and the sources."""

    units: Mapping[str, str]
    """The sources, by the compiler's name of their file."""
    indexes: Mapping[str, str]
    """The file of each index that the maps use."""
    maps: Mapping[str, str]
    """Of runtime code, by `path:Name` of the contract."""
    creation_maps: Mapping[str, str] = field(default_factory=dict)
    """Of the code that creates it, likewise."""

    def to_json(self) -> dict[str, Any]:
        """For keeping."""
        return asdict(self)

    def lines(self, contract: str, code: bytes, *, creates: bool = False) -> dict[int, Line]:
        """The line of each instruction, by pc, where there is one; code that the compiler made up has none.

        Empty when the contract is not known here or has other code. `creates`: of code that creates it, with whatever
        stands behind that.
        """
        texts: dict[str, _Text] = {}
        found = {}
        for pc, (start, index, _) in self._placed(contract, code, creates):
            unit = self.indexes.get(index)
            if start < 0 or unit is None or unit not in self.units:
                continue
            if unit not in texts:
                texts[unit] = _Text(self.units[unit])
            found[pc] = texts[unit].line(unit, start)
        return found

    def internal_jumps(self, contract: str, code: bytes, *, creates: bool = False) -> frozenset[int]:
        """The jumps into and out of functions of the same contract, by pc."""
        placed = self._placed(contract, code, creates)
        return frozenset(pc for pc, (_, _, jump) in placed if jump in ("i", "o"))

    def _placed(self, contract: str, code: bytes, creates: bool) -> list[tuple[int, "_Entry"]]:
        entries = _entries((self.creation_maps if creates else self.maps).get(contract, ""))
        places = list(instructions(code))
        return list(zip(places, entries, strict=False)) if len(entries) <= len(places) else []


_Entry = tuple[int, str, str]
"""Start, file, and whether it jumps into (`i`) or out of (`o`) a function."""


class _Text:
    """A source, cut into lines. Places in maps count bytes."""

    def __init__(self, text: str) -> None:
        self._lines = text.encode().split(b"\n")
        self._starts = [0]
        for line in self._lines[:-1]:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def line(self, unit: str, start: int) -> Line:
        number = bisect_right(self._starts, start)
        return Line(unit, number, self._lines[number - 1].decode(errors="replace").strip())


def _entries(text: str) -> list[_Entry]:
    """Of each instruction; a field that is left out is that of the instruction before."""
    if not text:
        return []
    start, index, jump = -1, "-1", "-"
    entries = []
    for entry in text.split(";"):
        fields = entry.split(":")
        if fields[0]:
            start = int(fields[0])
        if len(fields) > 2 and fields[2]:
            index = fields[2]
        if len(fields) > 3 and fields[3]:
            jump = fields[3]
        entries.append((start, index, jump))
    return entries
