"""Values that fill a part of a slot, and keys of mappings: what their bits mean, by the type and not by its name."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from megaeth_cli.units import checksummed

WORD = 32
ADDRESS_BITS = 160
_DECIMALS = 10
"""Of Vyper's `decimal`."""

Info = Mapping[str, Any]
"""A type as the layout's JSON has it."""

_NUMBER = re.compile(r"t_(u?int)(\d+)")
_FIXED_BYTES = re.compile(r"t_bytes(\d+)")


@dataclass(frozen=True)
class ValueType:
    """A type whose values have no parts."""

    kind: Literal["uint", "int", "bool", "address", "bytes", "enum", "flags", "decimal"]
    bits: int
    """Of the value itself: Vyper gives an `int8` a whole slot."""
    name: str = ""
    """Of an enum or of flags, as their members are written with it."""
    members: tuple[str, ...] = ()

    def text(self, number: int, size: int) -> str:
        """A value that fills `size` bytes."""
        match self.kind:
            case "bool":
                return {0: "false", 1: "true"}.get(number, str(number))
            case "address":
                return checksummed(number.to_bytes(20, "big")) if number >> ADDRESS_BITS == 0 else hex(number)
            case "int":
                return str(_signed(number, size))
            case "decimal":
                return _decimal(_signed(number, size))
            case "bytes":
                # In more room than it needs (a Vyper slot, a key) it stands on the left.
                return f"0x{number.to_bytes(size, 'big')[: self.bits // 8].hex()}"
            case "enum":
                known = number < len(self.members)
                return f"{self.name}.{self.members[number]}" if known else str(number)
            case "flags":
                return self._flags(number)
            case _:
                return str(number)

    def key_text(self, word: int) -> str | None:
        """A mapping's key, given as the word that is hashed; None for a word that the type cannot be."""
        match self.kind:
            case "bytes":
                fits = word & ((1 << 256 - self.bits) - 1) == 0
            case "int" | "decimal":
                half = 1 << self.bits - 1
                fits = -half <= _signed(word, WORD) < half
            case "bool":
                fits = word < 2
            case "enum" if self.members:
                fits = word < len(self.members)
            case _:
                fits = word >> self.bits == 0
        return self.text(word, WORD) if fits else None

    def _flags(self, number: int) -> str:
        named = [name for bit, name in enumerate(self.members) if number >> bit & 1]
        if not named or number >> len(self.members):
            return str(number)
        return " | ".join(f"{self.name}.{one}" for one in named)


@dataclass(frozen=True)
class TextType:
    """`bytes` and `string`."""

    is_string: bool

    def key_text(self, raw: bytes) -> str:
        """A mapping's key."""
        return repr(raw.decode(errors="replace")) if self.is_string else f"0x{raw.hex()}"

    def text(self, raw: bytes) -> str:
        """The contents."""
        if self.is_string:
            return json.dumps(raw.decode(errors="replace"), ensure_ascii=False)
        return f"0x{raw.hex()}"


def is_text(info: Info) -> bool:
    """Whether a type is `bytes` or `string` of any length."""
    return info.get("encoding") in ("bytes", "bounded_bytes")


def text_type(info: Info) -> TextType:
    """What a `bytes` or `string` is."""
    return TextType(str(info.get("label", "")).lower().startswith("string"))


def value_type(kind: str, info: Info, underlying: str = "") -> ValueType:
    """What a type id stands for; `underlying` is that of a user-defined type that the layout does not explain."""
    size = int(info.get("numberOfBytes", WORD))
    label = str(info.get("label", ""))
    own = info.get("underlying") or underlying
    if own and kind.startswith("t_userDefinedValueType"):
        return value_type(own, {"numberOfBytes": size})
    if number := _NUMBER.fullmatch(kind):
        return ValueType("int" if number[1] == "int" else "uint", int(number[2]))
    if fixed := _FIXED_BYTES.fullmatch(kind):
        return ValueType("bytes", 8 * int(fixed[1]))
    if kind == "t_bool":
        return ValueType("bool", 8)
    if kind in ("t_address", "t_address_payable") or kind.startswith("t_contract("):
        return ValueType("address", ADDRESS_BITS)
    if kind == "t_decimal":
        return ValueType("decimal", 168)
    if kind.startswith("t_function_external"):
        return ValueType("bytes", 8 * 24)
    if "flags" in info:
        return ValueType("flags", len(info["flags"]), label, tuple(info["flags"]))
    if kind.startswith("t_enum("):
        name = label.removeprefix("enum ").rpartition(".")[2]
        return ValueType("enum", 8 * size, name, tuple(info.get("values", ())))
    return ValueType("uint", 8 * size)


def _signed(number: int, size: int) -> int:
    return number - (1 << 8 * size) if number >> (8 * size - 1) else number


def _decimal(number: int) -> str:
    whole, part = divmod(abs(number), 10**_DECIMALS)
    return f"{'-' if number < 0 else ''}{whole}.{str(part).rjust(_DECIMALS, '0').rstrip('0') or '0'}"
