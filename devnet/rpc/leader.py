"""The node that builds, for methods that only it can answer, as seen from one that follows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Forward = Callable[[str, list[object]], Awaitable[bytes]]
"""Has the sequencer answer: method and parameters in, the rendered result out; raises `RpcFault`."""


class Leader:
    """Who leads: this node, or another one that can be asked."""

    def __init__(self) -> None:
        self.forward: Forward | None = None
        """None while this node leads."""
