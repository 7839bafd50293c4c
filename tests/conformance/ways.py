"""The ways of executing a case, and the comparison of what came of it.

Everything that can be observed is compared: status, reason, output, gas in every dimension, refunds, logs, and every
account and slot touched. All contracts that are there before the transaction are compiled, once each. Native code is
entered where a frame begins, and in a second run only by taking over from the interpreter at the head of a loop.

The parallel executor has the transaction between an unrelated one and the same call by somebody else. These two are
executed ahead of their turn, in either order and natively, checked when it has come, and executed again if they met.
Results and state must be those of interpreting all three one by one, and the transaction's own result must be the
interpreter's. A transaction that no block can have (from a sender with code, say) has none.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import rlp

from devnet._engine import keccak256, native_rules, run_ahead, run_code
from devnet.jit.child import Child, Died, Refused
from devnet.jit.selection import Wanted
from tests.conformance.state_tests import Case
from tests.conformance.tally import Tally
from tests.support.native import every_block

RECORDED = ("status", "gasUsed", "usage", "logs")
"""What of a result a block records too."""
SHOWN = 400
"""Characters of each side of a disagreement."""
MAX_CPU_S = 20.0
"""Of a transaction. What takes longer (four billion rounds of a hash, say) is not executed in the other ways."""
WHY = 60
"""Characters of why a case was left out: what follows are its own numbers."""

Differences = list[tuple[str, Any, Any]]


class Ways:
    """Under one spec."""

    def __init__(self, child: Child, spec: str, wanted: dict[bytes, Wanted] | None = None) -> None:
        """All is compiled of a contract that is not among the `wanted`."""
        self._child = child
        self._wanted = wanted or {}
        self._rules = native_rules(spec)
        self._compiled: dict[bytes, bytes | str] = {}
        """The object of each bytecode, or why there is none."""

    def run(self, case: Case, after: int = 0) -> Tally:
        """Runs a case in every way. Late, native code takes over after so many instructions, in a loop."""
        began = time.process_time()
        try:
            interpreted = _answer(run_code, case.request)
        except ValueError as why:
            return Tally(left_out=Counter([str(why)[:WHY]]))
        if time.process_time() - began > MAX_CPU_S:
            return Tally(left_out=Counter([f"more than {MAX_CPU_S:g} s of processor time"]))
        objects, not_compiled = self._objects(case.codes)
        request = {**case.request, "native": objects}
        try:
            natively = _answer(run_code, request)
            late = _answer(run_code, {**request, "nativeAfter": after})
        except ValueError as why:
            return _told(case, Tally(cases=1), [("native code is refused", "", why)])
        try:
            ahead = _answer(run_ahead, request)
        except ValueError as why:
            return Tally(left_out=Counter([str(why)[:WHY]]))
        for report in (natively, late):
            report.pop("seen", None)
        contracts = natively.pop("native")
        late_runs = _runs(late.pop("native"))
        runs = _runs(contracts)
        tally = Tally(
            cases=1,
            statuses=Counter([interpreted["status"]]),
            stated=int(case.is_refused is not None),
            as_stated=int(_is_as_stated(case, interpreted)),
            gas=interpreted["gasUsed"],
            native_cases=int(runs > 0),
            native_runs=runs,
            native_gas=sum(one["nativeGas"] for one in contracts),
            missed_cases=int(any(one["missedGas"] for one in contracts)),
            late_cases=int(late_runs > 0),
            late_runs=late_runs,
            ahead_cases=int(ahead["ahead"]["subjectHeld"] > 0),
            held=ahead["ahead"]["held"],
            in_vain=ahead["ahead"]["aborted"],
            ahead_native_runs=_runs(ahead["native"]),
            no_block=int(ahead["status"] == "refused" != interpreted["status"]),
            not_compiled=not_compiled,
        )
        differences = [
            *_between("interpreted and natively", interpreted, natively),
            *_between("interpreted and natively from within a loop", interpreted, late),
            *_in_a_block(interpreted, ahead),
        ]
        return _told(case, tally, differences)

    def _objects(self, codes: tuple[bytes, ...]) -> tuple[dict[str, str], Counter[str]]:
        """What there is for them by code hash, and why there isn't more."""
        objects: dict[str, str] = {}
        not_compiled: Counter[str] = Counter()
        for code in codes:
            made = self._compile(code)
            if isinstance(made, bytes):
                objects[f"0x{keccak256(code).hex()}"] = f"0x{made.hex()}"
            else:
                not_compiled[made] += 1
        return objects, not_compiled

    def _compile(self, code: bytes) -> bytes | str:
        if code not in self._compiled:
            try:
                wanted = self._wanted.get(code) or every_block(code)
                self._compiled[code] = self._child.compile(code, self._rules, wanted=wanted).body
            except (Refused, Died) as why:
                self._compiled[code] = f"{type(why).__name__}: {why}"
        return self._compiled[code]


def _is_as_stated(case: Case, interpreted: dict[str, Any]) -> bool:
    """Whether it came to what the test says, apart from gas."""
    logs = [
        [_bytes(log["address"]), [_bytes(topic) for topic in log["topics"]], _bytes(log["data"])]
        for log in interpreted["logs"]
    ]
    is_refused = interpreted["status"] == "refused"
    logs_hash = f"0x{keccak256(rlp.encode(logs)).hex()}"
    return case.is_refused is is_refused and (is_refused or case.logs_hash == logs_hash)


def _bytes(hexed: str) -> bytes:
    return bytes.fromhex(hexed[2:])


def _told(case: Case, tally: Tally, differences: Differences) -> Tally:
    tally.disagreements = [
        {"case": case.name, "what": what, "one": str(one)[:SHOWN], "other": str(other)[:SHOWN]}
        for what, one, other in differences
    ]
    return tally


def _runs(contracts: list[dict[str, int]]) -> int:
    return sum(one["runs"] for one in contracts)


def _between(ways: str, interpreted: dict[str, Any], natively: dict[str, Any]) -> Differences:
    return [
        (f"{key} {ways}", interpreted.get(key), natively.get(key))
        for key in sorted(interpreted.keys() | natively.keys())
        if interpreted.get(key) != natively.get(key)
    ]


def _in_a_block(interpreted: dict[str, Any], ahead: dict[str, Any]) -> Differences:
    found: Differences = [("one by one and ahead", *sides) for sides in ahead["differences"]]
    if ahead["status"] != "refused":
        found += [
            (f"{key} alone and in a block", interpreted.get(key), ahead.get(key))
            for key in RECORDED
            if interpreted.get(key) != ahead.get(key)
        ]
    return found


def _answer(run: Any, request: dict[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(run(json.dumps(request).encode()))
    return report
