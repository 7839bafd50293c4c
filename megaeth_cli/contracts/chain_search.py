"""Finds contracts on a devnet's chain that others deployed: by forge, hardhat or a script, or that a factory made.

Goes through the blocks since the last search, oldest first, and gives every new contract whose code is known its name,
so that a name means the newest deployment, whoever made it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from megaeth_cli.chain.rpc_client import Node, RpcError
from megaeth_cli.contracts.artifacts import Artifact, ArtifactStore
from megaeth_cli.inspect.diff import EMPTY_CODE, AccountState
from megaeth_cli.units import checksummed, quantity

Json = Any
MAX_BLOCKS = 20_000
"""How far back the first search goes; further back a contract needs its address."""
MAX_TRANSACTIONS = 5_000
"""Blocks with more are a load that somebody put on the node, and their diffs are large: not searched."""
_LONG = 2_000
"""Blocks that take long enough to say so."""
_BATCH = 500


class ChainSearch:
    """One search of one chain."""

    def __init__(self, node: Node, artifacts: ArtifactStore, say: Callable[[str], None]) -> None:
        self._node = node
        self._artifacts = artifacts
        self._say = say

    def run(self) -> list[Artifact]:
        """What was found since the last search, oldest first; nothing on nodes that give no state diffs."""
        try:
            head = quantity(self._node.call("eth_blockNumber"))
            mark = self._artifacts.searched
            first = max(mark + 1 if mark <= head else 0, head - MAX_BLOCKS)
            if head - first > _LONG:
                self._say(f"Searching {head - first:,} blocks for contracts that others deployed ...")
            diffs = (*self._sealed(first, head), *self._open(head))
            found = [
                artifact
                for diff in diffs
                for address in _created(diff)
                if (artifact := self._name(address)) is not None
            ]
        except RpcError:
            return []
        self._artifacts.searched = head
        return found

    def _sealed(self, first: int, last: int) -> Iterator[Json]:
        """The diffs of the blocks with transactions."""
        for start in range(first, last + 1, _BATCH):
            numbers = range(start, min(start + _BATCH, last + 1))
            counts = self._node.batch(
                [("eth_getBlockTransactionCountByNumber", [hex(number)]) for number in numbers]
            )
            for number, count in zip(numbers, counts, strict=True):
                if number and 0 < quantity(count) <= MAX_TRANSACTIONS:
                    yield self._node.call("mega_getStateDiff", hex(number))

    def _open(self, head: int) -> list[Json]:
        """The diffs of the mini-blocks of the block that is not sealed yet."""
        newest = self._node.call("mega_getMiniBlock", "latest")
        if quantity(newest["block_number"]) <= head:
            return []
        last, index = quantity(newest["mini_block_number"]), quantity(newest["index"])
        minis = range(last - index, last + 1)
        return self._node.batch([("mega_getStateDiff", [{"miniBlock": hex(number)}]) for number in minis])

    def _name(self, address: bytes) -> Artifact | None:
        artifact = self._artifacts.at(address)
        if artifact is None:
            code: str = self._node.call("eth_getCode", f"0x{address.hex()}", "latest")
            found = self._artifacts.recognise(bytes.fromhex(code[2:]))
            if found is None:
                return None
            artifact = replace(found.artifact, address=checksummed(address), known_by="code")
        self._artifacts.save(artifact)
        return artifact


def _created(diff: Json) -> Iterator[bytes]:
    """The accounts that got code."""
    for account in (diff or {}).get("accounts", ()):
        before, after = (AccountState.read(account.get(when)) for when in ("before", "after"))
        if before.code_hash == EMPTY_CODE != after.code_hash:
            yield bytes.fromhex(account["address"][2:])
