"""What `anvil_reset` and `hardhat_reset` are asked for: the chain's own beginning, or a fork of another chain.

A chain goes on from one block of one remote for as long as it lives: its first block's hash binds that, and the cache
and every record on disk are of it. So a running devnet can go back to the block that it was forked at, and to no other.

Not here: how a chain goes back (`going_back.py`).
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from devnet.rpc.errors import RpcFault, invalid_params, refused


@dataclass(frozen=True)
class Forking:
    """A remote, and the block of it to go on from."""

    url: str | None = None
    """None: the one that there is."""
    block: int | None = None
    """None: its newest."""


def forking_of(options: object) -> Forking | None:
    """What the method's parameter says; None: no parameter. Raises `RpcFault`."""
    if options is None:
        return None
    if not isinstance(options, dict):
        raise invalid_params("options must be an object")
    forking = options.get("forking")
    if forking is None:
        forking = {}
    if not isinstance(forking, dict):
        raise invalid_params("forking must be an object")
    url, block = forking.get("jsonRpcUrl"), forking.get("blockNumber")
    if not (url is None or isinstance(url, str)):
        raise invalid_params("jsonRpcUrl must be a string")
    return Forking(url, None if block is None else _number(block))


def require_own(asked: Forking, own: Forking | None) -> None:
    """Refuse any other fork than the chain's `own`, None for a chain that is no fork. Raises `RpcFault`."""
    if own is None and asked.url is None:
        raise invalid_params("Forking not enabled and RPC URL not provided to start forking")
    if own is not None and _is_of(own, asked.url) and asked.block == own.block:
        return
    raise _elsewhere(asked, own)


def _is_of(own: Forking, url: str | None) -> bool:
    """Whether that is the remote there is, a slash more or less."""
    return url is None or (own.url is not None and url.rstrip("/") == own.url.rstrip("/"))


def _elsewhere(asked: Forking, own: Forking | None) -> RpcFault:
    why = "this one was not forked"
    if own is not None:
        of = "that remote" if _is_of(own, asked.url) else "another remote"
        why = f"this one was forked at block {own.block} of {of}"
    command = f"megaeth devnet up --reset --fork-url {shlex.quote(asked.url) if asked.url else 'URL'}"
    if asked.block is not None:
        command += f" --fork-block {asked.block}"
    return refused(f"what is forked is chosen when a chain begins, and {why}. For another: {command}")


def _number(value: object) -> int:
    """As clients write it: hexadecimal, or a JSON number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
        return value
    if isinstance(value, str) and value.startswith("0x") and value.isascii() and 2 < len(value) <= 18:
        try:
            return int(value[2:], 16)
        except ValueError:
            pass
    raise invalid_params("blockNumber must be a number")
