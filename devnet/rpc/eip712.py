"""Structured data (EIP-712): from a document to the hash that is signed, or to the reason why there is none.

Documents are taken as viem and ethers take them, and refused where either of them would refuse a value: who signs here
what a wallet would not sign finds out too late. The fields of a type count in the document's order, the domain's too.
(eth-account's encoder orders the domain itself, guesses the primary type and makes something of nearly any value.)

Not here: keys (`accounts.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from devnet._engine import keccak256
from devnet.checksum import checksummed
from devnet.rpc.errors import RpcFault, invalid_params

DOMAIN: Final = "EIP712Domain"
DOMAIN_FIELDS: Final = {
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
    "salt": "bytes32",
}
"""In the order of the standard, for documents that leave the domain's type out."""
MAX_TYPES: Final = 256

_STRUCT_NAME = re.compile(r"[A-Za-z0-9_$:]+")
_TAKEN_NAME = re.compile(r"address|bool|string|(?:u?int|bytes)[0-9]*")
_ARRAY = re.compile(r"(.*)\[([0-9]{0,9})\]", re.DOTALL)
_INTEGER = re.compile(r"(u?)int([1-9][0-9]*)")
_BYTES = re.compile(r"bytes([1-9]|[12][0-9]|3[0-2])")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_NUMBER = re.compile(r"-?[0-9]{1,80}|0x[0-9a-fA-F]{1,64}")

Encode = Callable[[object, str], bytes]
"""A value, and where it stands in the document, to the 32 bytes that stand for it."""


def digest(document: Mapping[str, object]) -> bytes:
    """The hash to sign. Raises `RpcFault` that names the place in the document that is wrong."""
    types = document.get("types")
    if not isinstance(types, dict):
        raise _wrong("types", "must be an object of types")
    domain = document.get("domain", {})
    if not isinstance(domain, dict):
        raise _wrong("domain", "must be an object")
    domain = {name: value for name, value in domain.items() if value is not None}
    fields = {DOMAIN: _domain_type(domain), **types}
    structs = _Structs(fields)
    known = {name for name, _ in structs.fields[DOMAIN]}
    if strangers := domain.keys() - known:
        raise _wrong("domain", f"has {min(strangers)!r}, which types.{DOMAIN} has not")
    primary = document.get("primaryType")
    if not isinstance(primary, str) or primary not in structs.fields:
        raise _wrong("primaryType", "must be one of the types")
    separator = structs.hash(DOMAIN, domain, "domain")
    if primary == DOMAIN:
        return keccak256(b"\x19\x01" + separator)
    return keccak256(b"\x19\x01" + separator + structs.hash(primary, document.get("message"), "message"))


def _domain_type(domain: Mapping[str, object]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in DOMAIN_FIELDS.items() if name in domain]


class _Structs:
    """The struct types of one document. Each type's hash and each encoder is made once."""

    def __init__(self, types: Mapping[str, object]) -> None:
        if len(types) > MAX_TYPES:
            raise _wrong("types", f"are too many: {len(types)}, at most {MAX_TYPES}")
        self.fields = {name: _fields(name, given) for name, given in types.items()}
        self._encoders: dict[str, Encode] = {}
        self._type_hashes: dict[str, bytes] = {}
        for name, fields in self.fields.items():
            for field, kind in fields:
                self._encoder(kind, f"types.{name}.{field}")

    def hash(self, name: str, value: object, at: str) -> bytes:
        """hashStruct: the hash of a value of a struct type."""
        if not isinstance(value, dict):
            raise _wrong(at, f"must be an object of type {name}", value)
        parts = [self._type_hash(name)]
        for field, kind in self.fields[name]:
            if value.get(field) is None:
                raise _wrong(f"{at}.{field}", f"is missing: {name} has it as {kind}")
            parts.append(self._encoders[kind](value[field], f"{at}.{field}"))
        return keccak256(b"".join(parts))

    def _type_hash(self, name: str) -> bytes:
        found = self._type_hashes.get(name)
        if found is None:
            others = sorted(self._used_by(name) - {name})
            text = "".join(self._text(each) for each in (name, *others))
            found = self._type_hashes[name] = keccak256(text.encode())
        return found

    def _text(self, name: str) -> str:
        return f"{name}({','.join(f'{kind} {field}' for field, kind in self.fields[name])})"

    def _used_by(self, name: str) -> set[str]:
        """The struct types that one is made of, itself among them."""
        found, unseen = {name}, [name]
        while unseen:
            used = {_element(kind) for _, kind in self.fields[unseen.pop()]} & self.fields.keys()
            unseen += used - found
            found |= used
        return found

    def _encoder(self, kind: str, at: str) -> Encode:
        found = self._encoders.get(kind)
        if found is None:
            found = self._encoders[kind] = self._make_encoder(kind, at)
        return found

    def _make_encoder(self, kind: str, at: str) -> Encode:
        if kind in self.fields:
            return lambda value, place: self.hash(kind, value, place)
        if array := _ARRAY.fullmatch(kind):
            element = self._encoder(array[1], at)
            return _array_encoder(element, int(array[2]) if array[2] else None)
        if integer := _INTEGER.fullmatch(kind):
            bits = int(integer[2])
            if bits <= 256 and bits % 8 == 0:
                return _integer_encoder(kind, bits, is_signed=not integer[1])
        if fixed := _BYTES.fullmatch(kind):
            return _bytes_encoder(int(fixed[1]))
        if kind in _SIMPLE:
            return _SIMPLE[kind]
        raise _wrong(at, f"is of a type that is not there: {kind!r}")


def _fields(name: object, given: object) -> list[tuple[str, str]]:
    """The fields of a struct type: name and type."""
    if not isinstance(name, str) or not _STRUCT_NAME.fullmatch(name) or _TAKEN_NAME.fullmatch(name):
        raise _wrong("types", "has a name that no struct can have", name)
    if not isinstance(given, list):
        raise _wrong(f"types.{name}", "must be a list of fields")
    found: dict[str, str] = {}
    for field in given:
        if not isinstance(field, dict):
            raise _wrong(f"types.{name}", "must be a list of {name, type}")
        label, kind = field.get("name"), field.get("type")
        if not isinstance(label, str) or not isinstance(kind, str):
            raise _wrong(f"types.{name}", "must be a list of {name, type}, both texts")
        if label in found:
            raise _wrong(f"types.{name}", f"has {label!r} twice")
        found[label] = kind
    return list(found.items())


def _element(kind: str) -> str:
    """What an array is an array of, in the end."""
    return kind.partition("[")[0]


# --- values -----------------------------------------------------------------------------------------------


def _array_encoder(element: Encode, length: int | None) -> Encode:
    def encode(value: object, at: str) -> bytes:
        if not isinstance(value, list):
            raise _wrong(at, "must be a list", value)
        if length is not None and len(value) != length:
            raise _wrong(at, f"must have {length} elements, has {len(value)}")
        return keccak256(b"".join(element(item, f"{at}[{index}]") for index, item in enumerate(value)))

    return encode


def _integer_encoder(kind: str, bits: int, *, is_signed: bool) -> Encode:
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed else (0, (1 << bits) - 1)

    def encode(value: object, at: str) -> bytes:
        number = _integer(value, at)
        if not least <= number <= most:
            raise _wrong(at, f"is out of range for {kind}", value)
        return (number % (1 << 256)).to_bytes(32)

    return encode


def _integer(value: object, at: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value, 16 if value.startswith("0x") else 10)
    raise _wrong(at, "must be an integer, or a text with a decimal or hexadecimal one", value)


def _bytes_encoder(size: int) -> Encode:
    def encode(value: object, at: str) -> bytes:
        data = _bytes(value, at)
        if len(data) != size:
            raise _wrong(at, f"must have {size} bytes, has {len(data)}")
        return data.ljust(32, b"\0")

    return encode


def _bytes(value: object, at: str) -> bytes:
    if isinstance(value, str) and _HEX.fullmatch(value):
        return bytes.fromhex(value[2:])
    raise _wrong(at, "must be 0x and an even number of hexadecimal digits", value)


def _encode_bytes(value: object, at: str) -> bytes:
    return keccak256(_bytes(value, at))


def _encode_string(value: object, at: str) -> bytes:
    if not isinstance(value, str):
        raise _wrong(at, "must be a text", value)
    return keccak256(value.encode())


def _encode_bool(value: object, at: str) -> bytes:
    if not isinstance(value, bool):
        raise _wrong(at, "must be true or false", value)
    return value.to_bytes(32)


def _encode_address(value: object, at: str) -> bytes:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise _wrong(at, "must be an address: 0x and 40 hexadecimal digits", value)
    if value[2:] != value[2:].lower() and value != checksummed(value):
        raise _wrong(at, "is an address whose upper and lower case (ERC-55) is mistaken", value)
    return bytes.fromhex(value[2:]).rjust(32, b"\0")


_SIMPLE: Final[Mapping[str, Encode]] = {
    "address": _encode_address,
    "bool": _encode_bool,
    "bytes": _encode_bytes,
    "string": _encode_string,
}


def _wrong(at: str, why: str, *given: object) -> RpcFault:
    shown = "".join(f", not {str(value)[:60]!r}" for value in given)
    return invalid_params(f"typed data: {at} {why}{shown}")
