"""What a chain's rules ask of a transaction and allow it: numbers that tools print, and know from the engine alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from devnet.config import SPECS


@dataclass(frozen=True)
class Allowance:
    """Of the rules that hold at a time (`devnet._engine.allowance_at`). None where there is no limit."""

    spec: str
    intrinsic_gas: int
    """The least that a transaction costs."""
    limits: tuple[int | None, ...]
    """Data size, KV updates, compute gas and state growth of a transaction, as reverts number them."""
    block_limits: tuple[int | None, ...]
    """The same of all transactions of a block."""
    call_share: tuple[int, int] | None
    """Of what its caller has left of each limit a call has so much: numerator and denominator."""
    detained_compute_gas: int | None
    """What reading volatile data leaves."""
    code_bytes: int
    """The longest code of a contract."""
    initcode_bytes: int


Allowed = Callable[[], Allowance]
"""Finds it when it is needed."""


def allowance_of(rules: Mapping[str, Any]) -> Allowance:
    """What a chain allows now. `rules`: as `mega_getChainRules` answers, or a chain id alone. Of a chain whose rules
    are not known: what the newest rules allow."""
    from devnet._engine import allowance_at

    try:
        told = json.loads(allowance_at(json.dumps(rules).encode(), int(time.time())))
    except ValueError:
        return newest()
    return Allowance(
        told["spec"],
        told["intrinsicGas"],
        tuple(told["limits"]),
        tuple(told["blockLimits"]),
        tuple(told["callShare"]) if told["callShare"] is not None else None,
        told["detainedComputeGas"],
        told["codeBytes"],
        told["initcodeBytes"],
    )


@cache
def newest() -> Allowance:
    """What the newest rules allow."""
    return allowance_of({"chainId": 0, "spec": SPECS[-1]})
