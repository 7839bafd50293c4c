"""Which contracts are compiled. Nobody gets compilations for less than they cost: gas comes first.

The hottest goes first; how hot a contract is, the engine counts (gas that was spent on interpreting it), so that there
is no queue that could be filled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GAS_PER_BYTE: Final = 100_000
"""Interpreting so much gas takes about as long as compiling a byte of bytecode."""
LARGEST: Final = 64 * 1024
"""Bytes of bytecode; what is larger takes longer to compile than anybody should wait for."""
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

    def pays(self, gas: int, code_size: int) -> bool:
        """Whether the gas spent on a contract has paid for its compilation."""
        return self.mode == "eager" or gas >= self.price(code_size)

    def will_pay(self, gas: int, code_size: int) -> bool:
        """Whether it probably will have soon."""
        return 100 * gas >= NEAR * self.price(code_size)

    def price(self, code_size: int) -> int:
        """The gas after which a contract is compiled."""
        return 0 if self.mode == "eager" else GAS_PER_BYTE * code_size

    def refusal(self, code_size: int) -> str:
        """Why a contract of that size is never compiled; empty if it may be."""
        if code_size > LARGEST:
            return f"{code_size} bytes of bytecode; up to {LARGEST} are compiled"
        return ""

    def profits(self, longest_run: int | None) -> bool:
        """Whether native code can save anything in what executes so many instructions at a time, or any number."""
        return self.mode == "eager" or longest_run is None or longest_run >= SHORTEST
