"""A block to be verified upon a state that a file tells. What the file lacks besides comes from a node."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from devnet.proving import prestate
from devnet.proving.checker import Report
from megaeth_cli.chain.rpc_client import Node
from megaeth_cli.chain.verification import Rules, block_of, number_of, rules_of
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.units import quantity

Json = Any


@dataclass(frozen=True)
class PrestateSource:
    """One block, and the state before it."""

    file: Path
    rules: Rules
    node: Node
    """Asked only for what the file lacks."""

    @cached_property
    def told(self) -> prestate.ToldBlock:
        """What the file says."""
        return prestate.load(self.file)

    def newest(self) -> int:
        """The number of the block that the file has."""
        if self.told.block is None:
            raise CliError(
                f"{self.file} has no block",
                "it tells a state only",
                "name the block",
                status=ExitStatus.USAGE,
            )
        return quantity(self.told.block["number"])

    def latest(self) -> int:
        """The same."""
        return self.newest()

    def verify(self, block: str | int) -> Report:
        """Execute the block upon the state that the file tells."""
        told = self.told
        if told.block is None:
            found = block_of(self.node, block)
            receipts = self.node.call("eth_getBlockReceipts", found["number"])
        else:
            found, receipts = told.block, told.receipts
            if number_of(block, "a file is searched by block number") != self.newest():
                raise CliError(f"{self.file} has block {self.newest()}, not {block}", status=ExitStatus.USAGE)
        return prestate.check(told, found, receipts, self._rules())

    def _rules(self) -> Mapping[str, Json]:
        given = self.rules.given()
        if given is not None:
            return given
        if self.told.chain_id is not None:
            return {"chainId": self.told.chain_id}
        return rules_of(self.node)
