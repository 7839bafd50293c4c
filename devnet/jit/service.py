"""Compiles the contracts that are worth it while the node goes on: from the engine's counters to code in the engine.

    Engine.native_candidates --policy--> worker (a child process) --object--> cache on disk, Engine.load_native

| thread | owns                                                                       |
|--------|----------------------------------------------------------------------------|
| `jit`  | everything here: it sleeps in the engine until something was interpreted   |
| others | `status` only                                                              |

Of larger contracts, what they execute is recorded from half of their price on, and compiled; they are compiled again
when what was left out turns out to matter.

A contract that the compiler refuses, or on which it died, is interpreted for good (or stays as it is); the log says so
once.
"""

from __future__ import annotations

import logging
import platform
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from devnet.jit.abi import X86
from devnet.jit.cache import EVERY_PART, Cache, Entry
from devnet.jit.child import Child, Died, Refused
from devnet.jit.policy import CONSIDERED, MAX_COMPILATIONS, MAX_WATCHED, Policy
from devnet.jit.selection import Part, Wanted
from devnet.threads import OnDeath, start_thread

log = logging.getLogger(__name__)

SLEEP_S: Final = 60.0
"""Without news from the engine."""
PAUSE_S: Final = 0.05
"""Between two looks at the counters while they move."""
WATCHED: Final = "what it executes is being recorded, to be compiled"
MAX_REMEMBERED: Final = 4_096
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

    def native_watch(self, code_hash: bytes) -> None:
        """Counts what a contract executes."""

    def native_seen(self, code_hash: bytes) -> bytes | None:
        """The counts by pc, 32 bits each."""

    def native_unwatch(self, code_hash: bytes) -> None:
        """Forgets the counts."""

    def native_missing(self, limit: int) -> list[tuple[bytes, int]]:
        """Code hash, gas that was interpreted because native code had left at what was not compiled."""

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
    part: Part = EVERY_PART
    """What of it is native."""
    missed: int = 0
    """Gas interpreted after leaving native code at what was left out, when this part was compiled."""
    settled: bool = False
    """Not to be compiled again."""
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
        failure: OnDeath,
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
        self._watched: dict[bytes, int] = {}
        """By code hash: the gas that was spent before."""
        self._lock = threading.Lock()
        self._stopping = threading.Event()
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
        start_thread(self._run, "jit", self._failure)

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
        return Contract(
            "native", made.code_size, size=made.size, compile_s=made.seconds, part=made.part, cached=True
        )

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
        except Exception:
            if not self._stopping.is_set():
                raise

    def _compile_hottest(self) -> bool:
        """Compiles the hottest contract that has paid for it; whether there was one."""
        with self._lock:
            settled = sum(one.state != "waiting" for one in self._contracts.values())
        return self._compile_interpreted(CONSIDERED + settled) or self._compile_more(CONSIDERED + settled)

    def _compile_interpreted(self, considered: int) -> bool:
        """One that isn't native."""
        for code_hash, gas, calls in self._engine.native_candidates(considered):
            contract = self._contracts.get(code_hash)
            if contract is None:
                contract = self._first_sight(code_hash)
                if contract is None:
                    continue
            contract.gas, contract.calls = gas, calls
            if contract.state != "waiting":
                continue
            price = self._policy.price(contract.code_size)
            whole = self._policy.whole(contract.code_size)
            if gas >= price and (cached := self._cached(code_hash)) is not None:
                self._note(code_hash, cached)
                self._forget(code_hash)
                return True
            if whole and gas >= price:
                self._compile(code_hash, contract, Wanted(whole=True))
                return True
            if not whole and (counts := self._seen(code_hash, contract, gas, price)):
                most = self._policy.most(0)
                self._compile(code_hash, contract, Wanted(whole=False, counts=counts, most=most))
                return True
            if self._policy.will_pay(gas, contract.code_size):
                self._prepare()
        return False

    def _compile_more(self, considered: int) -> bool:
        """One that is native in part, and often leaves that part."""
        for code_hash, gas in self._engine.native_missing(considered):
            contract = self._contracts.get(code_hash)
            if contract is None or contract.state != "native" or contract.settled:
                continue
            part, size = contract.part, contract.code_size
            # The engine forgets cold contracts and begins anew.
            contract.missed = min(contract.missed, gas)
            missed, price = gas - contract.missed, self._policy.price(size, part.times)
            counts = self._seen(code_hash, contract, missed, price)
            if not counts:
                continue
            contract.missed = gas
            cached = self._cache.find(code_hash) if self._cache is not None else None
            if cached is not None and cached.made.part.has_more_than(part):
                if (settled := self._settle(cached)) is not None:
                    settled.missed = gas
                    self._note(code_hash, settled)
                    self._forget(code_hash)
                return True
            most = self._policy.most(part.times)
            self._compile(
                code_hash, contract, Wanted(part.whole, kept=part.kept, counts=counts, most=most), part
            )
            return True
        return False

    def _seen(self, code_hash: bytes, contract: Contract, gas: int, price: int) -> bytes:
        """What a contract was seen to execute, when it has paid for being compiled; it is watched before."""
        if not self._policy.watches(gas, price):
            return b""
        if code_hash not in self._watched:
            if len(self._watched) >= MAX_WATCHED:
                self._forget(next(iter(self._watched)))
            self._engine.native_watch(code_hash)
            self._watched[code_hash] = gas
            if contract.state == "waiting":
                contract.reason = WATCHED
        if gas < price or not self._policy.knows(gas - self._watched[code_hash], price):
            return b""
        counts = self._engine.native_seen(code_hash) or b""
        return counts if any(counts) else b""

    def _forget(self, code_hash: bytes) -> None:
        """What was seen of a contract."""
        if self._watched.pop(code_hash, None) is not None:
            self._engine.native_unwatch(code_hash)

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
            while len(self._contracts) > MAX_REMEMBERED:
                idle = next((key for key, one in self._contracts.items() if one.state != "native"), None)
                if idle is None:
                    return
                del self._contracts[idle]

    def _compile(
        self, code_hash: bytes, contract: Contract, wanted: Wanted, before: Part | None = None
    ) -> None:
        if before is None:
            contract.state, contract.reason = "compiling", ""
        name = f"0x{code_hash.hex()}"
        try:
            code = self._engine.native_code(code_hash) or b""
            compiled = self._child.compile(code, self._rules, wanted=wanted)
            run = compiled.facts.get("longest_run")
            part = _part(compiled.facts, before)
            if before is not None and not part.has_more_than(before):
                contract.settled = True
                return
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
            contract.part, contract.cached, contract.reason = part, False, ""
            contract.settled = part.times >= MAX_COMPILATIONS
            log.info(
                "%s is native, %d of its %d bytes: %d bytes, compiled in %.2f s",
                name,
                part.compiled,
                contract.code_size,
                compiled.size,
                compiled.seconds,
            )
            self._keep(code_hash, contract, compiled.body)

        finally:
            self._forget(code_hash)

    def _give_up(self, code_hash: bytes, contract: Contract, state: str, reason: str) -> None:
        if contract.state == "native":
            # What was compiled before goes on being used.
            contract.settled, contract.reason = True, f"no more of it is compiled: {reason}"
            return
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
                code_hash,
                contract.code_size,
                body,
                size=contract.size,
                seconds=contract.compile_s,
                part=contract.part,
            )
        except OSError as error:
            log.warning("the cache of native code: %s", error)


def _part(facts: dict[str, Any], before: Part | None) -> Part:
    """What was compiled, as the worker says."""
    return Part(
        whole=bool(facts.get("whole", True)),
        kept=tuple(facts.get("kept", ())),
        compiled=int(facts.get("compiled", 0)),
        left_out=int(facts.get("left_out", 0)),
        times=1 if before is None else before.times + 1,
    )


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
            "nativeWhole": contract.part.whole,
            "nativeBytes": contract.part.compiled,
            "leftOutBytes": contract.part.left_out,
            "compilations": contract.part.times,
            "missedGas": counted.get("missedGas", 0),
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
