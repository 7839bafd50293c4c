"""The node that builds, for methods that only it can answer, as seen from one that follows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import not_leading

FORWARDER: Final = b"megaeth-forwarder"
"""What a node that follows says it is (`User-Agent`) when it passes a request on, where the leader may change."""

Forward = Callable[[str, list[object]], Awaitable[bytes]]
"""Has the sequencer answer: method and parameters in, the rendered result out; raises `RpcFault`."""


def refuse_if_forwarded(call: Call | None) -> None:
    """On a node that follows: what was passed on to it is not passed on again, lest nodes that are not of one mind on
    who leads send it round in a circle. Raises `RpcFault`."""
    if call is not None and call.client.user_agent == FORWARDER:
        raise not_leading("")


class Leader:
    """Who leads: this node, or another one that can be asked."""

    def __init__(self) -> None:
        self.forward: Forward | None = None
        """None while this node leads."""
