"""Reads as much of an ELF object as is needed to say whether the engine will take it, and where its code is."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from devnet.jit.abi import ENTRY

_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_SYMBOL_TABLE: Final = 2
_ALLOCATED, _EXECUTABLE = 2, 4


class BadObject(Exception):
    """An object that must not be loaded."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section's header."""

    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry_size: int


class Elf:
    """A relocatable ELF object of 64 bits."""

    def __init__(self, data: bytes) -> None:
        if data[:6] != b"\x7fELF\x02\x01":
            raise BadObject("not a little-endian ELF object of 64 bits")
        self._data = data
        header = _HEADER.unpack_from(data)
        offset, size, count = header[6], header[11], header[12]
        self.sections = [Section(*_SECTION.unpack_from(data, offset + i * size)) for i in range(count)]

    @property
    def loaded_size(self) -> int:
        """Bytes of code and constants."""
        return sum(one.size for one in self.sections if one.flags & _ALLOCATED)

    @property
    def code_size(self) -> int:
        """Bytes of code."""
        return sum(one.size for one in self.sections if one.flags & _EXECUTABLE)

    def undefined(self) -> list[str]:
        """Symbols that somebody else would have to define."""
        return [name for name, section, _ in self._symbols() if section == 0 and name]

    def check(self) -> None:
        """Raises BadObject when something is missing from the object."""
        if missing := self.undefined():
            raise BadObject(f"needs {', '.join(missing)}")
        if not any(name == ENTRY and section for name, section, _ in self._symbols()):
            raise BadObject(f"has no {ENTRY}")

    def _symbols(self) -> list[tuple[str, int, int]]:
        found: list[tuple[str, int, int]] = []
        for table in self.sections:
            if table.kind != _SYMBOL_TABLE:
                continue
            names = self.sections[table.link]
            for offset in range(table.offset, table.offset + table.size, _SYMBOL.size):
                name, _, _, section, value, _ = _SYMBOL.unpack_from(self._data, offset)
                found.append((self._name(names.offset + name), section, value))
        return found

    def _name(self, at: int) -> str:
        return self._data[at : self._data.index(b"\0", at)].decode()
