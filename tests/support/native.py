"""Runs the same transaction interpreted and natively, for tests that want no difference."""

import json
from typing import Any

from devnet._engine import keccak256, native_rules, run_code
from devnet.jit.child import Child
from devnet.jit.decode import decode
from devnet.jit.selection import EVERYTHING, Wanted

SPECS = ("equivalence", "mini-rex", "rex", "rex1", "rex2", "rex3", "rex4", "rex5", "rex6")
CONTRACT = "0x000000000000000000000000000000000000c0de"
OTHER = "0x000000000000000000000000000000000000beef"


def hexed(data: bytes) -> str:
    return f"0x{data.hex()}"


def every_block(code: bytes) -> Wanted:
    """All of a contract, what only fails too."""
    return Wanted(whole=True, kept=tuple(decode(code).blocks))


class Compared:
    """What a transaction did, both ways; they are the same, or the test has failed."""

    def __init__(self, report: dict[str, Any], native: list[dict[str, Any]]) -> None:
        self.report = report
        self.native = native

    @property
    def status(self) -> str:
        return self.report["status"]

    @property
    def output(self) -> bytes:
        return bytes.fromhex(self.report["output"][2:])

    @property
    def gas_used(self) -> int:
        return self.report["gasUsed"]

    @property
    def native_runs(self) -> int:
        return sum(one["runs"] for one in self.native)

    @property
    def native_gas(self) -> int:
        return sum(one["nativeGas"] for one in self.native)

    @property
    def missed_gas(self) -> int:
        return sum(one["missedGas"] for one in self.native)


class NativeCode:
    """A compiler for tests, and the comparison."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._objects: dict[tuple[bytes, str, Wanted], bytes] = {}

    def object(self, code: bytes, spec: str, wanted: Wanted = EVERYTHING) -> bytes:
        key = code, spec, wanted
        if key not in self._objects:
            self._objects[key] = self._child.compile(code, native_rules(spec), wanted=wanted).body
        return self._objects[key]

    def seen(self, code: bytes, spec: str = "rex6", gas: int = 3_000_000, **request: Any) -> bytes:
        """How often each instruction of the contract is executed in a transaction, as the engine counts it."""
        asked = {"spec": spec, "code": hexed(code), "gas": gas, **request}
        return bytes.fromhex(_run({**asked, "native": {}, "watched": True})["seen"][2:])

    def compare(
        self,
        code: bytes,
        *others: bytes,
        spec: str = "rex6",
        gas: int = 3_000_000,
        after: int | None = None,
        wanted: Wanted = EVERYTHING,
        watched: bool = False,
        **request: Any,
    ) -> Compared:
        """Calls the contract; `others` are further codes that are native. With `after`, every frame begins in the
        interpreter, and native code takes over in a loop after so many instructions. Of the contract only the `wanted`
        parts are native, and what is interpreted is counted if it is `watched`.
        """
        asked = {"spec": spec, "code": hexed(code), "gas": gas, **request}
        objects = {hexed(keccak256(one)): hexed(self.object(one, spec)) for one in others}
        objects[hexed(keccak256(code))] = hexed(self.object(code, spec, wanted))
        interpreted = _run(asked)
        natively = _run({**asked, "native": objects, "nativeAfter": after, "watched": watched})
        counted = natively.pop("native", [])
        natively.pop("seen", None)
        interpreted.pop("native", None)
        assert natively == interpreted, f"{hexed(code)} differs under {spec} with {gas} gas, after {after}"
        return Compared(interpreted, counted)


def _run(request: dict[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(run_code(json.dumps(request).encode()))
    return report
