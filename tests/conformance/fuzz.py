"""`python -m tests.conformance.fuzz --cases N`: random contracts that call each other, interpreted, natively and ahead.

Under every spec, with gas limits and MegaETH's own limits down to where they end the transaction; executed and compared
as state tests are, with native code that takes over anywhere in a loop, and of which some blocks are left out. Stops at
the first disagreement and prints the request that repeats it. The same `--seed` gives the same contracts. Ends with 1
if there is a disagreement, and with 2 if nothing ran natively or nothing ahead of its turn.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

from devnet._engine import run_code
from devnet.jit.child import Child, Limits
from devnet.jit.decode import decode
from devnet.jit.selection import EVERYTHING, Wanted
from tests.conformance.state_tests import Case
from tests.conformance.tally import Tally
from tests.conformance.ways import Ways
from tests.support.native import CONTRACT, OTHER, SPECS, every_block, hexed
from tests.support.programs import Program

GAS = 3_000_000
INTRINSIC = 21_000
TRIES = 12
"""With each pair of contracts: compiling them is what takes time."""
LATEST = 300
"""Instructions after which native code may take over."""


def main() -> int:
    """Until the cases are done or the time is over."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.fuzz", description=__doc__)
    until = parser.add_mutually_exclusive_group(required=True)
    until.add_argument("--cases", type=int, default=sys.maxsize, metavar="N", help="so many transactions")
    until.add_argument("--seconds", type=float, default=float("inf"), metavar="N", help="so long")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="another one gives other contracts (0)"
    )
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    tally = Tally()
    child = Child(Limits(niceness=0))
    try:
        chance = random.Random(options.seed)
        for ways, case in _cases(chance, child):
            after = chance.choice((0, 1, chance.randint(2, LATEST)))
            tally.add(ways.run(case, after))
            if tally.disagreements:
                print(json.dumps({**case.request, "nativeAfter": after}))
                for found in tally.disagreements:
                    print(f"{found['what']}:\n    {found['one']}\n    {found['other']}")
            if tally.disagreements or tally.cases >= options.cases or time.monotonic() >= end:
                break
    except KeyboardInterrupt:
        pass
    finally:
        child.close()
    print(f"seed {options.seed}: {tally.text()}")
    return tally.exit_code()


def _cases(chance: random.Random, child: Child) -> Iterator[tuple[Ways, Case]]:
    """Without end: pairs of contracts, and of each pair the whole transaction and some that are cut short."""
    while True:
        codes = (Program(chance).code, Program(chance).code)
        spec = chance.choice(SPECS)
        ways = Ways(child, spec, {codes[0]: _some(codes[0], chance)})
        request = _request(spec, *codes, chance)
        yield ways, Case("the whole transaction", request, codes)
        whole = json.loads(run_code(json.dumps(request).encode()))
        for _ in range(TRIES):
            yield ways, Case("a part of it", {**request, **_cut(spec, whole, chance)}, codes)


def _request(spec: str, code: bytes, other: bytes, chance: random.Random) -> dict[str, Any]:
    return {
        "spec": spec,
        "to": CONTRACT,
        "code": hexed(code),
        "watched": chance.random() < 0.5,
        "gas": GAS,
        "calldata": hexed(chance.randbytes(36)),
        "block": {"coinbase": chance.choice((CONTRACT, OTHER, f"0x{0x77:040x}"))},
        "accounts": {
            CONTRACT: {"balance": "0x3", "nonce": 1, "code": hexed(code), "storage": {"0x0": "0x9"}},
            OTHER: {"balance": "0x7", "nonce": 1, "code": hexed(other), "storage": {"0x1": "0x5"}},
        },
    }


def _some(code: bytes, chance: random.Random) -> Wanted:
    """What is to be compiled of a contract: all of it, or most of its blocks."""
    share = chance.choice((0.3, 0.7, 0.9))
    most = Wanted(
        whole=False, kept=tuple(pc for pc in decode(code).blocks if pc == 0 or chance.random() < share)
    )
    return chance.choice((EVERYTHING, every_block(code), most, most))


def _cut(spec: str, whole: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A limit that may end the transaction before it has done what it does without."""
    compute = whole["usage"]["meteredComputeGas"]
    match chance.randrange(4 if spec != "equivalence" else 1):
        case 1:
            return {"limits": {"computeGas": chance.randint(INTRINSIC, max(INTRINSIC, compute + 100))}}
        case 2:
            return {"limits": {"detainedComputeGas": chance.randint(1, max(1, compute))}}
        case 3:
            growth = {
                "dataSize": chance.randint(150, 1_000),
                "kvUpdates": chance.randint(1, 8),
                "stateGrowth": chance.randint(0, 4),
            }
            return {"limits": growth}
        case _:
            return {"gas": chance.randint(INTRINSIC, max(INTRINSIC, whole["gasUsed"] + 3_000))}


if __name__ == "__main__":
    sys.exit(main())
