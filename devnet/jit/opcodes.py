"""The EVM's opcodes as the compiler sees them: what they take and give, and who executes them.

Costs are not here: they depend on the rules of the chain and come from the engine (`rules`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class Way(Enum):
    """Who executes an opcode of compiled code."""

    PURE = auto()
    """Native code; a function of its operands."""
    READ = auto()
    """Native code; reads what the frame holds."""
    FAST = auto()
    """Native code where that is simple, else a step of the host."""
    STACK = auto()
    """Nobody: the compiler moves names around."""
    STEP = auto()
    """The host, by mega-evm's own instruction."""
    JUMP = auto()
    LEAVE = auto()
    """The interpreter: native code gives the frame back."""


@dataclass(frozen=True, slots=True)
class Opcode:
    """One opcode."""

    code: int
    name: str
    pops: int
    pushes: int
    way: Way


STOP: Final = 0x00
ADD: Final = 0x01
MUL: Final = 0x02
SUB: Final = 0x03
DIV: Final = 0x04
SDIV: Final = 0x05
MOD: Final = 0x06
SMOD: Final = 0x07
ADDMOD: Final = 0x08
MULMOD: Final = 0x09
EXP: Final = 0x0A
SIGNEXTEND: Final = 0x0B
LT: Final = 0x10
GT: Final = 0x11
SLT: Final = 0x12
SGT: Final = 0x13
EQ: Final = 0x14
ISZERO: Final = 0x15
AND: Final = 0x16
OR: Final = 0x17
XOR: Final = 0x18
NOT: Final = 0x19
BYTE: Final = 0x1A
SHL: Final = 0x1B
SHR: Final = 0x1C
SAR: Final = 0x1D
CLZ: Final = 0x1E
CALLDATALOAD: Final = 0x35
CALLDATASIZE: Final = 0x36
CODESIZE: Final = 0x38
MSTORE: Final = 0x52
MSTORE8: Final = 0x53
JUMP: Final = 0x56
JUMPI: Final = 0x57
PC: Final = 0x58
MSIZE: Final = 0x59
GAS: Final = 0x5A
JUMPDEST: Final = 0x5B
POP: Final = 0x50
PUSH0: Final = 0x5F
PUSH32: Final = 0x7F
DUP1: Final = 0x80
SWAP1: Final = 0x90

_TABLE: Final = """
    00 STOP 0 0 LEAVE | 01 ADD 2 1 PURE | 02 MUL 2 1 PURE | 03 SUB 2 1 PURE | 04 DIV 2 1 PURE | 05 SDIV 2 1 PURE
    06 MOD 2 1 PURE | 07 SMOD 2 1 PURE | 08 ADDMOD 3 1 PURE | 09 MULMOD 3 1 PURE | 0a EXP 2 1 FAST
    0b SIGNEXTEND 2 1 PURE | 10 LT 2 1 PURE | 11 GT 2 1 PURE | 12 SLT 2 1 PURE | 13 SGT 2 1 PURE | 14 EQ 2 1 PURE
    15 ISZERO 1 1 PURE | 16 AND 2 1 PURE | 17 OR 2 1 PURE | 18 XOR 2 1 PURE | 19 NOT 1 1 PURE | 1a BYTE 2 1 PURE
    1b SHL 2 1 PURE | 1c SHR 2 1 PURE | 1d SAR 2 1 PURE | 1e CLZ 1 1 PURE | 20 KECCAK256 2 1 STEP
    30 ADDRESS 0 1 READ | 31 BALANCE 1 1 STEP | 32 ORIGIN 0 1 STEP | 33 CALLER 0 1 READ | 34 CALLVALUE 0 1 READ
    35 CALLDATALOAD 1 1 FAST | 36 CALLDATASIZE 0 1 READ | 37 CALLDATACOPY 3 0 STEP | 38 CODESIZE 0 1 READ
    39 CODECOPY 3 0 STEP | 3a GASPRICE 0 1 STEP | 3b EXTCODESIZE 1 1 STEP | 3c EXTCODECOPY 4 0 STEP
    3d RETURNDATASIZE 0 1 STEP | 3e RETURNDATACOPY 3 0 STEP | 3f EXTCODEHASH 1 1 STEP | 40 BLOCKHASH 1 1 STEP
    41 COINBASE 0 1 STEP | 42 TIMESTAMP 0 1 STEP | 43 NUMBER 0 1 STEP | 44 PREVRANDAO 0 1 STEP | 45 GASLIMIT 0 1 STEP
    46 CHAINID 0 1 STEP | 47 SELFBALANCE 0 1 STEP | 48 BASEFEE 0 1 STEP | 49 BLOBHASH 1 1 STEP
    4a BLOBBASEFEE 0 1 STEP | 50 POP 1 0 STACK | 51 MLOAD 1 1 FAST | 52 MSTORE 2 0 FAST | 53 MSTORE8 2 0 FAST
    54 SLOAD 1 1 STEP | 55 SSTORE 2 0 STEP | 56 JUMP 1 0 JUMP | 57 JUMPI 2 0 JUMP | 58 PC 0 1 READ | 59 MSIZE 0 1 READ
    5a GAS 0 1 READ | 5b JUMPDEST 0 0 STACK | 5c TLOAD 1 1 STEP | 5d TSTORE 2 0 STEP | 5e MCOPY 3 0 STEP
    a0 LOG0 2 0 STEP | a1 LOG1 3 0 STEP | a2 LOG2 4 0 STEP | a3 LOG3 5 0 STEP | a4 LOG4 6 0 STEP
    f0 CREATE 3 1 LEAVE | f1 CALL 7 1 LEAVE | f2 CALLCODE 7 1 LEAVE | f3 RETURN 2 0 LEAVE | f4 DELEGATECALL 6 1 LEAVE
    f5 CREATE2 4 1 LEAVE | fa STATICCALL 6 1 LEAVE | fd REVERT 2 0 LEAVE | fe INVALID 0 0 LEAVE
    ff SELFDESTRUCT 1 0 LEAVE
"""

RESUMED: Final = frozenset((0xF0, 0xF1, 0xF2, 0xF4, 0xF5, 0xFA))
"""After these a frame comes back into native code."""

ENDING: Final = frozenset((0x00, 0xF3, 0xFF))
"""STOP, RETURN, SELFDESTRUCT: ends of frames that are no failures."""


def _read() -> dict[int, Opcode]:
    table: dict[int, Opcode] = {}

    def add(code: int, name: str, pops: int, pushes: int, way: Way) -> None:
        table.setdefault(code, Opcode(code, name, pops, pushes, way))

    for entry in _TABLE.replace("\n", "|").split("|"):
        if words := entry.split():
            code, name, pops, pushes, way = words
            add(int(code, 16), name, int(pops), int(pushes), Way[way])
    for width in range(33):
        add(PUSH0 + width, f"PUSH{width}", 0, 1, Way.STACK)
    for depth in range(1, 17):
        add(DUP1 + depth - 1, f"DUP{depth}", depth, depth + 1, Way.STACK)
        add(SWAP1 + depth - 1, f"SWAP{depth}", depth + 1, depth + 1, Way.STACK)
    for unknown in range(256):
        add(unknown, f"UNKNOWN_{unknown:02x}", 0, 0, Way.LEAVE)
    return table


OPCODES: Final[dict[int, Opcode]] = _read()
