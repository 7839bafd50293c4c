"""A node's answers about one transaction whose block and state are told, by a file or a node that gives no traces.

`trace`, `tx explain` and `debug` ask a node; of a real chain there may be none that traces, only a recording, a witness
or plain answers about the state. This answers in such a node's place: what the block says from the block, what is
executed from an engine of this program's own, over the state before the block as far as the execution met it. What came
before the transaction in its block is executed first.

    Finder --ToldBlock--> ToldNode <--call, batch-- Network, traces
                             |-- whatever it does not know --> the node behind, where there is one
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from devnet import _engine
from devnet.proving.checker import UncheckableError
from devnet.proving.prestate import EMPTY_CODE_HASH
from megaeth_cli.chain.own_engine import TOO_MUCH, OwnEngine
from megaeth_cli.chain.rpc_client import METHOD_NOT_FOUND, Node, RpcError
from megaeth_cli.errors import CliError
from megaeth_cli.replay.execution import execute
from megaeth_cli.replay.source import ToldBlock
from megaeth_cli.replay.told_state import Layers
from megaeth_cli.units import quantity

Json = Any

ROUNDS: Final = 16
"""Executions before what is met last is taken as empty."""
UNKNOWN: Final = -32000
CALL_MEMBERS: Final = ("from", "to", "input", "value", "gas", "accessList", "authorizationList")


class ToldNode:
    """Of the transaction that is meant in a block (`ToldBlock.place`); a `Node`."""

    def __init__(self, told: ToldBlock, behind: Node | None = None) -> None:
        """`behind`: is asked what is not told. CliError where no transaction is meant."""
        if told.place is None:
            raise CliError("no transaction is meant", f"{told.told_by} has a block", "name its hash")
        self._told = told
        self._place = told.place
        self._behind = behind
        self._state = Layers(told.states)
        self.url = told.told_by
        self._answers: Mapping[str, Callable[..., Json]] = {
            "eth_chainId": lambda: hex(self.chain_id),
            "eth_blockNumber": lambda: hex(told.number),
            "eth_getBlockByNumber": self._block,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getBalance": lambda address, *_: hex(self._account(address)[1]),
            "eth_getTransactionCount": lambda address, *_: hex(self._account(address)[0]),
            "eth_getCode": self._code_there,
            "eth_getStorageAt": self._slot,
            "eth_call": lambda call, *_: self._ask("eth_call", call, "latest", {}, self._overrides),
            "mega_getChainRules": lambda: {**told.rules, "spec": self.spec},
            "debug_traceTransaction": lambda _, options: self.trace(options),
        }

    @cached_property
    def chain_id(self) -> int:
        """The chain's."""
        return int(self._told.rules["chainId"])

    @cached_property
    def spec(self) -> str:
        """The fork whose rules the block was made by."""
        rules = json.dumps(dict(self._told.rules)).encode()
        allowance = json.loads(_engine.allowance_at(rules, quantity(self._told.block["timestamp"])))
        return str(allowance["spec"])

    # --- as a node ------------------------------------------------------------------------------------------

    def call(self, method: str, *params: Json) -> Json:
        """The result of one method; RpcError where it is not known here, and there is no node behind."""
        answer = self._answers.get(method)
        if answer is not None:
            try:
                return answer(*params)
            except KeyError:
                if self._behind is None:
                    raise RpcError(method, UNKNOWN, f"{self.url} does not tell that") from None
        if self._behind is not None:
            return self._behind.call(method, *params)
        raise RpcError(method, METHOD_NOT_FOUND, f"{self.url} does not tell that")

    def batch(self, calls: list[tuple[str, list[Json]]]) -> list[Json]:
        """The results of several."""
        return [self.call(method, *params) for method, params in calls]

    def wait_longer(self, timeout_s: float) -> None:
        """Of the node behind."""
        if self._behind is not None:
            self._behind.wait_longer(timeout_s)

    def close(self) -> None:
        """Whoever opened the node behind closes it."""

    def trace(self, options: Json) -> Json:
        """What a tracer says of the transaction, executed after those before it."""
        return self._traces(options)[self._place]

    def gas(self) -> tuple[int, int]:
        """What the transaction takes when it is executed here, and what its receipt says."""
        hash_ = self._told.block["transactions"][self._place]["hash"]
        traced = self.trace({"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}})
        return quantity(traced["gasUsed"]), quantity(self._receipt(hash_)["gasUsed"])

    # --- what is told ---------------------------------------------------------------------------------------

    def _block(self, number: str, _: bool) -> Json:
        if number != "latest" and quantity(number) != self._told.number:
            raise KeyError(number)
        return self._told.block

    def _transaction(self, hash_: str) -> Json:
        transaction = self._told.block["transactions"][self._place]
        if transaction["hash"].lower() != hash_.lower():
            raise KeyError(hash_)
        return {**transaction, "blockNumber": self._told.block["number"]}

    def _receipt(self, hash_: str) -> Json:
        transaction = self._transaction(hash_)
        told = {one["transactionHash"]: one for one in self._told.receipts or ()}
        receipt = told.get(transaction["hash"]) or self._executed_receipt
        return {**receipt, "blockNumber": self._told.block["number"]}

    @cached_property
    def _executed_receipt(self) -> Mapping[str, Json]:
        """What its receipt must be, by the engine that checks blocks."""
        told, last = self._told, self._place + 1
        block = {**told.block, "transactions": told.block["transactions"][:last]}
        try:
            found = execute(
                block, told.receipts, self._state, told.capacities or {}, told.rules, [self._place]
            )
        except UncheckableError as error:
            raise KeyError(str(error)) from error
        outcome = found.outcomes[self._place]
        if outcome is None or outcome.receipt is None:
            raise KeyError("it is refused")
        return outcome.receipt

    def _account(self, address: str) -> tuple[int, int, bytes]:
        """Nonce, balance, code hash."""
        found = self._state.account(bytes.fromhex(address[2:]))
        if found is None:
            return 0, 0, EMPTY_CODE_HASH
        nonce, balance, code_hash = found
        return nonce, int.from_bytes(balance), code_hash

    def _code(self, address: str, *_: Json) -> str:
        code_hash = self._account(address)[2]
        return "0x" + (b"" if code_hash == EMPTY_CODE_HASH else self._state.code(code_hash)).hex()

    def _code_there(self, address: str, *_: Json) -> str:
        """What was made in the same block is not in the state before it, but the node behind has it."""
        code = self._code(address)
        if code == "0x" and self._behind is not None:
            raise KeyError(address)
        return code

    def _slot(self, address: str, slot: str, *_: Json) -> str:
        key = quantity(slot).to_bytes(32)
        return f"0x{self._state.slot(bytes.fromhex(address[2:]), key).hex()}"

    # --- what is executed -----------------------------------------------------------------------------------

    @cached_property
    def _overrides(self) -> dict[str, Json]:
        block = self._told.block
        told = {
            "number": block["number"],
            "time": block["timestamp"],
            "gasLimit": block.get("gasLimit"),
            "feeRecipient": block.get("miner"),
            "prevRandao": block.get("mixHash"),
            "baseFeePerGas": block.get("baseFeePerGas"),
        }
        return {name: value for name, value in told.items() if value is not None}

    @cached_property
    def _calls(self) -> list[dict[str, Json]]:
        """The block's transactions up to the one that is meant; who pays no fees need not have them."""
        return [
            {name: one[name] for name in CALL_MEMBERS if one.get(name) is not None}
            for one in self._told.block["transactions"][: self._place + 1]
        ]

    @cached_property
    def _engine(self) -> OwnEngine:
        """Over all that the transactions met."""
        named = {call[name].lower() for call in self._calls for name in ("from", "to") if name in call}
        accounts = {address: self._alloc(address) for address in sorted(named)}
        for _ in range(ROUNDS):
            engine = OwnEngine(
                self.spec,
                accounts,
                chain_id=self.chain_id,
                capacities=self._told.capacities or {},
                timeout_s=None,
            )
            met = _asked(engine, "debug_traceCallMany", *self._bundle({"tracer": "prestateTracer"}))[0]
            if not self._learn(accounts, met):
                return engine
        return engine

    def _learn(self, accounts: dict[str, Json], met: list[Json]) -> bool:
        """Whether something was met that was not known yet; it is known afterwards, as far as somebody tells it."""
        found = False
        for address, body in ((place, body) for one in met for place, body in one.items()):
            known = accounts.get(address)
            if known is None:
                known = accounts[address] = self._alloc(address)
                found = True
            for slot in body.get("storage") or ():
                if slot not in known["storage"]:
                    known["storage"][slot] = self._told_or("0x0", self._slot, address, slot)
                    found = True
        return found

    def _alloc(self, address: str) -> dict[str, Json]:
        nonce, balance, _ = self._told_or((0, 0, EMPTY_CODE_HASH), self._account, address)
        code = self._told_or("0x", self._code, address)
        balance += self._minted.get(address, 0)
        return {"balance": hex(balance), "nonce": hex(nonce), "code": code, "storage": {}}

    @cached_property
    def _minted(self) -> dict[str, int]:
        """What deposits bring along, which calls have no member for: their senders have it from the beginning."""
        found: dict[str, int] = {}
        for one in self._told.block["transactions"][: self._place + 1]:
            sender = one["from"].lower()
            found[sender] = found.get(sender, 0) + quantity(one.get("mint") or "0x0")
        return found

    @staticmethod
    def _told_or(otherwise: Json, tell: Callable[..., Json], *place: str) -> Json:
        """What nobody tells was not needed when the block was made; this execution may meet more than that did."""
        try:
            return tell(*place)
        except KeyError:
            return otherwise

    def _bundle(self, options: Json) -> tuple[Json, ...]:
        return (
            [{"transactions": self._calls, "blockOverride": self._overrides}],
            {"blockNumber": "latest"},
            options,
        )

    def _traces(self, options: Json) -> list[Json]:
        [traces] = self._ask("debug_traceCallMany", *self._bundle(options))
        return list(traces)

    def _ask(self, method: str, *params: Json) -> Json:
        return _asked(self._engine, method, *params)


def _asked(engine: OwnEngine, method: str, *params: Json) -> Json:
    try:
        return engine.ask(method, *params)
    except _engine.RpcError as error:
        if error.code == TOO_MUCH:
            raise CliError("it did not end in time", error.message) from None
        data, mega = (json.loads(one) if one is not None else None for one in (error.data, error.mega))
        raise RpcError(method, error.code, error.message, data, mega) from None
