"""Contracts to run in one transaction, without a chain: interpreted, and as native code."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from devnet._engine import keccak256, native_rules, run_code
from devnet.jit.child import Child, Compiled, Limits
from devnet.paths import Paths
from megaeth_cli.compile import Options, compile_source

HERE: Final = Path(__file__).parent
COMPUTE, DRIVERS = HERE / "native" / "Compute.sol", HERE / "native" / "Drivers.sol"
CONTRACTS: Final = HERE.parent / "contracts" / "src"
SPEC: Final = "rex6"
CALLED: Final = "0x000000000000000000000000000000000000c0de"
TOKENS: Final = tuple("0x" + "00" * 19 + last for last in ("a1", "b1"))
_TOKEN_NUMBERS: Final = tuple(int(one, 16) for one in TOKENS)
ROUTER: Final = "0x" + "00" * 19 + "c1"
GAS: Final = 1 << 40
LIMITS: Final = {"computeGas": GAS, "dataSize": GAS, "kvUpdates": GAS, "stateGrowth": GAS}
"""MegaETH's limits of a transaction would end these early."""
TICK_SIZE: Final = 10**15
"""Of the book in `Drivers.sol`."""
BALANCE_SLOT: Final = "balanceOf"


class WrongResult(Exception):
    """The program failed, or did something else natively."""


@dataclass(frozen=True)
class Program:
    """A contract's `run(n)`."""

    name: str
    source: Path
    contract: str
    n: int
    others: tuple[str, ...] = ()
    """Contracts of `contracts/src` that are called, and native too."""
    accounts: dict[str, Any] = field(default_factory=dict)
    each: str = ""
    """What one of `n` is, where people would count them."""
    created: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """The same of those that the program creates with arguments, on which their code depends."""

    def request(self, n: int) -> dict[str, Any]:
        """For `run_code`."""
        code = runtime(self.source, self.contract)
        call = keccak256(b"run(uint256)")[:4] + n.to_bytes(32)
        return {
            "spec": SPEC,
            "gas": GAS,
            "limits": LIMITS,
            "code": f"0x{code.hex()}",
            "calldata": f"0x{call.hex()}",
            "accounts": self.accounts,
        }

    def codes(self) -> list[bytes]:
        """Everything that is to be native."""
        return [
            runtime(self.source, self.contract),
            *(runtime(CONTRACTS / f"{one}.sol", one) for one in self.others),
            *(created(CONTRACTS / f"{one}.sol", one, arguments) for one, arguments in self.created),
        ]


def compute(name: str, contract: str, n: int) -> Program:
    """Of `Compute.sol`."""
    return Program(name, COMPUTE, contract, n)


def transfers(n: int) -> Program:
    """Transfers of one token."""
    return Program("erc20 transfers", DRIVERS, "Transfers", n, ("Token",), _market(), each="transfers")


def swaps(n: int) -> Program:
    """Swaps of two tokens through the router."""
    pair = ("AmmPair", _TOKEN_NUMBERS)
    others = ("Token", "AmmRouter")
    return Program("amm swaps", DRIVERS, "Swaps", n, others, _market(), created=(pair,), each="swaps")


def orders(n: int) -> Program:
    """Orders on a book of its own, some of which trade."""
    book = ("OrderBook", (*_TOKEN_NUMBERS, TICK_SIZE))
    others = ("Token",)
    return Program("order book", DRIVERS, "Orders", n, others, _market(), created=(book,), each="orders")


@cache
def _market() -> dict[str, Any]:
    """Two tokens in the hands of the contract that is called, and the router."""
    token = compiled(CONTRACTS / "Token.sol", "Token")
    slots = {one["label"]: int(one["slot"]) for one in token.layout["storage"]}
    holder = bytes.fromhex(CALLED[2:]).rjust(32, b"\0") + slots[BALANCE_SLOT].to_bytes(32)
    storage = {f"0x{keccak256(holder).hex()}": hex(10**24)}
    accounts = {one: {"nonce": 1, "code": f"0x{token.runtime}", "storage": storage} for one in TOKENS}
    router = compiled(CONTRACTS / "AmmRouter.sol", "AmmRouter")
    return {**accounts, ROUTER: {"nonce": 1, "code": f"0x{router.runtime}"}}


@cache
def compiled(source: Path, name: str) -> Any:  # noqa: ANN401 a Contract
    """A contract as the Solidity compiler makes it."""
    paths = Paths.from_environment(os.environ)
    return compile_source(source, Options(cache=paths.cache, variables=dict(os.environ))).contract(name)


def runtime(source: Path, name: str) -> bytes:
    """A contract's code."""
    return bytes.fromhex(compiled(source, name).runtime)


@cache
def created(source: Path, name: str, arguments: tuple[int, ...]) -> bytes:
    """The code that a constructor makes of its arguments."""
    given = b"".join(one.to_bytes(32) for one in arguments)
    request = {
        "spec": SPEC,
        "gas": GAS,
        "limits": LIMITS,
        "create": True,
        "calldata": f"0x{compiled(source, name).bytecode}{given.hex()}",
    }
    report = json.loads(run_code(json.dumps(request).encode()))
    if report["status"] != "success":
        raise WrongResult(f"{name}: {report['status']} {report.get('reason')}")
    return bytes.fromhex(report["output"][2:])


class Runs:
    """One program, ready to be run both ways."""

    def __init__(self, program: Program, n: int) -> None:
        self._program = program
        self._n = n
        child = Child(Limits(niceness=0))
        try:
            self.compiled: list[Compiled] = [
                child.compile(code, native_rules(SPEC)) for code in program.codes()
            ]
        finally:
            child.close()
        objects = {
            f"0x{keccak256(code).hex()}": f"0x{made.body.hex()}"
            for code, made in zip(program.codes(), self.compiled, strict=True)
        }
        # What a run costs before it begins (JSON, loading objects) is that of a run with nothing to do.
        self._requests = {
            native: tuple(
                json.dumps({**program.request(size), **({"native": objects} if native else {})}).encode()
                for size in (0, n)
            )
            for native in (False, True)
        }

    def seconds(self, *, native: bool) -> tuple[float, dict[str, Any]]:
        """Processor time of the work, and the report without what may differ."""
        nothing, everything = self._requests[native]
        began = time.process_time()
        run_code(nothing)
        middle = time.process_time()
        report: dict[str, Any] = json.loads(run_code(everything))
        end = time.process_time()
        report.pop("native", None)
        if report["status"] != "success":
            raise WrongResult(f"{self._program.name}: {report['status']} {report.get('reason')}")
        return (end - middle) - (middle - began), report
