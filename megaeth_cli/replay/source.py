"""Where a block to be executed again comes from, with the state before it: a file, recordings, or a node."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from devnet.proving import prestate
from devnet.proving.checker import Report
from devnet.proving.material import VerificationInput
from devnet.proving.recorded import RecordedBlocks
from devnet.proving.reports import Reproduction
from devnet.proving.witness_state import WitnessState
from megaeth_cli.chain import answers
from megaeth_cli.chain.rpc_client import Node, RpcError
from megaeth_cli.chain.verification import (
    FileSource,
    NodeSource,
    ReproductionSource,
    Rules,
    block_of,
    checked,
    number_of,
    rules_of,
    wait_sealed,
)
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.replay.told_state import NodeState
from megaeth_cli.units import quantity

if TYPE_CHECKING:
    from devnet._engine import StateBefore

Json = Any

_HASH_DIGITS = 66
_NUMBER_DIGITS = 18


@dataclass(frozen=True)
class ToldBlock:
    """A block with what executing it takes."""

    block: Json
    """With transactions."""
    receipts: list[Json] | None
    """What the chain says came of it."""
    states: tuple[StateBefore, ...]
    """Who tells the state before it; who comes first is asked first."""
    capacities: Mapping[int, int] | None
    """How many slots buckets have that have grown; None: nobody tells, and all count as smallest."""
    rules: Mapping[str, Json]
    told_by: str
    """Who tells the state, in words."""
    proof: Report | None = None
    """Of the check by a witness."""
    place: int | None = None
    """Of the one transaction that is meant."""
    node: NodeState | None = None
    """The node among `states`."""
    witness: WitnessState | None = None
    """The witness among `states`."""

    @property
    def number(self) -> int:
        """The block's."""
        return quantity(self.block["number"])

    def of(self, hash_: str | None) -> ToldBlock:
        """The same, one transaction of it being meant."""
        if hash_ is None:
            return self
        hashes = [one["hash"].lower() for one in self.block["transactions"]]
        if hash_.lower() not in hashes:
            raise CliError(f"block {self.number} does not have transaction {hash_}", "", "check the hash")
        return replace(self, place=hashes.index(hash_.lower()))


@dataclass(frozen=True)
class Finder:
    """Finds what is to be executed. Asks the node only where it must."""

    rules: Rules
    connect: Callable[[], Node]
    fills: bool
    """Whether the node fills in what a file's state lacks."""
    tell: Callable[[str], None]
    _found: list[Node] = field(default_factory=list)

    @property
    def node(self) -> Node:
        """Connected when it is asked for first."""
        if not self._found:
            self._found.append(self.connect())
        return self._found[0]

    def on_node(self, what: str) -> ToldBlock:
        """A block by number, hash or `latest`, or a transaction by hash."""
        source = NodeSource(self.node, self.rules, self.tell)
        block, hash_ = self._block(source, what)
        number = quantity(block["number"])
        if number == 0:
            raise CliError("block 0 cannot be executed", "it is what the chain begins with")
        receipts = self.node.call("eth_getBlockReceipts", block["number"])
        asked = NodeState(self.node, number - 1)
        try:
            material = source.material(block)
        except (CliError, RpcError):
            return self._told_by_node(block, receipts, asked, source.chain_rules()).of(hash_)
        rules = source.chain_rules()
        return _by_witness(material, source.codes(material), rules, receipts, asked).of(hash_)

    def in_file(self, path: Path, what: str | None) -> ToldBlock:
        """What a file or a directory of recordings has, of which a block or transaction is meant."""
        hash_ = what if what is not None and _is_hash(what) else None
        if path.is_dir():
            recorded = FileSource(RecordedBlocks(path), self.rules)
            material = recorded.material(
                recorded.with_transaction(hash_) if hash_ is not None else what or recorded.latest()
            )
            rules = recorded.chain_rules(material.number)
            return _by_witness(material, recorded.codes(material), rules, None, None).of(hash_)
        if _is_reproduction(path):
            kept = Reproduction.load(path)
            material = ReproductionSource.material(kept)
            chain = self.rules.given() or kept.chain
            return _by_witness(material, ReproductionSource.codes(kept), chain, None, None).of(hash_)
        return self._in_prestate(path, what, hash_)

    def _in_prestate(self, path: Path, what: str | None, hash_: str | None) -> ToldBlock:
        told = prestate.load(path)
        block, receipts = told.block, told.receipts
        if block is not None and (wrong := answers.fault("eth_getBlockByNumber", block)) is not None:
            raise CliError(
                f"{path} has no block as nodes tell one",
                f"its block{wrong if wrong[0] in '.[' else f' {wrong}'}",
                "docs/replay.md says what a file holds",
                ExitStatus.USAGE,
            )
        if block is None:
            if what is None:
                raise CliError(
                    f"{path} has no block", "it tells a state only", "name the block", ExitStatus.USAGE
                )
            block, hash_ = self._block(NodeSource(self.node, self.rules, self.tell), what)
            receipts = self.node.call("eth_getBlockReceipts", block["number"])
        elif what is not None and hash_ is None and number_of(what, "") != quantity(block["number"]):
            raise CliError(
                f"{path} has block {quantity(block['number'])}, not {what}", status=ExitStatus.USAGE
            )
        asked = NodeState(self.node, quantity(block["number"]) - 1) if self.fills else None
        rules = self.rules.given() or ({"chainId": told.chain_id} if told.chain_id is not None else None)
        return ToldBlock(
            block,
            receipts.get("result") if isinstance(receipts, dict) else receipts,
            (told.state, *([asked] if asked is not None else [])),
            told.capacities,
            rules if rules is not None else rules_of(self.node),
            str(path),
            node=asked,
        ).of(hash_)

    def _block(self, source: NodeSource, what: str) -> tuple[Json, str | None]:
        """The block that is meant, and the transaction."""
        if what == "latest":
            return block_of(self.node, source.latest()), None
        if not _is_hash(what):
            number = number_of(what, "a block's number or hash, `latest`, or a transaction's hash")
            return block_of(self.node, number), None
        transaction = self.node.call("eth_getTransactionByHash", what)
        if transaction is None:
            return block_of(self.node, what), None
        if transaction.get("blockNumber") is None:
            raise CliError(
                f"transaction {what} has not been executed",
                "it waits in the node's pool",
                f"megaeth tx show {what}   says what for",
            )
        number = quantity(transaction["blockNumber"])
        if wait_sealed(self.node, number) < number:
            raise CliError(
                f"block {number:,} is still open",
                "only sealed blocks can be executed again",
                "megaeth devnet mine",
            )
        return block_of(self.node, number), what

    def _told_by_node(
        self, block: Json, receipts: Json, asked: NodeState, rules: Mapping[str, Json]
    ) -> ToldBlock:
        """Where the node has no witness: what its tracer says was met, then one question for each thing else."""
        states: tuple[StateBefore, ...] = (asked,)
        try:
            traced = self.node.call("debug_traceBlockByNumber", block["number"], {"tracer": "prestateTracer"})
            states = (prestate.read_document(traced, None).state, asked)
        except (RpcError, *prestate.MALFORMED):
            pass
        return ToldBlock(block, receipts, states, None, rules, f"{self.node.url}, unproven", node=asked)


def _by_witness(
    material: VerificationInput,
    codes: list[tuple[bytes, bytes]],
    rules: Mapping[str, Json],
    receipts: list[Json] | None,
    asked: NodeState | None,
) -> ToldBlock:
    proof = checked(material, codes, rules)
    block = json.loads(material.block)
    witness = WitnessState(material.witness, codes)
    return ToldBlock(
        block.get("result", block),
        receipts,
        (witness, *([asked] if asked is not None else [])),
        witness.capacities,
        rules,
        "a witness, proven under the parent's state root",
        proof,
        node=asked,
        witness=witness,
    )


def _is_hash(text: str) -> bool:
    """Whether it is one, rather than a number. CliError for what is too long for a number and too short for a hash."""
    if not text.startswith("0x") or len(text) <= _NUMBER_DIGITS:
        return False
    if len(text) != _HASH_DIGITS:
        raise CliError(f"not a hash: {text}", "a hash is 0x and 64 hex digits", status=ExitStatus.USAGE)
    return True


def _is_reproduction(path: Path) -> bool:
    """Whether a prover has kept it, rather than somebody who tells a state."""
    try:
        data = path.read_bytes()
        document = orjson.loads(data) if not data.startswith(prestate.ZSTD) else None
    except (OSError, ValueError):
        return False  # which reading it as the other says
    return isinstance(document, dict) and "witness" in document
