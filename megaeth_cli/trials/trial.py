"""Deploys a contract and calls it, under one set of rules after another. Every number is the engine's."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from devnet._engine import RpcError
from megaeth_cli.abi import Interface
from megaeth_cli.chain.own_engine import ETHEREUM, FORKS, MAX_GAS, TIMEOUT_S, TOO_MUCH, OwnEngine
from megaeth_cli.compile import Compilation, Contract
from megaeth_cli.contracts.linking import Library, libraries, linked, require_code
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.inspect import reasons
from megaeth_cli.inspect.known import standing_interfaces
from megaeth_cli.traces.frame import REVERTED, Frame, of_answer
from megaeth_cli.trials.calls import SETUP, Call
from megaeth_cli.visible import one_line

Json = Any

SENDER = "0x1804c8ab1f12e6bbf3894d4083f33e07309d1f38"
"""Who calls; forge's default sender."""
CHEATCODES = bytes.fromhex("7109709ecfa91a80626ff3989d68f67f5b1dd12d")
"""Where forge has its cheatcodes, and nobody else has anything."""
_REVERTING = "0x5f5ffd"
DEPLOYMENT = "deployment"


@dataclass(frozen=True)
class Outcome:
    """What came of one call under one set of rules."""

    gas: int | None
    """None where it was not executed."""
    compute_gas: int | None = None
    storage_gas: int | None = None
    failure: str = ""
    """Why it failed; empty where it succeeded."""
    tried: bool = True
    """Whether it came to it: nothing is done after what fails before."""

    @property
    def succeeded(self) -> bool:
        """Whether it did."""
        return not self.failure


@dataclass(frozen=True)
class Row:
    """One call under all rules."""

    label: str
    outcomes: dict[str, Outcome]
    """By the rules' names, Ethereum's first."""

    @property
    def agrees(self) -> bool:
        """Whether it succeeds everywhere or nowhere."""
        return len({one.succeeded for one in self.outcomes.values()}) == 1


@dataclass(frozen=True)
class Trial:
    """A contract, and what is done with it."""

    contract: Contract
    compilation: Compilation
    arguments: bytes
    """The constructor's, encoded."""
    setup: Call | None
    calls: tuple[Call, ...]
    apart: bool
    """Whether each call finds the contract as it is after `setup`, and not what those before it have left."""

    def run(self, specs: Iterable[str] = (ETHEREUM, *FORKS)) -> list[Row]:
        """All of it."""
        creations = self._creations()
        by_spec = {spec: dict(self._under(spec, creations)) for spec in specs}
        labels = [DEPLOYMENT, *([SETUP] if self.setup is not None else []), *(_numbered(self.calls))]
        return [
            Row(label, {spec: found.get(label, _NOT_DONE) for spec, found in by_spec.items()})
            for label in labels
        ]

    def _under(self, spec: str, creations: list[Json]) -> Iterable[tuple[str, Outcome]]:
        engine = _engine(spec)
        frames = _traced(engine, creations)
        yield DEPLOYMENT, self._outcome(frames[-1])
        made = frames[-1]
        if any(one is None or one.failed for one in frames) or made is None or made.to is None:
            return
        address = f"0x{made.to.hex()}"
        before = list(creations)
        if self.setup is not None:
            before.append(_call(address, self.setup))
            ready = _traced(engine, before)[-1]
            yield SETUP, self._outcome(ready)
            if ready is None or ready.failed:
                return
        labels = _numbered(self.calls)
        groups = [[n] for n in range(len(labels))] if self.apart else [list(range(len(labels)))]
        for group in groups:
            done = _traced(engine, [*before, *(_call(address, self.calls[n]) for n in group)])
            for n, frame in zip(group, done[len(before) :], strict=True):
                yield labels[n], self._outcome(frame)
                if frame is None:
                    break

    def _creations(self) -> list[Json]:
        """The libraries that the contract links, each after those that it links itself, and the contract. CliError for
        one that has no code."""
        require_code(self.contract)
        found: dict[str, bytes] = {}
        transactions: list[Json] = []
        engine = _engine(ETHEREUM)

        def create(contract: Contract, arguments: bytes) -> None:
            needed = libraries(contract, (one.full_name for one in self.compilation.contracts))
            for library in needed:
                if library.full_name not in found:
                    create(self._library(contract, library), b"")
                    made = _traced(engine, transactions)[-1]
                    if made is None or made.to is None:
                        raise CliError(f"the library {library.name} cannot be deployed")
                    found[library.full_name] = made.to
            code = linked(contract, needed, lambda library: found[library.full_name]) + arguments
            transactions.append({"from": SENDER, "gas": hex(MAX_GAS), "data": f"0x{code.hex()}"})

        create(self.contract, self.arguments)
        return transactions

    def _library(self, contract: Contract, library: Library) -> Contract:
        for one in self.compilation.contracts:
            if one.name == library.name and library.unit in ("", one.unit):
                return one
        raise CliError(
            f"{contract.name} needs the library {library.name}",
            "it was not compiled with it",
            "give the source instead of an artifact",
            ExitStatus.USAGE,
        )

    def _outcome(self, frame: Frame | None) -> Outcome:
        if frame is None:
            return Outcome(None, failure=f"it had not ended after {TIMEOUT_S} s")
        return Outcome(frame.gas_used, frame.compute_gas, frame.storage_gas, self._failure(frame))

    def _failure(self, frame: Frame) -> str:
        if not frame.failed:
            return ""
        if any(one.to == CHEATCODES for one in frame.walk()):
            return "uses cheatcodes, which only forge has"
        if frame.error != REVERTED:
            return f"halted: {one_line(frame.error)}"
        own = (Interface(one.abi) for one in (self.contract, *self.compilation.contracts))
        return one_line(reasons.of_revert(frame.output, chain(own, standing_interfaces())).text)


_NOT_DONE = Outcome(None, failure="not tried: what comes before it fails", tried=False)


def _numbered(calls: tuple[Call, ...]) -> list[str]:
    """Labels, of which those that come again have a number."""
    seen: dict[str, int] = {}
    labels = []
    for one in calls:
        seen[one.label] = seen.get(one.label, 0) + 1
        labels.append(one.label if seen[one.label] == 1 else f"{one.label} #{seen[one.label]}")
    return labels


def _engine(spec: str) -> OwnEngine:
    alloc = {
        SENDER: {"balance": hex(1 << 96)},
        f"0x{CHEATCODES.hex()}": {"balance": "0x0", "code": _REVERTING},
    }
    return OwnEngine(spec, alloc)


def _call(address: str, call: Call) -> Json:
    return {"from": SENDER, "to": address, "gas": hex(MAX_GAS), "data": f"0x{call.data.hex()}"}


def _traced(engine: OwnEngine, transactions: list[Json]) -> list[Frame | None]:
    """What each does over what those before it did; None from the one on that does not end."""
    try:
        [answers] = engine.ask(
            "debug_traceCallMany", [{"transactions": transactions}], None, {"tracer": "callTracer"}
        )
    except RpcError as error:
        if error.code != TOO_MUCH:
            raise CliError("the engine refuses the call", one_line(error.message)) from error
        done = _traced(engine, transactions[:-1]) if len(transactions) > 1 else []
        return [*done, None]
    return [of_answer(one) for one in answers]
