"""What native code and the engine agree on: the frame, the host's functions, the results. No behaviour.

The other half is `engine/src/evm/native/abi.rs`; a test compares the two. A change of anything that compiled code
relies on must raise `COMPILER_VERSION`, so that no older object is loaded again.
"""

from __future__ import annotations

from typing import Final

COMPILER_VERSION: Final = 4

ENTRY: Final = "entry"
"""The one symbol of an object: `extern "C" fn entry(frame: *mut NativeFrame) -> u64`."""

LEFT: Final = 0
"""The frame is stored back; the interpreter goes on at its `pc`."""
ACTION: Final = 1
"""A step on the host has set an action or halted the frame."""

LEFT_OUT: Final = 2
"""As LEFT, because what follows was not compiled."""

X86: Final = ("x86_64", "AMD64")
"""Processors that native code is for, as Python's `platform` names them."""

MAX_SPENT: Final = 1 << 48
"""The budget never allows more gas than this to be spent from an entry until native code returns."""

STACK_LIMIT: Final = 1024
WORD: Final = 32
"""Bytes."""

FRAME: Final[dict[str, int]] = {
    "stack": 0,
    "stack_len": 8,
    "pc": 16,
    "budget": 24,
    "gas_bias": 32,
    "memory": 40,
    "memory_len": 48,
    "calldata": 56,
    "calldata_len": 64,
    "host": 72,
    "door": 80,
    "address": 88,
    "caller": 120,
    "value": 152,
    "code": 184,
    "code_len": 192,
}
"""Offsets of the frame's fields."""
FRAME_SIZE: Final = 200

HOST: Final[dict[str, int]] = {
    "step": 0,
    "div": 8,
    "modulo": 16,
    "sdiv": 24,
    "smod": 32,
    "addmod": 40,
    "mulmod": 48,
    "exp": 56,
}
"""Offsets of the host's functions in its table."""


def size_limit(code_size: int) -> int:
    """The most bytes that an object's code may have: native code is paid for by the bytecode that it comes from, the
    part that is compiled.
    """
    return 16 * 1024 + 64 * code_size
