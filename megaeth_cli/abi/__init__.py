"""The contract ABI: types, their encoding, values as people type and read them, and interfaces of contracts.

Own code instead of eth-abi because importing that takes longer than a whole `megaeth call` may; the tests
compare the two on random types and values. https://docs.soliditylang.org/en/latest/abi-spec.html
"""

from megaeth_cli.abi.codec import DecodingError, decode, encode
from megaeth_cli.abi.interface import Entry, Interface, parse_signature
from megaeth_cli.abi.types import AbiType, AbiTypeError, Array, Parameter, Scalar, Tuple, parse_type
from megaeth_cli.abi.values import ValueTextError, from_text, to_json, to_text

__all__ = [
    "AbiType",
    "AbiTypeError",
    "Array",
    "DecodingError",
    "Entry",
    "Interface",
    "Parameter",
    "Scalar",
    "Tuple",
    "ValueTextError",
    "decode",
    "encode",
    "from_text",
    "parse_signature",
    "parse_type",
    "to_json",
    "to_text",
]
