"""Which contracts are compiled. Nobody gets compilations for less than they cost: gas comes first.

The hottest goes first; how hot a contract is, the engine counts (gas that was spent on interpreting it), so that there
is no queue that could be filled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GAS_PER_BYTE: Final = 100_000
"""Interpreting so much gas takes about as long as compiling a byte of bytecode."""
GAS_PER_BYTE_LOOKED_AT: Final = GAS_PER_BYTE // 64
"""As long as finding a byte's basic block."""
LARGEST: Final = 512 * 1024
"""Bytes of bytecode: MegaETH's limit."""
WHOLE: Final = 4 * 1024
"""Bytes of bytecode: up to that a contract is compiled whole. Of larger ones it is what was executed."""
FIRST: Final = 6 * 1024
"""Bytes of bytecode that are compiled of a larger contract; when it is compiled again, twice as much, and so on."""
MOST: Final = 24 * 1024
"""And no more than that: LLVM takes some 6 s for it."""
MAX_COMPILATIONS: Final = 4
"""Of one contract."""
MAX_WATCHED: Final = 64
"""Contracts whose execution is recorded at a time."""
SHORTEST: Final = 16
"""Instructions from an entry on; going into native code and out again takes longer than interpreting less."""
NEAR: Final = 10
"""What has paid so many percent of its compilation will soon be compiled."""
CONSIDERED: Final = 64
"""Contracts at a time."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One of `devnet.config.JIT_MODES`."""

    mode: str

    def whole(self, code_size: int) -> bool:
        """Whether a contract of that size is compiled whole."""
        return code_size <= WHOLE

    def will_pay(self, gas: int, code_size: int) -> bool:
        """Whether it probably will have soon."""
        return 100 * gas >= NEAR * self.price(code_size)

    def most(self, times: int) -> int:
        """Bytes of bytecode to compile of what isn't compiled whole, when it was compiled that often before."""
        return min(FIRST << times, MOST)

    def price(self, code_size: int, times: int = 0) -> int:
        """The gas after which a contract is compiled. When it was compiled before, it is the gas that was spent on
        interpreting what had been left out.
        """
        if self.mode == "eager" and times == 0:
            return 0
        if self.whole(code_size):
            return GAS_PER_BYTE * code_size
        return GAS_PER_BYTE * min(code_size, self.most(times)) + GAS_PER_BYTE_LOOKED_AT * code_size

    def watches(self, gas: int, price: int) -> bool:
        """Whether it's time to record what is executed of a contract."""
        return 2 * gas >= price

    def knows(self, gas: int, price: int) -> bool:
        """Whether so much gas, spent while a contract was watched, tells what it executes."""
        return 4 * gas >= price

    def refusal(self, code_size: int) -> str:
        """Why a contract of that size is never compiled; empty if it may be."""
        if code_size > LARGEST:
            return f"{code_size} bytes of bytecode; up to {LARGEST} are compiled"
        return ""

    def profits(self, longest_run: int | None) -> bool:
        """Whether native code can save anything in what executes so many instructions at a time, or any number."""
        return self.mode == "eager" or longest_run is None or longest_run >= SHORTEST
