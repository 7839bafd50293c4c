"""What a witness shows of the state (`docs/salt.md`), read without checking it: `_engine.verify_stateless` does that.

A witness shows keys that are there, and proves others absent by the slots around them. Who knows that it is complete
for an execution knows that whatever that execution read and is not among the shown keys is absent: `WitnessState` takes
that for granted until `close` is called, and from then on only for what has been read before.
"""

from __future__ import annotations

import struct
from typing import Final

import zstandard

from devnet import _engine
from devnet.config import MIN_BUCKET_SLOTS
from devnet.proving.checker import UncheckableError
from devnet.proving.prestate import EMPTY_CODE_HASH, Account, Key, Prestate
from devnet.proving.stateless import packed_witness

MAX_BYTES: Final = 256 << 20
_SLOT_BYTES: Final = 94
_PLACE_BITS: Final = 40
_META_BUCKETS: Final = 65_536
_META_SLOTS: Final = 256
"""In bucket `b`, slot `s` of the first buckets stands what is known of bucket `256 b + s`."""
_ADDRESS_BYTES: Final = 20
_NO_SLOT: Final = bytes(32)


class WitnessState:
    """A state before a block, as `_engine.StateBefore` asks for it. `KeyError`: the witness does not tell."""

    def __init__(self, witness: str, codes: list[tuple[bytes, bytes]]) -> None:
        """`witness` as `mega_getBlockWitness` answers it; `codes` are (hash, code). Raises UncheckableError."""
        self._shown = Prestate(codes={_engine.keccak256(code): code for _, code in codes})
        self._absent: set[bytes | Key] = set()
        self._closed = False
        self.capacities: dict[int, int] = {}
        """How many slots buckets have that have grown."""
        try:
            self._read(_slots_of(packed_witness(witness)))
        except (zstandard.ZstdError, struct.error, IndexError, ValueError) as error:
            raise UncheckableError("the witness cannot be read", str(error)) from error

    def close(self) -> None:
        """From now on what has not been read before and is not shown is unknown."""
        self._closed = True

    def account(self, address: bytes) -> tuple[int, bytes, bytes] | None:
        """Nonce, balance and code hash; None for one that is absent."""
        if address in self._shown.accounts:
            return self._shown.account(address)
        self._need_absent(address)
        return None

    def slot(self, address: bytes, slot: bytes) -> bytes:
        """A slot's 32 bytes."""
        if (address, slot) in self._shown.slots:
            return self._shown.slot(address, slot)
        self._need_absent((address, slot))
        return _NO_SLOT

    def code(self, code_hash: bytes) -> bytes:
        """Code by its hash."""
        return self._shown.code(code_hash)

    def block_hash(self, number: int) -> bytes:
        """Not in a witness: the chain's state has it."""
        raise KeyError(number)

    def _need_absent(self, key: bytes | Key) -> None:
        if not self._closed:
            self._absent.add(key)
        elif key not in self._absent:
            raise KeyError(key)

    def _read(self, slots: list[tuple[int, bytes]]) -> None:
        for number, content in slots:
            key_bytes, value_bytes = content[0], content[1]
            key, value = content[2 : 2 + key_bytes], content[2 + key_bytes : 2 + key_bytes + value_bytes]
            bucket, place = number >> _PLACE_BITS, number & ((1 << _PLACE_BITS) - 1)
            if bucket < _META_BUCKETS:
                _, capacity = struct.unpack_from("<IQ", key)
                if capacity != MIN_BUCKET_SLOTS:
                    self.capacities[bucket * _META_SLOTS + place] = capacity
            elif len(key) == _ADDRESS_BYTES:
                nonce, balance = int.from_bytes(value[:8], "big"), int.from_bytes(value[8:40], "big")
                self._shown.accounts[key] = Account(nonce, balance, value[40:] or EMPTY_CODE_HASH)
            else:
                self._shown.slots[key[:_ADDRESS_BYTES], key[_ADDRESS_BYTES:]] = value


def _slots_of(packed: bytes) -> list[tuple[int, bytes]]:
    """The slots that are not empty, with their numbers: what a witness begins with."""
    with zstandard.ZstdDecompressor().stream_reader(packed) as reader:
        data = reader.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"it unfolds to more than {MAX_BYTES} bytes")
    (count,) = struct.unpack_from("<Q", data)
    found, at = [], 8
    for _ in range(count):
        number, is_there = struct.unpack_from("<QB", data, at)
        at += 9
        if is_there:
            content = data[at : at + _SLOT_BYTES]
            if len(content) < _SLOT_BYTES:
                raise ValueError("it ends within a slot")
            found.append((number, content))
            at += _SLOT_BYTES
    return found
