"""The values of Solidity's constant expressions, as far as they make storage slots and mapping keys."""

import operator
import re
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from megaeth_cli.units import keccak

Json = dict[str, Any]

WORD = 32
_ALL = (1 << 256) - 1
_RATIONAL = re.compile(r"t_rational_(minus_)?(\d+)_by_1")
_NUMBER = re.compile(r"t_(u?)int(\d+)")
_FIXED_BYTES = re.compile(r"t_bytes(\d+)")
_OPERATIONS: Mapping[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": lambda a, b: a << b if b < 256 else 0,
    ">>": operator.rshift,
}
_DEEPEST = 64


def word(node: Json | None, declarations: Mapping[int, Json], depth: int = 0) -> int | None:
    """The word that an expression gives, as mappings hash it; None where it is not known before running."""
    if node is None or depth > _DEEPEST:
        return None
    described = node.get("typeDescriptions", {}).get("typeIdentifier") or ""
    if number := _RATIONAL.fullmatch(described):
        return (-int(number[2]) if number[1] else int(number[2])) & _ALL

    def inner(one: Json | None) -> int | None:
        return word(one, declarations, depth + 1)

    match node["nodeType"]:
        case "Literal" if node.get("kind") in ("string", "hexString", "unicodeString"):
            raw = text(node) or b""
            return int.from_bytes(raw.ljust(WORD, b"\0"), "big") if len(raw) <= WORD else None
        case "TupleExpression" if len(node["components"]) == 1:
            return inner(node["components"][0])
        case "Identifier":
            return inner(_constant(declarations.get(node["referencedDeclaration"])))
        case "MemberAccess":
            return _member(node, declarations, depth)
        case "UnaryOperation" if node["operator"] == "~":
            value = inner(node["subExpression"])
            return None if value is None else ~value & _ALL
        case "BinaryOperation" if node["operator"] in _OPERATIONS:
            left, right = inner(node["leftExpression"]), inner(node["rightExpression"])
            if left is None or right is None:
                return None
            return _OPERATIONS[node["operator"]](left, right) & _ALL
        case "FunctionCall":
            return _call(node, declarations, depth)
        case _:
            return None


def text(node: Json) -> bytes | None:
    """The bytes of a string literal."""
    if node["nodeType"] != "Literal" or node.get("kind") not in ("string", "hexString", "unicodeString"):
        return None
    return bytes.fromhex(node["hexValue"])


def _call(node: Json, declarations: Mapping[int, Json], depth: int) -> int | None:
    arguments, called = node["arguments"], node["expression"]
    if node["kind"] == "typeConversion" and len(arguments) == 1:
        return _converted(node, arguments[0], declarations, depth)
    if called.get("name") == "keccak256" and len(arguments) == 1:
        data = _bytes(arguments[0], declarations, depth + 1)
        return None if data is None else int.from_bytes(keccak(data), "big")
    return None


def _converted(node: Json, argument: Json, declarations: Mapping[int, Json], depth: int) -> int | None:
    value = word(argument, declarations, depth + 1)
    if value is None:
        return None
    of, to = (one.get("typeDescriptions", {}).get("typeIdentifier") or "" for one in (argument, node))
    source, target = _FIXED_BYTES.fullmatch(of), _FIXED_BYTES.fullmatch(to)
    # bytesN stand in a word's high bytes, numbers and addresses in its low ones.
    if target:
        unused = 8 * (WORD - int(target[1]))
        is_left = source or "stringliteral" in of
        return (value >> unused if is_left else value) << unused & _ALL
    if source:
        value >>= 8 * (WORD - int(source[1]))
    return _narrowed(value, to)


def _narrowed(value: int, kind: str) -> int:
    """A word as a number type or an address holds it."""
    number = _NUMBER.fullmatch(kind)
    bits = int(number[2]) if number else 160 if kind.startswith("t_address") else 256
    low = value & ((1 << bits) - 1)
    is_negative = number is not None and not number[1] and low >> (bits - 1)
    return low | (_ALL >> bits << bits if is_negative else 0)


def _bytes(node: Json, declarations: Mapping[int, Json], depth: int) -> bytes | None:
    """What keccak256 is given: a string, a conversion of one, a constant, or words by abi.encode."""
    if depth > _DEEPEST:
        return None
    if (raw := text(node)) is not None:
        return raw
    if node["nodeType"] == "Identifier":
        value = _constant(declarations.get(node["referencedDeclaration"]))
        return _bytes(value, declarations, depth + 1) if value is not None else None
    if node["nodeType"] != "FunctionCall":
        return None
    called = node["expression"]
    if node["kind"] == "typeConversion":
        return _bytes(node["arguments"][0], declarations, depth + 1)
    if called.get("memberName") == "encode" and called["expression"].get("name") == "abi":
        if any(text(one) is not None for one in node["arguments"]):
            return None
        words = [word(one, declarations, depth + 1) for one in node["arguments"]]
        return (
            b"".join(one.to_bytes(WORD, "big") for one in words if one is not None)
            if None not in words
            else None
        )
    if called.get("memberName") == "encodePacked" and called["expression"].get("name") == "abi":
        parts = [text(one) for one in node["arguments"]]
        return b"".join(one for one in parts if one is not None) if None not in parts else None
    return None


def _member(node: Json, declarations: Mapping[int, Json], depth: int) -> int | None:
    name, of = node["memberName"], node["expression"]
    if name == "selector":
        declaration = declarations.get(of.get("referencedDeclaration") or 0)
        return _left(selector(declaration)) if declaration is not None else None
    if name == "interfaceId" and of["nodeType"] == "FunctionCall" and of["arguments"]:
        declaration = declarations.get(of["arguments"][0].get("referencedDeclaration") or 0)
        return _left(interface_id(declaration)) if declaration is not None else None
    declaration = declarations.get(node.get("referencedDeclaration") or 0)
    if declaration is not None and declaration["nodeType"] == "EnumValue":
        enum = declarations.get(of.get("referencedDeclaration") or 0, {})
        return next((n for n, one in enumerate(enum.get("members", ())) if one["name"] == name), None)
    return word(_constant(declaration), declarations, depth + 1)


def selector(declaration: Json) -> str | None:
    """A function's, an error's or a public variable's selector in hex."""
    found = declaration.get("functionSelector") or declaration.get("errorSelector")
    return str(found) if found else None


def interface_id(contract: Json) -> str | None:
    """ERC-165's: the selectors of a contract's own functions, combined by XOR."""
    found = [
        one for node in contract.get("nodes", ()) if (one := selector(node)) and "functionSelector" in node
    ]
    return f"{reduce(lambda a, b: a ^ int(b, 16), found, 0):08x}" if found else None


def _left(digits: str | None) -> int | None:
    return int(digits.ljust(2 * WORD, "0"), 16) if digits else None


def _constant(declaration: Json | None) -> Json | None:
    if declaration is None or not declaration.get("constant"):
        return None
    value: Json | None = declaration.get("value")
    return value
