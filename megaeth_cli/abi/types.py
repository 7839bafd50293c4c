"""ABI types as data: scalars, arrays, tuples; read from type strings and from ABI JSON."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal["uint", "int", "address", "bool", "bytesN", "bytes", "string", "function"]

FUNCTION_BYTES = 24
"""A function of a contract: its address, and the function's selector."""

_SCALAR = re.compile(r"(uint|int)([1-9]\d*|)|bytes([1-9]\d*)|address(?: payable)?|bool|bytes|string|function")
_FUNCTION = re.compile(r"function\s*\(")
_NO_NAMES = frozenset(
    {"indexed", "memory", "calldata", "storage", "payable", "external", "internal", "view", "pure", "returns"}
)
"""What may stand between a parameter's type and its name."""
_ARRAY = re.compile(r"(.*)\[(\d*)\]", re.DOTALL)


class AbiTypeError(ValueError):
    """A type or signature that is none."""


@dataclass(frozen=True)
class Scalar:
    """A type without parts."""

    kind: Kind
    size: int = 0
    """Bits of integers, bytes of `bytesN` and `function`."""
    members: tuple[str, ...] = field(default=(), compare=False)
    """Of an enum: what its values are called in the source, as far as that is known."""

    @property
    def dynamic(self) -> bool:
        """Whether the encoding's length depends on the value."""
        return self.kind in ("bytes", "string")

    @property
    def head_size(self) -> int:
        """Bytes in the place where the value, or the offset of it, stands."""
        return 32

    def __str__(self) -> str:
        match self.kind:
            case "uint" | "int":
                return f"{self.kind}{self.size}"
            case "bytesN":
                return f"bytes{self.size}"
            case other:
                return other


@dataclass(frozen=True)
class Array:
    """Elements of one type."""

    element: "AbiType"
    length: int | None
    """None: as many as the value has."""

    @property
    def dynamic(self) -> bool:
        """Whether the encoding's length depends on the value."""
        return self.length is None or self.element.dynamic

    @property
    def head_size(self) -> int:
        """Bytes in the place where the value, or the offset of it, stands."""
        return 32 if self.dynamic else self.element.head_size * (self.length or 0)

    def __str__(self) -> str:
        return f"{self.element}[{'' if self.length is None else self.length}]"


@dataclass(frozen=True)
class Parameter:
    """A type with a name; the name may be empty."""

    type: "AbiType"
    name: str = ""
    indexed: bool = False
    declared: str = ""
    """The source's own type, as in `enum GameGrid.Direction`; empty when unknown."""


@dataclass(frozen=True)
class Tuple:
    """A struct."""

    members: tuple[Parameter, ...]

    @property
    def dynamic(self) -> bool:
        """Whether the encoding's length depends on the value."""
        return any(member.type.dynamic for member in self.members)

    @property
    def head_size(self) -> int:
        """Bytes in the place where the value, or the offset of it, stands."""
        return 32 if self.dynamic else sum(member.type.head_size for member in self.members)

    def __str__(self) -> str:
        return f"({','.join(str(member.type) for member in self.members)})"


AbiType = Scalar | Array | Tuple

AbiValue = Any
"""A value of some ABI type: int, bool, str, bytes (addresses too), or a list of such."""


def parse_type(text: str) -> AbiType:
    """Read a type such as `uint`, `bytes32[2][]` or `(address,(bool,string)[])`."""
    text = text.strip()
    if _FUNCTION.match(text) and text.endswith(")"):
        # As sources write it; what it takes and returns is no part of the ABI's type.
        return _scalar("function")
    if array := _ARRAY.fullmatch(text):
        return Array(parse_type(array[1]), int(array[2]) if array[2] else None)
    inner = text.removeprefix("tuple")
    if inner.startswith("(") and inner.endswith(")"):
        return Tuple(parse_parameters(inner[1:-1]))
    return _scalar(text)


def parse_parameters(text: str) -> tuple[Parameter, ...]:
    """Read a list such as `address to, uint256 value`; names and data locations are optional."""
    if not text.strip():
        return ()
    return tuple(_parameter(part) for part in split_top_level(text))


def split_top_level(text: str) -> list[str]:
    """Split at the commas that stand in no parentheses."""
    parts, depth, start = [], 0, 0
    for position, letter in enumerate(text):
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
            if depth < 0:
                break
        elif letter == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    if depth != 0:
        raise AbiTypeError(f"parentheses do not match in {text!r}")
    return [*parts, text[start:]]


Enums = Mapping[str, Sequence[str]]
"""Members of enums, by the names that `internalType` has for them: `GameGrid.Direction`."""


def from_json(item: dict[str, Any], enums: Enums = MappingProxyType({})) -> Parameter:
    """A parameter of a contract's ABI JSON."""
    text = str(item.get("type", ""))
    declared = str(item.get("internalType", ""))
    suffix_at = text.find("[") if text.startswith("tuple") else -1
    if text.startswith("tuple"):
        kind: AbiType = Tuple(tuple(from_json(part, enums) for part in item.get("components", ())))
        for length in re.findall(r"\[(\d*)\]", text[suffix_at:] if suffix_at >= 0 else ""):
            kind = Array(kind, int(length) if length else None)
    else:
        kind = parse_type(text)
        if declared.startswith("enum "):
            name = declared.removeprefix("enum ").partition("[")[0]
            kind = _named(kind, tuple(enums.get(name, ())))
    return Parameter(kind, str(item.get("name", "")), bool(item.get("indexed", False)), declared)


def _named(kind: AbiType, members: tuple[str, ...]) -> AbiType:
    """The type of an enum, or of arrays of it, with the names of its values."""
    match kind:
        case Array(element, length):
            return Array(_named(element, members), length)
        case Scalar():
            return replace(kind, members=members)
        case _:
            return kind


def _parameter(text: str) -> Parameter:
    text = text.strip()
    # The type ends at the first space outside parentheses; what follows is `indexed`, a location or the name.
    depth, start = 0, len("function ") if _FUNCTION.match(text) else 0
    for position, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == " " and depth == 0 and position >= start:
            words = text[position:].split()
            # `function(uint256) external[2] hooks`: the brackets belong to the type.
            lengths = "".join(word[word.index("[") :] for word in words if "[" in word)
            named = words[-1] not in _NO_NAMES and words[-1].replace("$", "_").isidentifier()
            kind = parse_type(text[:position])
            for length in re.findall(r"\[(\d*)\]", lengths):
                kind = Array(kind, int(length) if length else None)
            return Parameter(kind, words[-1] if named else "", "indexed" in words)
    return Parameter(parse_type(text))


def _scalar(text: str) -> Scalar:
    found = _SCALAR.fullmatch(text)
    if found is None:
        raise AbiTypeError(f"not an ABI type: {text!r}")
    if integer := found[1]:
        bits = int(found[2] or 256)
        if bits % 8 or not 8 <= bits <= 256:
            raise AbiTypeError(f"not an ABI type: {text!r}")
        return Scalar("uint" if integer == "uint" else "int", bits)
    if found[3]:
        size = int(found[3])
        if not 1 <= size <= 32:
            raise AbiTypeError(f"not an ABI type: {text!r}")
        return Scalar("bytesN", size)
    match text.split()[0]:
        case "address":
            return Scalar("address")
        case "bool":
            return Scalar("bool")
        case "string":
            return Scalar("string")
        case "function":
            return Scalar("function", FUNCTION_BYTES)
        case _:
            return Scalar("bytes")
