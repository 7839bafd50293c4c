"""`python -m tests.conformance.fuzz --seconds N`: random contracts that call each other, natively and interpreted.

Under every spec, with gas limits and MegaETH's own limits down to where they end the transaction, from the beginning
and taking over from the interpreter within a loop, whole and with some blocks left out. Stops at the first difference
and prints what repeats it. The same `--seed` gives the same contracts.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from typing import Any, Final

from devnet.jit.child import Child, Refused
from devnet.jit.decode import decode
from devnet.jit.selection import EVERYTHING, Wanted
from tests.support.native import CONTRACT, OTHER, SPECS, NativeCode, every_block, hexed
from tests.support.programs import Program

GAS = 3_000_000
INTRINSIC = 21_000
TRIES = 12
"""With each pair of contracts: compiling them is what takes time."""
LATEST: Final = 300
"""Instructions after which native code may take over."""


def main() -> int:
    """Until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    counted: Counter[str] = Counter()
    child = Child()
    end = time.monotonic() + options.seconds
    try:
        while time.monotonic() < end:
            _pair(NativeCode(child), chance, counted)
    except AssertionError as difference:
        print(difference)
        return 1
    finally:
        child.close()
        print(f"seed {options.seed}:", ", ".join(f"{count:,} {what}" for what, count in counted.items()))
    return 0


def _pair(native: NativeCode, chance: random.Random, counted: Counter[str]) -> None:
    """Two contracts under one spec."""
    code, other = Program(chance).code, Program(chance).code
    spec = chance.choice(SPECS)
    request: dict[str, Any] = {
        "spec": spec,
        "to": CONTRACT,
        "calldata": hexed(chance.randbytes(36)),
        "block": {"coinbase": chance.choice((CONTRACT, OTHER, f"0x{0x77:040x}"))},
        "accounts": {
            CONTRACT: {"balance": "0x3", "nonce": 1, "code": hexed(code), "storage": {"0x0": "0x9"}},
            OTHER: {"balance": "0x7", "nonce": 1, "code": hexed(other), "storage": {"0x1": "0x5"}},
        },
    }
    wanted = chance.choice(
        (EVERYTHING, every_block(code), _some_blocks(code, chance), _some_blocks(code, chance))
    )
    watched = chance.random() < 0.5
    try:
        whole = native.compare(code, other, gas=GAS, wanted=wanted, watched=watched, **request)
    except Refused:
        counted["refused by the compiler"] += 1
        return
    counted["pairs"] += 1
    compute = whole.report["usage"]["meteredComputeGas"]
    for _ in range(TRIES):
        gas, limits = GAS, {}
        match chance.randrange(4 if spec != "equivalence" else 1):
            case 1:
                limits = {"computeGas": chance.randint(INTRINSIC, max(INTRINSIC, compute + 100))}
            case 2:
                limits = {"detainedComputeGas": chance.randint(1, max(1, compute))}
            case 3:
                limits = {
                    "dataSize": chance.randint(150, 1_000),
                    "kvUpdates": chance.randint(1, 8),
                    "stateGrowth": chance.randint(0, 4),
                }
            case _:
                gas = chance.randint(INTRINSIC, max(INTRINSIC, whole.gas_used + 3_000))
        after = chance.choice((None, 0, 1, chance.randint(2, LATEST)))
        compared = native.compare(
            code, other, gas=gas, after=after, limits=limits, wanted=wanted, watched=watched, **request
        )
        counted["transactions"] += 1
        counted["handed over in a loop"] += after is not None and compared.native_gas > 0
        counted["left at what was left out"] += compared.missed_gas > 0
        counted[compared.status] += 1


def _some_blocks(code: bytes, chance: random.Random) -> Wanted:
    """Most of a contract's blocks."""
    blocks = decode(code).blocks
    share = chance.choice((0.3, 0.7, 0.9))
    return Wanted(whole=False, kept=tuple(pc for pc in blocks if pc == 0 or chance.random() < share))


if __name__ == "__main__":
    sys.exit(main())
