"""Reading the parameters of the methods that Python answers, with one wording for each mistake.

Not here: how many there are (`methods.py`), and the engine's methods, which read their own.
"""

from __future__ import annotations

import re

from devnet.rpc.errors import invalid_params

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_QUANTITY = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]*)")
_UINT256_DIGITS = 66
_AMOUNT = re.compile(r"0x[0-9a-fA-F]{1,64}|[0-9]{1,78}")


def address(value: object, name: str) -> str:
    """Return an address in lower case."""
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        return value.lower()
    raise invalid_params(f"{name} must be an address: 0x and 40 hexadecimal digits")


def data(value: object, name: str) -> bytes:
    """Return bytes given as hexadecimal digits."""
    if isinstance(value, str) and _DATA.fullmatch(value):
        return bytes.fromhex(value[2:])
    raise invalid_params(f"{name} must be data: 0x and an even number of hexadecimal digits")


def number(value: object, name: str) -> int:
    """Return a number of something on the chain, given in hexadecimal: at most 64 bits."""
    found = quantity(value, name)
    if found >= 1 << 64:
        raise invalid_params(f"{name}: hex number > 64 bits")
    return found


def amount(value: object, name: str) -> int:
    """Return a number as testing tools write it: hexadecimal, also with leading zeroes, decimal, or a JSON number."""
    found: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    elif isinstance(value, str) and _AMOUNT.fullmatch(value):
        found = int(value, 16) if value.startswith("0x") else int(value)
    if found is None or not 0 <= found < 1 << 256:
        raise invalid_params(f"{name} must be a number of at most 256 bits, in hexadecimal or decimal")
    return found


def quantity(value: object, name: str) -> int:
    """Return a number given in hexadecimal, at most 256 bits."""
    if isinstance(value, str) and len(value) <= _UINT256_DIGITS and _QUANTITY.fullmatch(value):
        return int(value, 16)
    raise invalid_params(f"{name} must be a quantity: 0x and hexadecimal digits without leading zeroes")
