"""Where blocks to be verified come from: a node, recorded files, a prover's reproduction. Each gives reports.

The checks are the engine's. This module only fetches what they take; nothing that comes is believed.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from devnet.proving import stateless
from devnet.proving.checker import Report, UncheckableError, read_report
from devnet.proving.material import VerificationInput, block_records
from devnet.proving.recorded import RecordedBlocks
from devnet.proving.reports import Reproduction
from megaeth_cli.chain.rpc_client import METHOD_NOT_FOUND, Node, RpcError
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.units import keccak, quantity

Json = Any

INVALID_PARAMS = -32602
CODES_AT_A_TIME = 100
SEAL_PATIENCE_S = 30.0
SEAL_POLL_S = 0.02


class BlockSource(Protocol):
    """Gives reports of blocks."""

    def newest(self) -> int:
        """The newest block that can be verified."""

    def latest(self) -> int:
        """The newest that is worth it: on a node, the newest block with transactions, once it is sealed."""

    def verify(self, block: str | int) -> Report:
        """Check a block, by number or hash."""


@dataclass(frozen=True)
class Rules:
    """Which chain it is, where the user says so."""

    chain_id: int | None = None
    genesis: Path | None = None
    """A genesis document, whose `config` counts."""
    chain_config: Path | None = None
    """What `mega_getChainRules` has answered."""

    def given(self) -> dict[str, Json] | None:
        """The rules as the check takes them, if they are given."""
        if self.chain_config is not None:
            rules = _object(self.chain_config, "no chain's rules")
            return {**rules, "chainId": self.chain_id} if self.chain_id is not None else rules
        if self.genesis is None:
            return {"chainId": self.chain_id} if self.chain_id is not None else None
        document = _object(self.genesis, "no genesis document")
        try:
            config = document["config"]
            chain_id = self.chain_id if self.chain_id is not None else int(config["chainId"])
        except (ValueError, KeyError, TypeError) as error:
            raise CliError(
                f"{self.genesis} is no genesis document", f"its config or chainId can't be read ({error})"
            ) from error
        return {"chainId": chain_id, "config": config}


def _object(file: Path, otherwise: str) -> dict[str, Json]:
    try:
        document = json.loads(file.read_text())
    except OSError as error:
        raise CliError(f"cannot read {file}", error.strerror or str(error)) from error
    except ValueError as error:
        raise CliError(f"{file} is {otherwise}", f"it is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise CliError(f"{file} is {otherwise}", "it is not an object")
    return document


@dataclass(frozen=True)
class FileSource:
    """Blocks in a directory."""

    blocks: RecordedBlocks
    rules: Rules

    def newest(self) -> int:
        """The highest number that has a witness."""
        numbers = self.blocks.numbers()
        if not numbers:
            raise CliError(f"there are no recorded blocks in {self.blocks.directory}", "", "docs/verify.md")
        return numbers[-1]

    def latest(self) -> int:
        """The same."""
        return self.newest()

    def verify(self, block: str | int) -> Report:
        """Check a block by its number."""
        material = self.material(block)
        return checked(material, self.codes(material), self.chain_rules(material.number))

    def material(self, block: str | int) -> VerificationInput:
        """All that checking a block takes but code."""
        return self.blocks.material(number_of(block, "files are found by block number"))

    def with_transaction(self, hash_: str) -> int:
        """The number of the block that has a transaction."""
        for number in self.blocks.numbers():
            if hash_ in self.blocks.transactions(number):
                return number
        raise CliError(f"no recorded block has transaction {hash_}", f"looked in {self.blocks.directory}")

    def codes(self, material: VerificationInput) -> list[tuple[bytes, bytes]]:
        """Hash and code of all that may run, as far as it is there."""
        codes = self.blocks.codes
        return [(one, codes[one]) for one in _code_hashes(material) if one in codes]

    def chain_rules(self, number: int) -> Mapping[str, Json]:
        """Those that are given, else those of the chain that a block's transactions name."""
        return self.rules.given() or {"chainId": self.blocks.chain_id(number)}


@dataclass(frozen=True)
class ReproductionSource:
    """The one block of a file that a prover has kept."""

    file: Path

    def newest(self) -> int:
        """Its number."""
        return int(json.loads(Reproduction.load(self.file).block)["number"], 16)

    def latest(self) -> int:
        """The same."""
        return self.newest()

    def verify(self, block: str | int) -> Report:
        """Check it again."""
        kept = Reproduction.load(self.file)
        return checked(self.material(kept), self.codes(kept), kept.chain)

    @staticmethod
    def material(kept: Reproduction) -> VerificationInput:
        """All that checking its block takes but code."""
        number = quantity(json.loads(kept.block)["number"])
        return VerificationInput(number, b"", kept.block, kept.parent, kept.witness, kept.records)

    @staticmethod
    def codes(kept: Reproduction) -> list[tuple[bytes, bytes]]:
        """Hash and code of all that is kept."""
        return [(keccak(code), code) for code in kept.codes]


@dataclass(frozen=True)
class NodeSource:
    """Blocks of a node that serves witnesses: a devnet's, or one of the real chain."""

    node: Node
    rules: Rules
    tell: Callable[[str], None]

    def newest(self) -> int:
        """The newest sealed block."""
        return quantity(self.node.call("eth_blockNumber"))

    def latest(self) -> int:
        """The newest block with transactions, once it is sealed; the newest sealed block where none has any."""
        return _newest_worth_checking(self.node, self.tell)

    def verify(self, block: str | int) -> Report:
        """Check a block with a witness and code from the node."""
        material = self.material(block_of(self.node, block))
        return checked(material, self.codes(material), self.chain_rules())

    def material(self, block: Json) -> VerificationInput:
        """All that checking a block takes but code. CliError where the node has no witness."""
        number = quantity(block["number"])
        if number == 0:
            raise CliError("block 0 cannot be verified", "it has no parent, it is what the chain begins with")
        parent = self.node.call("eth_getBlockByHash", block["parentHash"], False)
        if parent is None:
            raise CliError(f"the node does not know the parent of block {number}", block["parentHash"])
        return VerificationInput(
            number,
            bytes.fromhex(block["hash"][2:]),
            json.dumps(block).encode(),
            json.dumps(parent).encode(),
            self._witness(number, block["hash"]),
            self._records(number),
        )

    def codes(self, material: VerificationInput) -> list[tuple[bytes, bytes]]:
        """Hash and code of all that may run."""
        hashes = _code_hashes(material)
        codes = []
        for first in range(0, len(hashes), CODES_AT_A_TIME):
            some = hashes[first : first + CODES_AT_A_TIME]
            answers = self.node.batch([("eth_getCodeByHash", ["0x" + one.hex()]) for one in some])
            codes += [
                (one, bytes.fromhex(str(answer)[2:]))
                for one, answer in zip(some, answers, strict=True)
                if answer
            ]
        return codes

    def chain_rules(self) -> Mapping[str, Json]:
        """Those that are given, else the node's chain's."""
        given = self.rules.given()
        return given if given is not None else rules_of(self.node)

    def _witness(self, number: int, block_hash: str) -> str:
        method = "mega_getBlockWitness"
        try:
            answer = self.node.call(method, {"blockNumber": hex(number), "blockHash": block_hash})
        except RpcError as error:
            if error.code == METHOD_NOT_FOUND:
                raise CliError(
                    f"{self.node.url} gives no witnesses of blocks",
                    f"{method} is what a check needs",
                    "use a node of `megaeth devnet up`, or an endpoint of MegaETH's that has the method",
                ) from error
            if error.code != INVALID_PARAMS:
                raise
            # The form before objects were taken.
            answer = self.node.call(method, str(number), block_hash)
        if not isinstance(answer, str):
            raise CliError(f"{self.node.url} has no witness of block {number}", status=ExitStatus.RPC)
        return answer

    def _records(self, number: int) -> tuple[bytes, ...]:
        """The devnet's log of the block, whose mini-blocks are compared too; other chains' nodes have none."""
        try:
            answer = self.node.call("mega_getBlockRecords", hex(number))
            return block_records(answer) if answer else ()
        except RpcError:
            return ()


def rules_of(node: Node) -> Mapping[str, Json]:
    """What a devnet tells of its rules; of another node's chain which one it is, whose schedule is then known."""
    try:
        rules: dict[str, Json] = node.call("mega_getChainRules")
    except RpcError:
        return {"chainId": quantity(node.call("eth_chainId"))}
    return rules


def _newest_worth_checking(node: Node, tell: Callable[[str], None]) -> int:
    """The newest block that has transactions, as `inspect-diff latest` takes it: whoever has just sent one means the
    block that it is in. Only sealed blocks can be checked, so an open one is waited for."""
    try:
        newest = node.call("mega_getStateDiff", "latest")  # of the newest mini-block with transactions
    except RpcError:
        return quantity(node.call("eth_blockNumber"))  # not a devnet
    wanted = quantity(newest["blockNumber"]) if newest and newest.get("transactions") else 0
    sealed = wait_sealed(node, wanted)
    if sealed < wanted:
        tell(
            f"block {wanted:,} has transactions but is not sealed after {SEAL_PATIENCE_S:g} s; "
            f"this is block {sealed:,}, the newest that is"
        )
    elif wanted and wanted < sealed:
        tell(f"block {wanted:,} is the newest with transactions; those after it, up to {sealed:,}, are empty")
        return wanted
    return sealed


def wait_sealed(node: Node, wanted: int) -> int:
    """The newest sealed block, which is this one or a later one, unless it takes too long."""
    until = time.monotonic() + SEAL_PATIENCE_S
    while (sealed := quantity(node.call("eth_blockNumber"))) < wanted and time.monotonic() < until:
        time.sleep(SEAL_POLL_S)
    return sealed


def block_of(node: Node, block: str | int) -> dict[str, Json]:
    """A block with its transactions, by number or hash."""
    by_hash = isinstance(block, str) and len(block) > len("0x") + 16
    method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
    found = node.call(method, hex(block) if isinstance(block, int) else block, True)
    if not isinstance(found, dict):
        raise _unknown(block)
    return found


def _unknown(block: str | int) -> CliError:
    return CliError(f"there is no block {block}", "the node does not know it", "megaeth rpc eth_blockNumber")


def number_of(block: str | int, why: str) -> int:
    """A block's number; a hash is refused, for the reason given."""
    if isinstance(block, int):
        return block
    try:
        return int(block, 0)
    except ValueError:
        raise CliError(f"not a block number: {block}", why, status=ExitStatus.USAGE) from None


def _code_hashes(material: VerificationInput) -> list[bytes]:
    """The code that may run; none if the witness is beyond reading, which the check then tells."""
    try:
        return stateless.code_hashes(material.witness)
    except UncheckableError:
        return []


def checked(
    material: VerificationInput, codes: list[tuple[bytes, bytes]], rules: Mapping[str, Json]
) -> Report:
    """What the engine finds of a block, from its witness alone."""
    return read_report(stateless.check(material, codes, rules).raw)
