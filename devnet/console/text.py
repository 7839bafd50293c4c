"""What a call of the console shows, as forge and anvil show it.

A first argument that is a string is a format: `%s` any value, `%d` and `%i` a number, `%x` hexadecimal, `%o` quoted,
`%e` in exponents and `%18e` with the decimal point moved, `%%` a percent sign. What is left over of values follows
behind spaces, what is left over of the format stays as it is. Hardhat's own output differs where node's `util.format`
does: it knows no `%x` and `%e`, and leaves `%%` in a lone string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from devnet.console.signatures import types_of
from devnet.console.values import Hex, Malformed, Value, decode

MAX_TEXT: Final = 4096
"""Characters; what is longer is cut."""
MAX_SHOWN: Final = 68
"""Bytes of calldata that nobody understands."""
NO_NUMBER: Final = "NaN"
WORDS: Final = 1 << 256

_SPECIFIER: Final = re.compile(r"%(?:[%sdixo]|\d{0,3}e)", re.ASCII)


def told(calldata: bytes) -> str:
    """The text of a call; of one that the console doesn't have, its calldata."""
    types = types_of(calldata[:4])
    if types is not None:
        try:
            return _cut(_text(decode(types, calldata[4:])))
        except Malformed:
            pass
    more = "..." if len(calldata) > MAX_SHOWN else ""
    return f"0x{calldata[:MAX_SHOWN].hex()}{more} (console.log has no such function)"


def _cut(text: str) -> str:
    left_out = len(text) - MAX_TEXT
    return text if left_out <= 0 else f"{text[:MAX_TEXT]}... ({left_out} characters more)"


def _text(values: list[Value]) -> str:
    match values:
        case [str() as text, *others] if text:
            rest = iter(others)
            formatted = _formatted(text, rest)
            return " ".join([formatted, *map(_plain, rest)])
        case ["", *others]:
            values = others
    return " ".join(map(_plain, values))


def _formatted(text: str, values: Iterator[Value]) -> str:
    def replaced(found: re.Match[str]) -> str:
        specifier = found[0][1:]
        if specifier == "%":
            return "%"
        value = next(values, None)
        return found[0] if value is None else _specified(value, specifier)

    return _SPECIFIER.sub(replaced, text)


def _specified(value: Value, specifier: str) -> str:
    match specifier, value:
        case "s", _:
            return _plain(value)
        case "d", bool():
            return str(int(value))
        case "o", bool() | str() | Hex():
            return f"'{_plain(value)}'"
        case "x", Hex():
            return value.text
        case _, bool() | str() | Hex():
            return NO_NUMBER
        case "x", int():
            return hex(value % WORDS)
        case "d" | "i" | "o", int():
            return str(value)
    assert isinstance(value, int)
    return _exponential(value, specifier[:-1])


def _exponential(value: int, digits: str) -> str:
    """With the decimal point behind the first digit, or so many places further left."""
    exponent = int(digits) if digits else len(str(abs(value))) - 1
    whole, fraction = divmod(abs(value), 10**exponent)
    decimals = f"{fraction:0{exponent}}".rstrip("0") if exponent else ""
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}{'.' * bool(decimals)}{decimals}{'' if digits else f'e{exponent}'}"


def _plain(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Hex():
            return value.text
    return str(value)
