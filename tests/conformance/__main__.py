"""`python -m tests.conformance --fixtures DIR`: GeneralStateTests interpreted and natively; lists disagreements.

DIR holds GeneralStateTests of ethereum/tests or state tests of ethereum/execution-spec-tests; they are not part of
this repository. All contracts of a test are compiled, eagerly. What is compared is everything that can be observed:
status, reason, output, gas in every dimension, refunds, logs, and every account and slot touched. The spec is
`equivalence`, as Ethereum's own rules are. Ends with 1 if there is any disagreement.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from devnet._engine import keccak256, native_rules, run_code
from devnet.jit.child import Child, Died, Refused
from tests.conformance.state_tests import SPEC, Case, Inexpressible, cases

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
    except ValueError as why:
        left_out[str(why)[:60]] += 1
        return
    native, runs = natively.run(case)
    counted["cases"] += 1
    counted[interpreted["status"]] += 1
    counted["native runs"] += runs
    if native == interpreted:
        return
    counted["disagreements"] += 1
    print(f"{case.name}: interpreter and native code disagree")
    for key, value in interpreted.items():
        if native.get(key) != value:
            print(f"  {key}: {str(value)[:SHOWN]}\n  {' ' * len(key)}  {str(native.get(key))[:SHOWN]}")


def _run(request: dict[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(run_code(json.dumps(request).encode()))
    return report


if __name__ == "__main__":
    sys.exit(main())
