"""A laboratory: this program's own engine over the state that a transaction met, under any rules.

The chain's node tells the state; the engine executes the same call there again: under another fork, in buckets that are
more crowded, with other gas or other calldata. So every number is the engine's, and none is calculated here. Nothing
is sent and nothing is kept. What another outcome reads besides is fetched from the node as it was before the
transaction's block.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from devnet import _engine
from megaeth_cli.chain import answers
from megaeth_cli.chain.own_engine import FORKS, TIMEOUT_S, TOO_MUCH, OwnEngine
from megaeth_cli.chain.rpc_client import RpcError
from megaeth_cli.contracts.network import Network
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.traces.frame import Frame, of_answer
from megaeth_cli.traces.subject import Subject, block_before, met_state
from megaeth_cli.units import quantity
from megaeth_cli.visible import one_line

Json = Any

_ROUNDS = 6


@dataclass(frozen=True)
class Surroundings:
    """The block that a call sees."""

    chain_id: int
    spec: str
    overrides: dict[str, Json]
    """As `debug_traceCall` takes them."""


@dataclass(frozen=True)
class Outcome:
    """What came of one execution."""

    frame: Frame | None
    """The whole; None where it was refused, or took too long."""
    refusal: str = ""

    @property
    def gas(self) -> int | None:
        """In all."""
        return self.frame.gas_used if self.frame is not None else None


@dataclass
class Lab:
    """The state before a transaction or call."""

    network: Network
    subject: Subject
    around: Surroundings
    accounts: dict[str, Json] = field(default_factory=dict)
    _engines: dict[tuple[str, int], OwnEngine] = field(default_factory=dict)

    @classmethod
    def open(cls, network: Network, subject: Subject) -> "Lab":
        """Over what the node says that the subject met."""
        lab = cls(network, subject, _surroundings(network, subject))
        met = met_state(network, subject)
        if not isinstance(met, dict) or any(answers.met_account(body) is not None for body in met.values()):
            raise _no_state("accounts that cannot be")
        lab.accounts = {address.lower(): _alloc(body) for address, body in met.items()}
        return lab

    def under(self, spec: str | None = None, multiplier: int = 1, **changes: Json) -> Outcome:
        """The call again under a fork's rules, with all buckets so many times their smallest size.

        `changes` are members of the call that are other than they were; None removes one.
        """
        call = {name: value for name, value in {**self.subject.call, **changes}.items() if value is not None}
        for _ in range(_ROUNDS):
            options = {
                "tracer": "muxTracer",
                "tracerConfig": {"callTracer": {"withLog": True}, "prestateTracer": {"disableCode": True}},
                "blockOverrides": self.around.overrides,
            }
            try:
                answer = self._ask(
                    spec or self.around.spec, multiplier, "debug_traceCall", call, "latest", options
                )
            except _engine.RpcError as error:
                slow = error.code == TOO_MUCH
                return Outcome(None, f"it had not ended after {TIMEOUT_S} s" if slow else error.message)
            if not self._fetch_missing(answer["prestateTracer"]):
                break
        return Outcome(of_answer(answer["callTracer"]))

    def estimate(self, multiplier: int = 1) -> int | None:
        """The gas limit that the call needs; None where it fails whatever it is given."""
        call = {name: value for name, value in self.subject.call.items() if name != "gas"}
        try:
            answer = self._ask(
                self.around.spec,
                multiplier,
                "eth_estimateGas",
                call,
                "latest",
                {},
                self.around.overrides,
            )
        except _engine.RpcError:
            return None
        return quantity(answer)

    def profile(self, frame: Frame, intrinsic: int) -> list[tuple[int, int, int]]:
        """Where a frame's contract spends its gas when it is called by itself: pc, how often it ran, and its gas."""
        if frame.to is None or frame.creates:
            return []
        call = _alone(frame, intrinsic)
        try:
            answer = self._ask(
                self.around.spec, 1, "mega_getCallGasProfile", call, "latest", {}, self.around.overrides
            )
        except _engine.RpcError:
            return []
        return [tuple(one) for one in answer["instructions"]]

    def steps(self, frame: Frame, intrinsic: int, most: int) -> Json:
        """The instructions of a frame that is called by itself, so many at most, as the struct logger tells them; None
        where it ends otherwise then, or is no such call."""
        if frame.to is None or frame.kind not in ("CALL", "STATICCALL"):
            return None
        options = {
            "disableStack": True,
            "disableStorage": True,
            "limit": most,
            "blockOverrides": self.around.overrides,
        }
        call = _alone(frame, intrinsic) | {"value": hex(frame.value)}
        try:
            answer = self._ask(self.around.spec, 1, "debug_traceCall", call, "latest", options)
        except _engine.RpcError:
            return None
        same = answer["failed"] == frame.failed
        return answer if same and answer["returnValue"].removeprefix("0x") == frame.output.hex() else None

    @cached_property
    def empty(self) -> Frame | None:
        """A call of what does nothing, without calldata, access list and value: what every transaction costs."""
        to = self.subject.call.get("to") or f"0x{b'nobody'.hex():0>40}"
        quiet = replace_code(self, to, "0x00")
        bare: dict[str, Json] = dict.fromkeys(("input", "accessList", "authorizationList", "value"))
        return quiet.under(to=to, **bare).frame

    def _ask(self, spec: str, multiplier: int, method: str, *params: Json) -> Json:
        key = (spec, multiplier)
        if key not in self._engines:
            self._engines[key] = self._engine(spec, multiplier)
        return self._engines[key].ask(method, *params)

    def _engine(self, spec: str, multiplier: int) -> OwnEngine:
        own = spec == self.around.spec
        try:
            return OwnEngine(
                spec,
                self.accounts,
                chain_id=self.around.chain_id,
                multiplier=multiplier,
                timeout_s=None if own else TIMEOUT_S,
            )
        except ValueError as error:
            raise _no_state(str(error)) from None

    def _fetch_missing(self, met: Json) -> bool:
        """Whether something was met that nobody has told yet; it is known afterwards."""
        node, block = self.network.node, block_before(self.subject)
        found = False
        for address, body in met.items():
            known = self.accounts.get(address.lower())
            if known is None:
                try:
                    balance, nonce, code = node.batch(
                        [
                            (method, [address, block])
                            for method in ("eth_getBalance", "eth_getTransactionCount", "eth_getCode")
                        ]
                    )
                except RpcError:
                    continue
                known = self.accounts[address.lower()] = _alloc(
                    {"balance": balance, "nonce": quantity(nonce), "code": code}
                )
                found = True
            unknown = [slot for slot in body.get("storage") or () if slot not in known["storage"]]
            try:
                values = node.batch([("eth_getStorageAt", [address, slot, block]) for slot in unknown])
            except RpcError:
                continue
            known["storage"].update(zip(unknown, values, strict=True))
            found = found or bool(unknown)
        if found:
            self._engines.clear()
        return found


def _alone(frame: Frame, intrinsic: int) -> dict[str, Json]:
    """A frame as a call of its own, which pays the intrinsic gas besides."""
    return {
        "from": f"0x{frame.caller.hex()}",
        "to": f"0x{(frame.to or b'').hex()}",
        "input": f"0x{frame.input.hex()}",
        "gas": hex(frame.gas + intrinsic),
    }


def _no_state(why: str) -> CliError:
    return CliError(
        "the node tells a state that nothing can be executed on",
        one_line(why),
        "ask another node",
        ExitStatus.RPC,
    )


def replace_code(lab: Lab, address: str, code: str) -> Lab:
    """The same state, but for an account that has other code."""
    accounts = dict(lab.accounts)
    known = accounts.get(address.lower()) or _alloc({})
    accounts[address.lower()] = {**known, "code": code}
    return replace(lab, accounts=accounts, _engines={})


def _surroundings(network: Network, subject: Subject) -> Surroundings:
    node = network.node
    try:
        spec = str(node.call("mega_getChainRules")["spec"])
    except RpcError:
        spec = FORKS[-1]
    block = node.call("eth_getBlockByNumber", subject.block, False)
    overrides: dict[str, Json] = {}
    if block is not None:
        after = 1 if subject.block == "latest" else 0  # it sees the block that is open
        overrides = {
            "number": hex(quantity(block["number"]) + after),
            "time": hex(quantity(block.get("timestamp")) + after),
            "gasLimit": block["gasLimit"],
            "feeRecipient": block.get("miner"),
            "prevRandao": block.get("mixHash"),
        }
    elif (subject.receipt or {}).get("mega", {}).get("miniBlock"):
        # Its block is still open: the mini-block says the time.
        mini = node.call("mega_getMiniBlock", subject.receipt["mega"]["miniBlock"]) if subject.receipt else {}
        overrides = {"number": mini["block_number"], "time": mini["block_timestamp"]}
    return Surroundings(
        network.chain_id, spec, {name: value for name, value in overrides.items() if value is not None}
    )


def _alloc(body: Json) -> Json:
    return {
        "balance": body.get("balance") or "0x0",
        "nonce": hex(body.get("nonce") or 0),
        "code": body.get("code") or "0x",
        "storage": dict(body.get("storage") or {}),
    }
