"""Telling contracts by their code: runtime code as a compiler made it, less what is filled in afterwards.

Between the compiler and the chain these places change: immutables, the addresses of linked libraries, a library's own
address in its guard, and the hash of sources and settings at the end (also that of contracts which a factory carries).
They count for nothing here, so that the same source is known whoever compiled and deployed it.
https://docs.soliditylang.org/en/latest/metadata.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from megaeth_cli.units import keccak

LinkReferences = Mapping[str, Mapping[str, list[dict[str, int]]]]
"""Where addresses of libraries go, as the compiler says it: file -> library -> start and length."""

PLACEHOLDER = re.compile(r"__.{36}__")
"""Stands for a library's address in unlinked code: `__$hash$__`, or its name before Solidity 0.5."""

_PUSH1, _PUSH32 = 0x60, 0x7F
_UNSET = bytes([_PUSH32]) + bytes(32)
_LIBRARY_GUARD = bytes([0x73]) + bytes(20) + b"\x30\x14"
_METADATA_HASH = re.compile(rb"(?s)(?<=ipfs\x58\x22).{34}|(?<=bzzr[01]\x58\x20).{32}")

_COMPILER = re.compile(rb"(?s)\x64solc\x43(.{3})")


class UnlinkedCodeError(ValueError):
    """Text that is no runtime code, with or without placeholders."""


@dataclass(frozen=True)
class CodePattern:
    """What all deployments of a contract have in common."""

    size: int
    """Bytes, without the metadata at the end."""
    digest: str
    """Of those bytes, the masked ones being zero."""
    masked: tuple[tuple[int, int], ...]
    """Start and length of what differs between deployments, apart from hashes of metadata."""
    metadata: str
    """The metadata at the end, in hex; it is the same only for the same sources and settings."""

    @classmethod
    def of(
        cls, runtime: str, links: LinkReferences | None = None, immutables: Mapping[str, Any] | None = None
    ) -> "CodePattern":
        """From the compiler's runtime code in hex; UnlinkedCodeError if it is none.

        Without `immutables` they are where 32 zero bytes are pushed, which the compiler does for nothing else.
        """
        digits = runtime.removeprefix("0x")
        places = [(found.start() // 2, 20) for found in PLACEHOLDER.finditer(digits)]
        try:
            code = bytes.fromhex(PLACEHOLDER.sub("00" * 20, digits))
        except ValueError as error:
            raise UnlinkedCodeError(str(error)) from None
        places += [
            (one["start"], one["length"])
            for libraries in (links or {}).values()
            for each in libraries.values()
            for one in each
        ]
        if immutables is not None:
            places += [(one["start"], one["length"]) for each in immutables.values() for one in each]
        else:
            places += _unset_immutables(code)
        if code.startswith(_LIBRARY_GUARD):
            places.append((1, 20))
        masked = tuple(sorted(set(places)))
        body, metadata = split_metadata(code)
        return cls(len(body), _digest(body, masked), masked, metadata.hex())

    def matches(self, body: bytes) -> bool:
        """Whether code, without its metadata, is a deployment of this."""
        return len(body) == self.size and _digest(body, self.masked) == self.digest


def instructions(code: bytes) -> Iterator[int]:
    """Where instructions begin."""
    pc = 0
    while pc < len(code):
        yield pc
        pc += 1 + (code[pc] - _PUSH1 + 1 if _PUSH1 <= code[pc] <= _PUSH32 else 0)


def pushes(code: bytes, number: int) -> list[int]:
    """Where a number is put on the stack, as jumps need it."""
    return [
        pc
        for pc in instructions(code)
        if _PUSH1 <= code[pc] <= _PUSH32
        and int.from_bytes(code[pc + 1 : pc + 2 + code[pc] - _PUSH1], "big") == number
    ]


def split_metadata(code: bytes) -> tuple[bytes, bytes]:
    """Code without and only with the metadata that the compiler puts at its end: CBOR, and its length in two bytes."""
    length = int.from_bytes(code[-2:], "big") + 2
    trailer = code[-length:] if 2 < length <= len(code) else b""
    # A map of one to four entries, of which one is known.
    known = (b"ipfs", b"bzzr", b"solc", b"experimental")
    if trailer and 0xA1 <= trailer[0] <= 0xA4 and any(name in trailer for name in known):
        return code[:-length], trailer
    return code, b""


def compiler_version(metadata: str) -> str:
    """The release of solc that metadata (in hex) names, as `0.8.30`; empty where it names none."""
    found = _COMPILER.search(bytes.fromhex(metadata))
    return ".".join(map(str, found[1])) if found else ""


def _digest(body: bytes, masked: Iterable[tuple[int, int]]) -> str:
    blank = bytearray(body)
    for start, length in masked:
        blank[start : start + length] = bytes(len(blank[start : start + length]))
    for found in _METADATA_HASH.finditer(body):
        blank[found.start() : found.end()] = bytes(len(found[0]))
    return keccak(bytes(blank)).hex()[:32]


def _unset_immutables(code: bytes) -> list[tuple[int, int]]:
    return [(pc + 1, 32) for pc in instructions(code) if code[pc : pc + 33] == _UNSET]
