"""Compiles the contracts that are worth it while the node goes on: from the engine's counters to code in the engine.

    Engine.native_candidates --policy--> worker (a child process) --object--> cache on disk, Engine.load_native

| thread | owns                                                                       |
|--------|----------------------------------------------------------------------------|
| `jit`  | everything here: it sleeps in the engine until something was interpreted   |
| others | `status` only                                                              |

A contract that the compiler refuses, or on which it died, is interpreted for good; the log says so once.
"""

from __future__ import annotations

import logging
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from devnet.jit.abi import X86
from devnet.jit.cache import Cache, Entry
from devnet.jit.child import Child, Died, Refused
from devnet.jit.policy import CONSIDERED, Policy

log = logging.getLogger(__name__)

SLEEP_S: Final = 60.0
"""Without news from the engine."""
PAUSE_S: Final = 0.05
"""Between two looks at the counters while they move."""
MOST_REMEMBERED: Final = 4_096
"""Contracts that were refused."""
STOP_S: Final = 5.0


class NativeEngine(Protocol):
    """What the service needs of an engine."""

    def native_wait(self, seconds: float) -> bool:
        """Until something was interpreted; False when nothing was."""

    def native_candidates(self, limit: int) -> list[tuple[bytes, int, int]]:
        """Code hash, gas interpreted, calls."""

    def load_native(self, code_hash: bytes, object: bytes) -> None:
        """Puts code to use."""

    def native_status(self) -> bytes:
        """JSON of what runs natively."""

    def native_code(self, code_hash: bytes) -> bytes | None:
        """A contract's bytecode."""


@dataclass(slots=True)
class Contract:
    """What the service knows of a contract."""

    state: str
    """`waiting` (for its gas to pay), `compiling`, `native`, `refused` or `failed`."""
    code_size: int = 0
    reason: str = ""
    size: int = 0
    """Bytes of native code."""
    compile_s: float = 0.0
    cached: bool = False
    """Whether it came from the cache."""
    gas: int = 0
    """Interpreted, when it was last looked at."""
    calls: int = 0


class JitService:
    """One node's compiler."""

    def __init__(
        self,
        engine: NativeEngine,
        rules: bytes,
        directory: Path,
        policy: Policy,
        *,
        child: Child | None = None,
        failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._spec = str(orjson.loads(rules)["spec"])
        self._directory = directory
        machine = platform.machine()
        self._unavailable = "" if machine in X86 else f"native code is for x86-64, and this is {machine}"
        self._policy = Policy("off") if self._unavailable else policy
        self._child = child or Child()
        self._failure = failure
        self._contracts: dict[bytes, Contract] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jit", daemon=True)
        self._cache: Cache | None = None

    def start(self) -> None:
        """Loads what was compiled before, then goes on in its thread."""
        if self._unavailable:
            log.warning("everything is interpreted: %s", self._unavailable)
        if self._policy.mode == "off":
            return
        try:
            self._cache = Cache(self._directory, self._spec)
            self._load_cached()
        except OSError as error:
            log.warning("no cache of native code: %s", error)
        self._thread.start()

    def stop(self) -> None:
        """Gives up what is being compiled. After `Engine.stop`, or the thread may sleep on for a while."""
        self._stopping.set()
        self._child.close()

    def status(self) -> dict[str, Any]:
        """For `mega_getNativeStatus`: the mode, and each contract that was looked at."""
        counted = {one["codeHash"]: one for one in orjson.loads(self._engine.native_status())}
        with self._lock:
            known = {f"0x{code_hash.hex()}": contract for code_hash, contract in self._contracts.items()}
        return {
            "mode": self._policy.mode,
            "unavailable": self._unavailable or None,
            "spec": self._spec,
            "contracts": [
                _described(code_hash, contract, counted.get(code_hash, {}), self._policy)
                for code_hash, contract in known.items()
            ],
        }

    def _load_cached(self) -> None:
        assert self._cache is not None
        began = time.monotonic()
        loaded = 0
        for entry in self._cache.entries():
            contract = self._settle(entry)
            if contract is not None:
                self._note(bytes.fromhex(entry.made.code_hash), contract)
                loaded += contract.state == "native"
        if loaded:
            log.info("native code of %d contracts from the cache in %.2f s", loaded, time.monotonic() - began)

    def _settle(self, entry: Entry) -> Contract | None:
        """Puts to use what the cache has of a contract; nothing if that is no good."""
        made = entry.made
        if made.refused:
            return Contract("refused", made.code_size, reason=made.refused, cached=True)
        code_hash = bytes.fromhex(made.code_hash)
        try:
            self._engine.load_native(code_hash, entry.body)
        except Exception as error:
            log.warning("0x%s: its cached native code can't be loaded: %s", made.code_hash, error)
            if self._cache is not None:
                self._cache.remove(code_hash)
            return None
        return Contract("native", made.code_size, size=made.size, compile_s=made.seconds, cached=True)

    def _cached(self, code_hash: bytes) -> Contract | None:
        """A contract that another node has compiled, or given up, since this one started."""
        entry = self._cache.find(code_hash) if self._cache is not None else None
        return self._settle(entry) if entry is not None else None

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                if not self._compile_hottest():
                    self._engine.native_wait(SLEEP_S)
                    self._stopping.wait(PAUSE_S)
        except BaseException as error:
            if not self._stopping.is_set():
                self._failure(error)

    def _compile_hottest(self) -> bool:
        """Compiles the hottest contract that has paid for it; whether there was one."""
        with self._lock:
            settled = sum(one.state != "waiting" for one in self._contracts.values())
        for code_hash, gas, calls in self._engine.native_candidates(CONSIDERED + settled):
            contract = self._contracts.get(code_hash)
            if contract is None:
                contract = self._first_sight(code_hash)
                if contract is None:
                    continue
            contract.gas, contract.calls = gas, calls
            if contract.state == "waiting" and self._policy.pays(gas, contract.code_size):
                if (cached := self._cached(code_hash)) is not None:
                    self._note(code_hash, cached)
                else:
                    self._compile(code_hash, contract)
                return True
            if contract.state == "waiting" and self._policy.will_pay(gas, contract.code_size):
                self._prepare()
        return False

    def _prepare(self) -> None:
        """Starting the compiler takes as long as a small contract's compilation: nobody should wait for both."""
        try:
            self._child.start()
        except (Died, OSError) as error:
            # The compilation will say so if it fails then too.
            log.debug("the compiler was not started: %s", error)

    def _first_sight(self, code_hash: bytes) -> Contract | None:
        code = self._engine.native_code(code_hash)
        if not code:
            return None
        contract = self._cached(code_hash) or Contract("waiting", code_size=len(code))
        if refusal := self._policy.refusal(len(code)):
            contract.state, contract.reason = "refused", refusal
        self._note(code_hash, contract)
        return contract

    def _note(self, code_hash: bytes, contract: Contract) -> None:
        with self._lock:
            self._contracts[code_hash] = contract
            while len(self._contracts) > MOST_REMEMBERED:
                idle = next((key for key, one in self._contracts.items() if one.state != "native"), None)
                if idle is None:
                    return
                del self._contracts[idle]

    def _compile(self, code_hash: bytes, contract: Contract) -> None:
        contract.state = "compiling"
        name = f"0x{code_hash.hex()}"
        try:
            code = self._engine.native_code(code_hash) or b""
            compiled = self._child.compile(code, self._rules)
            run = compiled.facts.get("longest_run")
            if not self._policy.profits(run):
                contract.state = "refused"
                contract.reason = (
                    f"native code would execute {run} instructions at most until it leaves again"
                )
                return
            self._engine.load_native(code_hash, compiled.body)
        except Refused as error:
            self._give_up(code_hash, contract, "refused", str(error))
            log.info("%s is not compiled: %s", name, error)
        except Died as error:
            if self._stopping.is_set():
                return
            self._give_up(code_hash, contract, "failed", str(error))
            log.warning("%s is interpreted for good: %s", name, error)
        except Exception as error:  # the engine refused the object
            self._give_up(code_hash, contract, "failed", str(error))
            log.warning("%s is interpreted for good: %s", name, error)
        else:
            contract.state, contract.size, contract.compile_s = "native", compiled.size, compiled.seconds
            log.info("%s is native: %d bytes, compiled in %.2f s", name, compiled.size, compiled.seconds)
            self._keep(code_hash, contract, compiled.body)

    def _give_up(self, code_hash: bytes, contract: Contract, state: str, reason: str) -> None:
        contract.state, contract.reason = state, reason
        if self._cache is not None:
            try:
                self._cache.refuse(code_hash, contract.code_size, reason)
            except OSError as error:
                log.warning("the cache of native code: %s", error)

    def _keep(self, code_hash: bytes, contract: Contract, body: bytes) -> None:
        if self._cache is None:
            return
        try:
            self._cache.store(
                code_hash, contract.code_size, body, size=contract.size, seconds=contract.compile_s
            )
        except OSError as error:
            log.warning("the cache of native code: %s", error)


def _described(code_hash: str, contract: Contract, counted: dict[str, Any], policy: Policy) -> dict[str, Any]:
    described: dict[str, Any] = {
        "codeHash": code_hash,
        "state": contract.state,
        "codeSize": contract.code_size or None,
        "reason": contract.reason or None,
        "interpretedGas": counted.get("interpretedGas", contract.gas),
        "compiledAfterGas": policy.price(contract.code_size),
    }
    if contract.state == "native":
        described |= {
            "size": contract.size,
            "compileSeconds": contract.compile_s,
            "fromCache": contract.cached,
            "runs": counted.get("runs", 0),
            "nativeGas": counted.get("nativeGas", 0),
            "leaves": counted.get("leaves", 0),
            "speedUp": _speed_up(counted),
        }
    return described


def _speed_up(counted: dict[str, Any]) -> float | None:
    """How many times the interpreter's gas per second, where both were timed."""
    native_gas, native_ns = counted.get("timedNativeGas", 0), counted.get("timedNativeNanos", 0)
    gas, nanos = counted.get("timedInterpretedGas", 0), counted.get("timedInterpretedNanos", 0)
    if not (native_gas and native_ns and gas and nanos):
        return None
    return float(round(native_gas / native_ns / (gas / nanos), 2))
