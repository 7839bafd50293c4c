"""What things cost under some rules, asked from the engine when needed. No number of MegaETH's stands here."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Final

from devnet.config import Config
from megaeth_cli.lint.probe import CONTRACT, OTHER, Gas, Outcome, Probe

ETHEREUM: Final = "equivalence"
"""The rules under which MegaETH's EVM is Ethereum's."""
CROWDED: Final = 8
"""The multiplier of a crowded bucket that messages speak of."""
ORACLE: Final = "0x6342000000000000000000000000000000000001"
HIGH_PRECISION_TIMESTAMP: Final = "0x6342000000000000000000000000000000000002"
"""Reads the oracle."""

_READS: Mapping[str, str] = {
    "timestamp": "42",
    "number": "43",
    "coinbase": "41",
    "prevrandao": "44",
    "difficulty": "44",
    "gaslimit": "45",
    "basefee": "48",
    "blobbasefee": "4a",
    "blockhash": "5f40",
    "blobhash": "5f49",
    "oracle": f"5f5f5f5f73{ORACLE[2:]}5afa",
}
"""Code that reads something of the block or the oracle, by its name in Solidity, and leaves one word."""
_OTHERS = {ORACLE: "5f5400"}
_POP, _STOP, _REVERT, _RETURN_WORD = "50", "00", "5f5ffd", "5f5260205ff3"
_LIMIT_EXCEEDED = bytes.fromhex("84b90267")
"""`MegaLimitExceeded(uint8 kind, uint64 limit)`."""
_WORD = 32
_MEASURED_BYTES = 1024
_PLENTY = 250_000_000


class Costs:
    """The rules of one fork, as their effects show them. `multiplier`: how crowded the state's buckets are."""

    def __init__(self, spec: str, multiplier: int = 1) -> None:
        self.spec = spec
        self.multiplier = multiplier

    @cached_property
    def ethereum(self) -> Costs:
        """The same things on Ethereum."""
        return Costs(ETHEREUM)

    @cached_property
    def crowded(self) -> Costs:
        """The same things where the state's buckets are crowded."""
        return Costs(self.spec, CROWDED)

    @cached_property
    def _probe(self) -> Probe:
        return Probe(self.spec, self.multiplier)

    # --- gas ---

    @cached_property
    def intrinsic(self) -> Gas:
        """Of a transaction that does nothing."""
        return self._probe.gas(_STOP)

    @cached_property
    def new_slot(self) -> Gas:
        """Of SSTORE to a slot that was zero."""
        return self._between("60015f55", "60015f")

    @cached_property
    def slot_read(self) -> Gas:
        """Of the first SLOAD of a slot in a transaction."""
        return self._between("5f54", "5f")

    @cached_property
    def log_topic(self) -> Gas:
        """Of one more topic of a log."""
        return self._between("5f5f5fa1", "5f5f5fa0")

    @cached_property
    def log_byte(self) -> Gas:
        """Of one more byte of a log's data."""
        memory = f"5f61{_MEASURED_BYTES:04x}52"
        more = self._between(f"{memory}61{_MEASURED_BYTES:04x}5fa0", f"{memory}61{0:04x}5fa0")
        return Gas(more.compute // _MEASURED_BYTES, more.storage // _MEASURED_BYTES)

    @cached_property
    def code_byte(self) -> Gas:
        """Of one more byte of a new contract's code; what the memory for it costs left out."""
        one, two = (
            self._probe.creation_gas(_returning(size)) for size in (_MEASURED_BYTES, 2 * _MEASURED_BYTES)
        )
        assert one is not None and two is not None
        more = two - one
        return Gas(more.compute // _MEASURED_BYTES, more.storage // _MEASURED_BYTES)

    def deployment(self, creation: bytes, runtime: bytes) -> Gas | None:
        """Of a transaction that brings this code onto the chain, without what its constructor does.

        None: the engine refuses so much code.
        """
        at = creation.find(runtime)
        stub = _copying(at if at >= 0 else len(creation), len(runtime))
        return self._probe.creation_gas(stub + creation + (b"" if at >= 0 else runtime))

    # --- limits ---

    @cached_property
    def compute_limit(self) -> int | None:
        """Compute gas that a transaction may use; None: there is no limit."""
        outcome = self._probe.call(_reading_slots(0), gas=2 * _PLENTY)
        limit = _frame_limit(outcome)
        return limit + self.intrinsic.compute if limit is not None else _halt_limit(outcome)

    @cached_property
    def state_growth_limit(self) -> int | None:
        """Slots and accounts that a transaction may create; None: there is no limit."""
        outcome = self._probe.call("5f5b600101808055600156")
        limit = _frame_limit(outcome)
        return limit if limit is not None else _halt_limit(outcome)

    @cached_property
    def detaining(self) -> frozenset[str]:
        """Which reads of volatile data detain a transaction, by their names in Solidity, and `oracle`."""
        return frozenset(
            name
            for name, code in _READS.items()
            if self._probe.call(f"{code}{_POP}{_REVERT}", _OTHERS).detained
        )

    @cached_property
    def detained_compute(self) -> int | None:
        """Compute gas that is left to a transaction after it has read the block's timestamp; None: all of it."""
        if "timestamp" not in self.detaining:
            return None
        read = f"{_READS['timestamp']}{_POP}"
        limit = _halt_limit(self._probe.call(read + _reading_slots(len(read) // 2), gas=2 * _PLENTY))
        return None if limit is None else limit - self._probe.gas(f"{_READS['timestamp']}{_STOP}").compute

    @cached_property
    def forwarded(self) -> Fraction:
        """The share of its gas that a call passes on at most."""
        gas = 10**9
        traced = self._probe.trace(f"5f5f5f5f5f73{OTHER[2:]}5af1", {OTHER: _STOP}, gas)
        passed, used = int(traced["calls"][0]["gas"], 16), int(traced["gasUsed"], 16)
        return Fraction(passed, gas - used).limit_denominator(100)

    # --- ends ---

    def stipend_suffices(self, receiver: str) -> bool:
        """Whether code (hex) that is called with value and no gas, as by `transfer`, comes to its end."""
        outcome = self._probe.call(f"5f5f5f5f600173{OTHER[2:]}5ff1{_RETURN_WORD}", {OTHER: receiver})
        return outcome.output is not None and any(outcome.output)

    @cached_property
    def stipend_allows_event(self) -> bool:
        """Whether a `receive` that `transfer` calls can emit an event with an indexed sender and an amount."""
        return self.stipend_suffices(f"60015f526001600260205fa2{_STOP}")

    @cached_property
    def selfdestruct(self) -> Gas | None:
        """Of SELFDESTRUCT in favour of an account that is not there yet; None: it halts."""
        traced = self._probe.trace(f"73{OTHER[2:]}ff", gas=_PLENTY)
        if "error" in traced:
            return None
        mega = traced["mega"]
        return Gas(int(mega["computeGas"], 16), int(mega["storageGas"], 16)) - self.intrinsic

    @cached_property
    def code_survives_selfdestruct(self) -> bool:
        """Whether a contract of an earlier transaction still has code after it."""
        sizer = f"73{CONTRACT[2:]}3b{_RETURN_WORD}"
        _, size = self._probe.calls([CONTRACT, OTHER], "41ff", {OTHER: sizer})
        return size is not None and any(size)

    # --- time ---

    @property
    def mini_blocks_per_timestamp(self) -> int:
        """How many mini-blocks have the same `block.timestamp`."""
        blocks = Config().blocks
        return round(blocks.block_time_s * 1000 / blocks.mini_block_time_ms)

    @property
    def block_time_s(self) -> float:
        """How often `block.number` and `block.timestamp` change."""
        return Config().blocks.block_time_s

    def _between(self, code: str, without: str) -> Gas:
        """What the first code costs more than the second."""
        return self._probe.gas(code + _STOP) - self._probe.gas(without + _STOP)


def _reading_slots(offset: int) -> str:
    """Code that reads one slot after another without end, to be put at an offset."""
    begin = f"60{offset + 1:02x}"
    return f"5f5b6001018054{_POP}{begin}56"


def _returning(size: int) -> bytes:
    """Creation code of a contract of so many bytes."""
    return bytes.fromhex(f"62{size:06x}5ff3")


def _copying(offset: int, size: int) -> bytes:
    """Creation code of a contract that is what lies at an offset behind this code."""
    length = 16
    return bytes.fromhex(f"62{size:06x}62{offset + length:06x}5f3962{size:06x}5ff3")


def _halt_limit(outcome: Outcome) -> int | None:
    limit = outcome.halt.get("limit")
    return None if limit is None else int(limit, 16)


def _frame_limit(outcome: Outcome) -> int | None:
    """The limit of a frame that a call met."""
    if not outcome.revert.startswith(_LIMIT_EXCEEDED):
        return None
    return int.from_bytes(outcome.revert[-_WORD:], "big")
