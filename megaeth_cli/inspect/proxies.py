"""Which code a contract runs that is not its own: what can be said from its code and from a few of its slots.

Asks no node; `megaeth_cli.contracts.known_contracts` does, and follows one proxy to the next.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from megaeth_cli.abi import DecodingError, decode, parse_type
from megaeth_cli.bytecode.runtime_code import instructions
from megaeth_cli.units import keccak

WORD = 32
_DELEGATION = b"\xef\x01\x00"
"""EIP-7702: what follows is the address whose code an account runs."""
DELEGATED = "EIP-7702 account"
_PUSH20_AND_DELEGATE = re.compile(rb"(?s)\x73(.{20})\x5a\xf4")
_MINIMAL = re.compile(rb"(?s)\x36\x3d\x3d\x37\x3d\x3d\x3d\x36\x3d(?P<push>[\x60-\x73])")
"""EIP-1167, whose address may be written without its leading zeroes."""
_CLONE_HEAD = 160
"""Clones are shorter than this, apart from the arguments that some carry at their end."""
_DELEGATECALL = 0xF4
_DIAMOND_AT_MOST = 8192
"""Bytes of code: a diamond holds a look-up, and at most its loupe."""

IMPLEMENTATION_CALL = keccak(b"implementation()")[:4]
"""EIP-897, and what a beacon answers."""
FACETS_CALL = keccak(b"facetAddresses()")[:4]
"""EIP-2535."""
_MASTER_COPY = keccak(b"masterCopy()")[:4]


def _slot(name: str, less: int = 0) -> int:
    return int.from_bytes(keccak(name.encode()), "big") - less


IMPLEMENTATION_SLOT = _slot("eip1967.proxy.implementation", 1)
BEACON_SLOT = _slot("eip1967.proxy.beacon", 1)
ADMIN_SLOT = _slot("eip1967.proxy.admin", 1)
_SLOTS = {
    IMPLEMENTATION_SLOT: "EIP-1967 proxy",
    _slot("PROXIABLE"): "EIP-1822 proxy",
    _slot("org.zeppelinos.proxy.implementation"): "OpenZeppelin proxy",
}
SLOTS = (*_SLOTS, BEACON_SLOT, 0)
"""What is asked of a contract that delegates."""


@dataclass(frozen=True)
class Hop:
    """One step from a proxy towards its code."""

    kind: str
    target: bytes
    """An address: of the implementation, or of the beacon that knows it."""
    is_beacon: bool = False


def from_code(code: bytes) -> Hop | None:
    """Where code itself says what it delegates to: EIP-7702 accounts and all kinds of clones."""
    if (target := delegate(code)) is not None:
        return Hop(DELEGATED, target)
    head = code[:_CLONE_HEAD]
    if found := _MINIMAL.match(head):
        size = found["push"][0] - 0x5F
        target = head[found.end() : found.end() + size]
        if head[found.end() + size :].startswith(b"\x5a\xf4"):
            return Hop("EIP-1167 clone", target.rjust(20, b"\0"))
    if found := _PUSH20_AND_DELEGATE.search(head):
        return Hop("clone", found[1])
    return None


def delegate(code: bytes) -> bytes | None:
    """Whose code an EIP-7702 account runs that has this one; None where it is no such account."""
    return code[3:] if code.startswith(_DELEGATION) and len(code) == 23 else None


def delegation(target: bytes) -> bytes:
    """The code of an EIP-7702 account that runs the code at an address."""
    return _DELEGATION + target


def delegates(code: bytes) -> bool:
    """Whether anything in code could run another's."""
    return any(code[pc] == _DELEGATECALL for pc in instructions(code))


def from_slots(code: bytes, words: Mapping[int, int]) -> Hop | None:
    """What the slots of SLOTS say of a contract that delegates."""
    for slot, kind in _SLOTS.items():
        if (target := _address(words.get(slot, 0))) is not None:
            return Hop(kind, target)
    if (beacon := _address(words.get(BEACON_SLOT, 0))) is not None:
        return Hop("beacon proxy", beacon, is_beacon=True)
    # Safe's proxy keeps its singleton in the first slot and answers to this name, which no one else does.
    if _MASTER_COPY in code and (target := _address(words.get(0, 0))) is not None:
        return Hop("Safe proxy", target)
    return None


def says_implementation(code: bytes) -> bool:
    """Whether a contract that delegates has EIP-897's function."""
    return IMPLEMENTATION_CALL in code


def may_be_diamond(code: bytes) -> bool:
    """Whether it is worth asking a contract that delegates for its facets."""
    return len(code) <= _DIAMOND_AT_MOST


def with_proxy_slots(layout: Mapping[str, Any]) -> dict[str, Any]:
    """An implementation's storage layout, and the places that EIP-1967 reserves for the proxy before it."""
    address = {"t_address": {"encoding": "inplace", "label": "address", "numberOfBytes": "20"}}
    places = (("implementation", IMPLEMENTATION_SLOT), ("beacon", BEACON_SLOT), ("admin", ADMIN_SLOT))
    own = [
        {"label": f"eip1967.proxy.{name}", "slot": str(slot), "offset": 0, "type": "t_address"}
        for name, slot in places
    ]
    return {
        **layout,
        "storage": [*(layout.get("storage") or ()), *own],
        "types": address | dict(layout.get("types") or {}),
    }


def implementation(answer: bytes) -> list[bytes]:
    """What `implementation()` said; empty for nonsense."""
    target = _address(int.from_bytes(answer, "big")) if len(answer) == WORD else None
    return [target] if target is not None else []


def facets(answer: bytes) -> list[bytes]:
    """What `facetAddresses()` said; empty for nonsense."""
    try:
        [found] = decode([parse_type("address[]")], answer)
    except DecodingError:
        return []
    return [one for one in found if any(one)]


def _address(word: int) -> bytes | None:
    return word.to_bytes(20, "big") if 0 < word < 1 << 160 else None
