"""ABI values as people type and read them.

Typed: decimal, hex, `1e18`, `0.5ether`, `true`, `0x...`, `[1,2]`, `(1,"a,b",'c',[0x12])`, JSON objects for
structs. As with cast, quotes around a whole text are not part of it.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from megaeth_cli.abi.types import AbiType, AbiValue, Array, Parameter, Scalar, Tuple
from megaeth_cli.units import UNITS, checksummed

Json = object
"""What `json.dumps` takes."""

Resolver = Callable[[str], bytes | None]
"""Address of a contract known by name; None for a name that nothing has."""

_NUMBER = re.compile(
    r"([+-]?(?:0x[0-9a-f_]+|(?:[0-9][0-9_]*(?:\.[0-9_]+)?|\.[0-9][0-9_]*)(?:e[+-]?[0-9]+)?))\s*([a-z]*)",
    re.IGNORECASE,
)
_MAX_EXPONENT = 80
_WORD = 32
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_QUOTES = "\"'"
_BEFORE_QUOTES = "[({,:"
"""After these a quotation mark begins a string; elsewhere it is a letter as others are."""


class ValueTextError(ValueError):
    """A text that is no value of the type."""


def from_text(kind: AbiType, text: str, resolve: Resolver = lambda _: None) -> AbiValue:
    """The value that a text stands for; ValueTextError says what is wrong with it."""
    text = _unquoted(text)
    match kind:
        case Scalar():
            return _scalar(kind, text, resolve)
        case Array(element, length):
            parts = _elements(text, kind)
            if length is not None and len(parts) != length:
                raise ValueTextError(f"{kind} takes {length} elements, not {len(parts)}")
            return [_part(f"element {n}", element, part, resolve) for n, part in enumerate(parts)]
        case Tuple(members):
            parts = _members(text, kind)
            if len(parts) != len(members):
                raise ValueTextError(f"{kind} takes {len(members)} members, not {len(parts)}")
            return [
                _part(member.name or f"member {n}", member.type, part, resolve)
                for n, (member, part) in enumerate(zip(members, parts, strict=True))
            ]


def integer(text: str) -> int:
    """A whole number, with a unit (`wei`, `gwei`, `ether`) if there is one."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        raise ValueTextError(f"{text!r} is not a number")
    digits, unit = found[1].replace("_", ""), found[2].lower()
    if unit and unit not in UNITS:
        raise ValueTextError(f"unknown unit {found[2]!r}; known are {', '.join(UNITS)}")
    if "0x" in digits.lower():
        return int(digits, 16) * UNITS.get(unit, 1)
    try:
        number = Decimal(digits)
        if abs(number.adjusted()) > _MAX_EXPONENT:
            raise ValueTextError(f"{text!r} is out of range")
        # Exact: the context's 28 digits would round a uint256.
        numerator, denominator = number.as_integer_ratio()
    except InvalidOperation:
        raise ValueTextError(f"{text!r} is not a number") from None
    whole, rest = divmod(numerator * UNITS.get(unit, 1), denominator)
    if rest:
        raise ValueTextError(f"{text!r} is not a whole number" + (" of wei" if unit else ""))
    return whole


def hex_bytes(text: str) -> bytes:
    """Bytes from `0x...`."""
    digits = text[2:] if text[:2] in ("0x", "0X") else None
    if digits is None:
        raise ValueTextError(f"{text!r} is not hex: it must start with 0x")
    if len(digits) % 2:
        raise ValueTextError(f"{text!r} has an odd number of hex digits")
    try:
        # bytes.fromhex would allow spaces.
        return bytes.fromhex("" if any(map(str.isspace, digits)) else digits) or _none(digits, text)
    except ValueError:
        raise ValueTextError(f"{text!r} is not hex") from None


def address(text: str) -> bytes:
    """An address; one in mixed case must have EIP-55's checksum."""
    raw = hex_bytes(text)
    if len(raw) != 20:
        raise ValueTextError(f"{text} has {len(raw)} bytes; an address has 20")
    digits = text[2:]
    if digits != digits.lower() and digits != digits.upper() and text[2:] != checksummed(raw)[2:]:
        raise ValueTextError(f"{text} has a wrong checksum: a letter or digit is mistyped")
    return raw


def to_text(parameter: Parameter, value: AbiValue) -> str:
    """A value for people."""
    match parameter.type:
        case Scalar(kind="string"):
            return json.dumps(value, ensure_ascii=False)
        case Scalar(kind="address"):
            return checksummed(value)
        case Scalar(kind="bool"):
            return "true" if value else "false"
        case Scalar(kind="bytes" | "bytesN" | "function"):
            return "0x" + bytes(value).hex()
        case Scalar():
            return str(value)
        case Array(element, _):
            return "[" + ", ".join(to_text(Parameter(element), item) for item in value) + "]"
        case Tuple(members):
            return (
                "("
                + ", ".join(_named(member, item) for member, item in zip(members, value, strict=True))
                + ")"
            )


def to_json(kind: AbiType, value: AbiValue) -> Json:
    """A value for programs: structs as objects, integers as decimal strings.

    Strings because many JSON readers round numbers beyond 2^53.
    """
    match kind:
        case Scalar(kind="string" | "bool"):
            return value
        case Scalar(kind="address"):
            return checksummed(value)
        case Scalar(kind="bytes" | "bytesN" | "function"):
            return "0x" + bytes(value).hex()
        case Scalar():
            return str(value)
        case Array(element, _):
            return [to_json(element, item) for item in value]
        case Tuple(members):
            items = [to_json(member.type, item) for member, item in zip(members, value, strict=True)]
            names = [member.name for member in members]
            return dict(zip(names, items, strict=True)) if all(names) else items


def _named(member: Parameter, value: AbiValue) -> str:
    text = to_text(member, value)
    return f"{member.name}: {text}" if member.name else text


def _none(digits: str, text: str) -> bytes:
    if digits:
        raise ValueTextError(f"{text!r} is not hex")
    return b""


def _part(name: str, kind: AbiType, text: str, resolve: Resolver) -> AbiValue:
    try:
        return from_text(kind, text, resolve)
    except ValueTextError as error:
        raise ValueTextError(f"{name}: {error}") from None


def _scalar(kind: Scalar, text: str, resolve: Resolver) -> AbiValue:
    match kind.kind:
        case "string":
            return text
        case "uint" | "int":
            number = _member(kind, text) if kind.members else integer(text)
            low, high = (
                (0, 1 << kind.size) if kind.kind == "uint" else (-(1 << kind.size - 1), 1 << kind.size - 1)
            )
            if not low <= number < high:
                raise ValueTextError(f"{text} is out of range for {kind} ({low} to {high - 1})")
            return number
        case "bool":
            if text.lower() not in ("true", "false", "1", "0"):
                raise ValueTextError(f"{text!r} is neither true nor false")
            return text.lower() in ("true", "1")
        case "address":
            if text[:2] not in ("0x", "0X") and (known := resolve(text)) is not None:
                return known
            if text[:2] not in ("0x", "0X"):
                raise ValueTextError(f"{text!r} is neither an address nor a contract known by that name")
            return address(text)
        case "bytesN" | "function":
            raw = _hex_or_advice(text, kind)
            if len(raw) != kind.size:
                parts = ", an address and a selector" if kind.kind == "function" else ""
                raise ValueTextError(f"{text} has {len(raw)} bytes; {kind} has {kind.size}{parts}")
            return raw
        case _:
            return _hex_or_advice(text, kind)


def _member(kind: Scalar, text: str) -> int:
    """A value of an enum: its name, with or without the enum's before it, or its number."""
    name = text.strip().rpartition(".")[2]
    if name in kind.members:
        return kind.members.index(name)
    try:
        return integer(text)
    except ValueTextError:
        raise ValueTextError(f"{text!r} is none of {', '.join(kind.members)}") from None


def _hex_or_advice(text: str, kind: Scalar) -> bytes:
    """Bytes from `0x...`; who wrote text or forgot the 0x is told how to write it."""
    try:
        return hex_bytes(text)
    except ValueTextError as error:
        raw = text.encode()
        is_text = raw and text[:2] not in ("0x", "0X") and kind.kind != "function"
        if not is_text or len(raw) > (kind.size or _WORD):
            raise
        digits = raw.hex().ljust(2 * kind.size, "0")
        raise ValueTextError(f"{error}; the letters {text!r} would be 0x{digits}") from None


def _elements(text: str, kind: AbiType) -> list[str]:
    text = text.strip()
    if len(text) < 2 or text[0] not in "[(" or text[-1] != _CLOSING[text[0]]:
        raise ValueTextError(f"{text!r} is no {kind}: write [a, b, ...]")
    return _split(text[1:-1])


def _members(text: str, kind: Tuple) -> list[str]:
    text = text.strip()
    if not text.startswith("{"):
        return _elements(text, kind)
    try:
        fields = json.loads(text, parse_int=str, parse_float=str)
    except ValueError as error:
        raise ValueTextError(f"not JSON: {error}") from None
    names = [member.name for member in kind.members]
    unknown = [name for name in fields if name not in names]
    missing = [name for name in names if name not in fields]
    if unknown or missing:
        wrong = [f"no member {name!r}" for name in unknown] + [f"{name!r} is missing" for name in missing]
        raise ValueTextError(f"{'; '.join(wrong)} (members: {', '.join(names)})")
    return [json.dumps(fields[name]) for name in names]


def _split(text: str) -> list[str]:
    """Split at commas outside brackets and quotes."""
    if not text.strip():
        return []
    parts, stack, start, position = [], [], 0, 0
    while position < len(text):
        letter = text[position]
        if letter in _QUOTES and text[start:position].rstrip()[-1:] in _BEFORE_QUOTES:
            position = _end_of_string(text, position)
        elif letter in _CLOSING:
            stack.append(_CLOSING[letter])
        elif stack and letter == stack[-1]:
            stack.pop()
        elif letter in _CLOSING.values():
            raise ValueTextError(f"an extra {letter!r} in {text!r}")
        elif letter == "," and not stack:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    if stack:
        raise ValueTextError(f"a {stack[-1]!r} is missing in {text!r}")
    found = [part.strip() for part in (*parts, text[start:])]
    if not all(found):
        raise ValueTextError(f'an element is missing in {text!r}; an empty string is ""')
    return found


def _end_of_string(text: str, start: int) -> int:
    """Where a quoted part ends, which must be all of the part."""
    end = _closing_quote(text, start)
    if end is None:
        raise ValueTextError(f"a quotation mark is missing in {text!r}")
    if (after := text[end + 1 :].lstrip()) and after[0] not in ",:])}":
        raise ValueTextError(f"{after[0]!r} follows a closing quotation mark in {text!r}")
    return end


def _closing_quote(text: str, start: int) -> int | None:
    """Where the string that begins at `start` ends. Only double quotes know the escapes of JSON, as with cast."""
    quote, position = text[start], start + 1
    while position < len(text) and text[position] != quote:
        position += 2 if text[position] == "\\" and quote == '"' else 1
    return position if position < len(text) else None


def _unquoted(text: str) -> str:
    """A text without the quotation marks around all of it."""
    part = text.strip()
    if part[:1] not in ('"', "'") or _closing_quote(part, 0) != len(part) - 1:
        return text
    if part[0] == "'":
        return part[1:-1]
    try:
        return str(json.loads(part, strict=False))
    except ValueError:
        raise ValueTextError(f"not a quoted string: {part}") from None
