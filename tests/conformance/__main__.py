"""`python -m tests.conformance --fixtures DIR`: GeneralStateTests interpreted, natively, and ahead of their turn.

DIR holds GeneralStateTests of ethereum/tests or state tests of ethereum/execution-spec-tests; they are not part of
this repository. All contracts of a test are compiled, eagerly. What is compared is everything that can be observed:
status, reason, output, gas in every dimension, refunds, logs, and every account and slot touched. The spec is
`equivalence`, as Ethereum's own rules are.

The parallel executor has the transaction between an unrelated one and the same call by somebody else. These two are
executed ahead of their turn, in either order, checked when it has come, and executed again if they met. Results and
state must be those of executing all three one by one, and the transaction's own result must be the interpreter's. A
transaction that no block can have (from a sender with code, say) has none.

Lists disagreements; ends with 1 if there are any.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from devnet._engine import keccak256, native_rules, run_ahead, run_code
from devnet.jit.child import Child, Died, Refused
from tests.conformance.state_tests import SPEC, Case, Inexpressible, cases

RECORDED = ("status", "gasUsed", "usage", "logs")
"""What of a result a block records too."""
SHOWN = 400
"""Characters of each side of a disagreement."""


class Natively:
    """A way to run a case: natively, every contract compiled."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._rules = native_rules(SPEC)
        self._objects: dict[bytes, str | None] = {}
        self.refused: Counter[str] = Counter()

    def run(self, case: Case) -> tuple[dict[str, Any], int]:
        """The report, and how often native code was entered."""
        objects = {f"0x{keccak256(code).hex()}": made for code in case.codes if (made := self._object(code))}
        report = _run({**case.request, "native": objects})
        return report, sum(one["runs"] for one in report.pop("native"))

    def _object(self, code: bytes) -> str | None:
        if code not in self._objects:
            try:
                self._objects[code] = f"0x{self._child.compile(code, self._rules).body.hex()}"
            except (Refused, Died) as why:
                self.refused[f"{type(why).__name__}: {why}"] += 1
                self._objects[code] = None
        return self._objects[code]


def main() -> int:
    """Runs all that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--fixtures", type=Path, required=True, metavar="DIR")
    parser.add_argument("--only", default="", metavar="TEXT", help="files whose path contains this")
    parser.add_argument("--part", default="1/1", metavar="I/N", help="the I-th of N parts of the files")
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    files = sorted(path for path in options.fixtures.rglob("*.json") if options.only in str(path))[
        part - 1 :: parts
    ]
    counted: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    child = Child()
    natively = Natively(child)
    try:
        for path in files:
            counted["files"] += 1
            for case in cases(path):
                if isinstance(case, Inexpressible):
                    left_out[str(case)] += 1
                else:
                    _compare(case, natively, counted, left_out)
    finally:
        child.close()
    print(", ".join(f"{count:,} {what}" for what, count in counted.items()))
    for what, count in (left_out + natively.refused).most_common():
        print(f"left out: {count:,} x {what}")
    return 1 if counted["disagreements"] else 0


def _compare(case: Case, natively: Natively, counted: Counter[str], left_out: Counter[str]) -> None:
    try:
        interpreted = _run(case.request)
        ahead: dict[str, Any] = json.loads(run_ahead(json.dumps(case.request).encode()))
    except ValueError as why:
        left_out[str(why)[:60]] += 1
        return
    native, runs = natively.run(case)
    counted["cases"] += 1
    counted[interpreted["status"]] += 1
    counted["native runs"] += runs
    counted["held when executed ahead"] += ahead["ahead"]["held"]
    counted["executed ahead in vain"] += ahead["ahead"]["inVain"]
    differences = [
        (f"{key} interpreted and natively", value, native.get(key))
        for key, value in interpreted.items()
        if native.get(key) != value
    ]
    differences += [("one by one and ahead", *sides) for sides in ahead["differences"]]
    if ahead["status"] != "refused":
        differences += [
            (f"{key} alone and in a block", interpreted.get(key), ahead[key])
            for key in RECORDED
            if interpreted.get(key) != ahead[key]
        ]
    elif interpreted["status"] != "refused":
        counted["that no block can have"] += 1
    if differences:
        counted["disagreements"] += 1
        print(f"{case.name}: disagreement")
    for what, one, other in differences:
        print(f"  {what}:\n    {str(one)[:SHOWN]}\n    {str(other)[:SHOWN]}")


def _run(request: dict[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(run_code(json.dumps(request).encode()))
    return report


if __name__ == "__main__":
    sys.exit(main())
