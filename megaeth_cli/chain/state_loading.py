"""Accounts on their way into a chain that runs, as many in a request as a node takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from devnet.state_file import write_pieces

if TYPE_CHECKING:
    from devnet._engine import StateContents
    from megaeth_cli.chain.rpc_client import RpcClient

REQUEST_BYTES: Final = 2 << 20
"""Of accounts in one request to load some: as hexadecimal it is well below what nodes take in a body."""


@dataclass
class Loaded:
    """What became of them."""

    written: int = 0
    """Accounts that were not as they were to be."""
    transactions: int = 0
    kept: list[str] = field(default_factory=list)
    """Accounts that stay as the chain itself needs them."""


def load_contents(node: RpcClient, contents: StateContents, loaded: Loaded) -> None:
    """Make these accounts the chain's. Raises `RpcError`."""
    for pieces in _requests(contents):
        data = b"".join(write_pieces([pieces], {}))
        done = node.call("mega_loadState", f"0x{data.hex()}")
        loaded.written += done["written"]
        loaded.transactions += done["transactions"]
        loaded.kept += done["kept"]


def _requests(contents: StateContents) -> Iterator[list[bytes]]:
    """The pieces, as many at a time as one request holds."""
    request: list[bytes] = []
    for piece in contents.pieces():
        if request and sum(map(len, request)) + len(piece) > REQUEST_BYTES:
            yield request
            request = []
        request.append(piece)
    if request:
        yield request
