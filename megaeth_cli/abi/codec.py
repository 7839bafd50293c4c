"""ABI encoding and decoding of Python values.

Integers are int, `bytes` and `bytesN` bytes, addresses 20 bytes, arrays and tuples lists.
"""

from collections.abc import Sequence

from megaeth_cli.abi.types import AbiType, AbiValue, Array, Scalar, Tuple
from megaeth_cli.units import keccak

WORD = 32
MAX_VALUES = 1_000_000
"""More than this is nonsense: offsets that lead to the same place again and again make much of little data."""


class DecodingError(ValueError):
    """Data that is no encoding of the type."""


def encode(types: Sequence[AbiType], values: Sequence[AbiValue]) -> bytes:
    """Encode values as function arguments are (without a selector)."""
    if len(types) != len(values):
        raise ValueError(f"{len(types)} types but {len(values)} values")
    heads: list[bytes | None] = []
    tails: list[bytes] = []
    for kind, value in zip(types, values, strict=True):
        encoded = _encode(kind, value)
        heads.append(None if kind.dynamic else encoded)
        tails.append(encoded if kind.dynamic else b"")
    position = sum(kind.head_size for kind in types)
    head = bytearray()
    for known, tail in zip(heads, tails, strict=True):
        head += position.to_bytes(WORD, "big") if known is None else known
        position += len(tail)
    return bytes(head) + b"".join(tails)


def encode_packed(types: Sequence[AbiType], values: Sequence[AbiValue]) -> bytes:
    """Encode as `abi.encodePacked` does: no lengths, no padding but that of array elements.

    ValueError for what Solidity refuses: structs, and arrays of anything but values.
    """
    if len(types) != len(values):
        raise ValueError(f"{len(types)} types but {len(values)} values")
    return b"".join(map(_packed, types, values))


def encode_topic(kind: AbiType, value: AbiValue) -> bytes:
    """An indexed parameter of an event: the value itself, or the hash of one that may be longer than a word."""
    if isinstance(kind, Scalar) and not kind.dynamic:
        return _encode_scalar(kind, value)
    return keccak(_hashed(kind, value, outermost=True))


def decode(types: Sequence[AbiType], data: bytes) -> list[AbiValue]:
    """Decode function arguments or results; data after the last value is allowed.

    DecodingError for everything that eth-abi refuses, but for two things that Solidity's own decoder takes as well:
    what stands in the padding after `bytes` and strings, or that there is none; and strings that are no UTF-8, whose
    wrong bytes are replaced, so that they can be shown.
    """
    return _Decoder(data).sequence(types, 0)


def decode_word(kind: Scalar, word: bytes) -> AbiValue:
    """The value of a scalar of one word."""
    number = int.from_bytes(word, "big")
    match kind.kind:
        case "uint":
            if number >> kind.size:
                raise DecodingError(f"{number} is too large for {kind}")
            return number
        case "int":
            signed = int.from_bytes(word, "big", signed=True)
            if not -(1 << kind.size - 1) <= signed < 1 << kind.size - 1:
                raise DecodingError(f"{signed} is out of range for {kind}")
            return signed
        case "address":
            if number >> 160:
                raise DecodingError("an address with dirty upper bytes")
            return word[12:]
        case "bool":
            if number > 1:
                raise DecodingError(f"{number} is no bool")
            return bool(number)
        case _:
            if any(word[kind.size :]):
                raise DecodingError(f"{kind} with dirty lower bytes")
            return word[: kind.size]


def _encode(kind: AbiType, value: AbiValue) -> bytes:
    match kind:
        case Scalar():
            return _encode_scalar(kind, value)
        case Array(element, None):
            return len(value).to_bytes(WORD, "big") + encode([element] * len(value), value)
        case Array(element, length):
            if len(value) != length:
                raise ValueError(f"{kind} takes {length} elements, not {len(value)}")
            return encode([element] * len(value), value)
        case Tuple(members):
            return encode([member.type for member in members], value)


def _encode_scalar(kind: Scalar, value: AbiValue) -> bytes:
    match kind.kind:
        case "uint":
            if not 0 <= value < 1 << kind.size:
                raise ValueError(f"{value} is out of range for {kind}")
            return int(value).to_bytes(WORD, "big")
        case "int":
            if not -(1 << kind.size - 1) <= value < 1 << kind.size - 1:
                raise ValueError(f"{value} is out of range for {kind}")
            return int(value).to_bytes(WORD, "big", signed=True)
        case "bool":
            return int(bool(value)).to_bytes(WORD, "big")
        case "address":
            return bytes(value).rjust(WORD, b"\0")
        case "bytesN" | "function":
            return bytes(value).ljust(WORD, b"\0")
        case "string":
            return _with_length(str(value).encode())
        case _:
            return _with_length(bytes(value))


def _packed(kind: AbiType, value: AbiValue) -> bytes:
    match kind:
        case Scalar(kind="string"):
            return str(value).encode()
        case Scalar(kind="bytes"):
            return bytes(value)
        case Scalar():
            encoded = _encode_scalar(kind, value)
            match kind.kind:
                case "uint" | "int":
                    return encoded[WORD - kind.size // 8 :]
                case "address":
                    return encoded[WORD - 20 :]
                case "bool":
                    return encoded[-1:]
                case _:
                    return encoded[: kind.size]
        case Array(Scalar(dynamic=False) as element, length):
            if length is not None and len(value) != length:
                raise ValueError(f"{kind} takes {length} elements, not {len(value)}")
            return b"".join(_encode_scalar(element, item) for item in value)
        case _:
            raise ValueError(f"{kind} has no packed encoding")


def _hashed(kind: AbiType, value: AbiValue, *, outermost: bool) -> bytes:
    """What an event's topic is the hash of: the parts one after another, padded, without lengths and offsets."""
    match kind:
        case Scalar(dynamic=True):
            raw = str(value).encode() if kind.kind == "string" else bytes(value)
            return raw if outermost else raw + bytes(-len(raw) % WORD)
        case Scalar():
            return _encode_scalar(kind, value)
        case Array(element, _):
            return b"".join(_hashed(element, item, outermost=False) for item in value)
        case Tuple(members):
            return b"".join(
                _hashed(member.type, item, outermost=False)
                for member, item in zip(members, value, strict=True)
            )


def _with_length(data: bytes) -> bytes:
    return len(data).to_bytes(WORD, "big") + data + bytes(-len(data) % WORD)


class _Decoder:
    """Reads values out of one piece of data, which may be anybody's."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MAX_VALUES

    def sequence(self, types: Sequence[AbiType], base: int) -> list[AbiValue]:
        """Values whose heads begin at `base`, which is what their offsets count from."""
        heads = sum(kind.head_size for kind in types)
        values, position = [], base
        for kind in types:
            at = base + self._offset(position, heads) if kind.dynamic else position
            values.append(self._value(kind, at))
            position += kind.head_size
        return values

    def _value(self, kind: AbiType, position: int) -> AbiValue:
        self._left -= 1
        if self._left < 0:
            raise DecodingError(f"more than {MAX_VALUES:,} values")
        match kind:
            case Scalar():
                if kind.dynamic:
                    return self._bytes(kind, position)
                return decode_word(kind, self._word(position))
            case Array(element, length):
                count, start = (
                    (self._size(position), position + WORD) if length is None else (length, position)
                )
                # Each element takes at least one word, or none at all (empty tuples, arrays of length 0).
                if count > MAX_VALUES or count * element.head_size > len(self._data):
                    raise DecodingError(f"{kind} with {count} elements ends after the data")
                return self.sequence([element] * count, start)
            case Tuple(members):
                return self.sequence([member.type for member in members], position)

    def _bytes(self, kind: Scalar, position: int) -> AbiValue:
        length, start = self._size(position), position + WORD
        if start + length > len(self._data):
            raise DecodingError(f"{kind} of {length} bytes ends after the data")
        raw = self._data[start : start + length]
        # Contracts may put any bytes in a string; what is no UTF-8 must still be shown.
        return raw.decode(errors="replace") if kind.kind == "string" else raw

    def _offset(self, position: int, heads: int) -> int:
        offset = self._size(position)
        if offset < heads:
            raise DecodingError(f"an offset of {offset} points before the values that it could be of")
        return offset

    def _size(self, position: int) -> int:
        size = int.from_bytes(self._word(position), "big")
        if size > len(self._data):
            raise DecodingError(f"an offset or length of {size} points after the data")
        return size

    def _word(self, position: int) -> bytes:
        word = self._data[position : position + WORD]
        if len(word) < WORD:
            raise DecodingError(f"the data ends at byte {len(self._data)}, in the middle of a value")
        return word
