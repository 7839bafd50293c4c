"""What instructions cost under a spec, as the engine says (`native_rules`): the compiler has no table of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """The costs of one spec."""

    spec: str
    static_gas: tuple[int | None, ...]
    """By opcode; None: not for native code to execute under this spec."""
    exp_byte_gas: int
    """For each byte of EXP's exponent."""

    @classmethod
    def read(cls, text: bytes) -> Rules:
        """From what the engine's `native_rules` gives."""
        document = json.loads(text)
        costs = tuple(document["static_gas"])
        if len(costs) != 256:
            raise ValueError(f"costs of {len(costs)} opcodes instead of 256")
        return cls(document["spec"], costs, document["exp_byte_gas"])
