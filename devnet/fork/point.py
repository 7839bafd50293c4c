"""Which block of which chain a fork goes on from, and whether a node still has that chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from devnet.errors import ConfigError
from devnet.fork.remote import Remote, RemoteFault, RemoteSilentError

_MAX_NUMBER: Final = 2**63
_MAX_TIMESTAMP: Final = 2**40
"""Seconds; far beyond any chain's, and time must be able to go on."""


@dataclass(frozen=True)
class ForkPoint:
    """The last block that is shared with the remote."""

    chain_id: int
    """The remote's."""
    number: int
    hash: str
    timestamp: int
    """Seconds since 1970."""

    def document(self) -> dict[str, Any]:
        """As the genesis document has it."""
        return {"chain_id": self.chain_id, "number": self.number, "hash": self.hash}


def find_point(remote: Remote, block: int | None) -> ForkPoint:
    """The block with that number, or the newest. ConfigError: there is none; RemoteSilentError."""
    try:
        chain_id = _number(remote, "eth_chainId", remote.call("eth_chainId"))
        wanted = "latest" if block is None else hex(block)
        found = remote.call("eth_getBlockByNumber", wanted, False)
    except RemoteFault as fault:
        raise _refused(remote, fault) from None
    if found is None:
        raise ConfigError(
            f"the fork's remote {remote.name} has no block" + (f" {block}" if block is not None else ""),
            "",
            "a smaller --fork-block, or none for its newest block",
        )
    try:
        number, timestamp = int(found["number"], 16), int(found["timestamp"], 16)
        block_hash = bytes.fromhex(found["hash"].removeprefix("0x"))
    except (KeyError, TypeError, ValueError, AttributeError):
        block_hash = b""
    sound = len(block_hash) == 32 and 0 <= number < _MAX_NUMBER and 0 <= timestamp < _MAX_TIMESTAMP
    if not sound or (block is not None and number != block):
        raise RemoteSilentError(
            f"the fork's remote {remote.name} answers garbage",
            f"eth_getBlockByNumber gave {str(found)[:80]!r}",
        )
    return ForkPoint(chain_id, number, "0x" + block_hash.hex(), timestamp)


def require_same_chain(remote: Remote, point: ForkPoint) -> None:
    """ConfigError if the remote has another chain than the one that was forked; RemoteSilentError."""
    try:
        chain_id = _number(remote, "eth_chainId", remote.call("eth_chainId"))
        found = remote.call("eth_getBlockByNumber", hex(point.number), False)
    except RemoteFault as fault:
        raise _refused(remote, fault) from None
    block_hash = found.get("hash") if isinstance(found, dict) else None
    why = ""
    if chain_id != point.chain_id:
        why = f"its chain id is {chain_id}, this devnet was forked from {point.chain_id}"
    elif block_hash != point.hash:
        why = f"its block {point.number} is {block_hash}, this devnet was forked from {point.hash}"
    if why:
        raise ConfigError(
            f"the fork's remote {remote.name} has another chain than this devnet",
            why,
            "give the --fork-url of that chain, or --reset to fork anew",
        )


def _number(remote: Remote, method: str, result: object) -> int:
    try:
        number = int(str(result), 16)
    except ValueError:
        number = 0
    if not 0 < number < _MAX_NUMBER:
        raise RemoteSilentError(
            f"the fork's remote {remote.name} answers garbage", f"{method} gave {str(result)[:80]!r}"
        )
    return number


def _refused(remote: Remote, fault: RemoteFault) -> RemoteSilentError:
    return RemoteSilentError(f"the fork's remote {remote.name} refuses", fault.message)
