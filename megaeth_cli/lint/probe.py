"""An engine without a chain, to ask what code costs and how it ends under some rules. No node is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from devnet._engine import RpcError
from megaeth_cli.chain.own_engine import MAX_GAS, OwnEngine

Json = Any

SENDER = "0x" + "5e" * 20
CONTRACT = "0x" + "c0" * 20
"""Where the code lies that is run."""
OTHER = "0x" + "07" * 20
"""Where code lies that it calls."""


@dataclass(frozen=True)
class Gas:
    """Gas in MegaETH's two dimensions; a receipt has the sum."""

    compute: int
    storage: int

    @property
    def total(self) -> int:
        """What is paid for."""
        return self.compute + self.storage

    def __sub__(self, other: Gas) -> Gas:
        return Gas(self.compute - other.compute, self.storage - other.storage)


@dataclass(frozen=True)
class Outcome:
    """How a call ended."""

    output: bytes | None
    """What it returned; None: it failed."""
    revert: bytes
    """What it reverted with."""
    detained: bool
    """Whether volatile data was read. Known of calls that fail."""
    halt: Mapping[str, str]
    """Why mega-evm halted it: `kind`, `limit`, `actual`; empty when it did not."""


class Probe:
    """Runs code over an empty state. `multiplier`: how crowded all buckets of the state are (256 slots times it)."""

    def __init__(self, spec: str, multiplier: int = 1) -> None:
        self._engine = OwnEngine(spec, {}, multiplier=multiplier, timeout_s=None)

    def gas(self, code: str, others: Mapping[str, str] | None = None) -> Gas:
        """What a transaction costs that calls code (hex). `others`: code at other addresses."""
        return _gas(self.trace(code, others))

    def trace(self, code: str, others: Mapping[str, str] | None = None, gas: int = MAX_GAS) -> Json:
        """The same as geth's call tracer tells it, calls within it included."""
        return self._trace({"from": SENDER, "to": CONTRACT, "gas": hex(gas)}, _overrides(code, others))

    def creation_gas(self, code: bytes) -> Gas | None:
        """What a transaction costs that creates a contract by this code; None if it fails."""
        traced = self._trace({"from": SENDER, "gas": hex(MAX_GAS), "data": f"0x{code.hex()}"}, {})
        return None if "error" in traced else _gas(traced)

    def call(self, code: str, others: Mapping[str, str] | None = None, gas: int = MAX_GAS) -> Outcome:
        """What comes of calling code (hex)."""
        call = {"from": SENDER, "to": CONTRACT, "gas": hex(gas)}
        try:
            answer = self._ask("eth_call", call, "latest", _overrides(code, others))
        except RpcError as error:
            mega = orjson.loads(error.mega) if error.mega else {}
            data = orjson.loads(error.data) if error.data else None
            revert = bytes.fromhex(data[2:]) if isinstance(data, str) else b""
            return Outcome(None, revert, bool(mega.get("detained")), mega.get("haltReason") or {})
        return Outcome(bytes.fromhex(answer[2:]), b"", False, {})

    def calls(self, addresses: list[str], code: str, others: Mapping[str, str]) -> list[bytes | None]:
        """What calls return one after another, each over what those before it did; None: it failed."""
        bundle = {
            "transactions": [{"from": SENDER, "to": address, "gas": hex(MAX_GAS)} for address in addresses]
        }
        (answers,) = self._ask("eth_callMany", [bundle], None, _overrides(code, others))
        return [bytes.fromhex(one["value"][2:]) if "value" in one else None for one in answers]

    def _trace(self, call: Json, overrides: Json) -> Json:
        return self._ask(
            "debug_traceCall", call, "latest", {"tracer": "callTracer", "stateOverrides": overrides}
        )

    def _ask(self, method: str, *params: Json) -> Json:
        return self._engine.ask(method, *params)


def _overrides(code: str, others: Mapping[str, str] | None) -> Json:
    codes = {CONTRACT: code, **(others or {})}
    return {address: {"code": f"0x{text}", "balance": "0xffffffff"} for address, text in codes.items()}


def _gas(traced: Json) -> Gas:
    mega = traced["mega"]
    return Gas(int(mega["computeGas"], 16), int(mega["storageGas"], 16))
