"""The part of the engine that the JSON-RPC server needs, as a type.

`devnet._engine.Engine` has it; so has anything else that answers chain questions. Names and meanings are
those of `devnet/_engine.pyi`.
"""

from __future__ import annotations

from typing import Protocol

from devnet.rpc.errors import method_not_found

Answer = bytes | memoryview
"""A response. Large ones are a view of the engine's own bytes, whose memory counts until the view is gone."""


class EngineRpc(Protocol):
    """JSON bytes in, JSON bytes out; `submit` never blocks, `call` releases the GIL."""

    def submit(self, body: bytes, token: int) -> Answer | bool:
        """Take a whole body. Its response; True: comes by `completions`; False: not all the engine's."""

    def submit_http(self, message: bytes, token: int) -> Answer | bool:
        """Take what arrived on an HTTP connection; answers with the response's head. False, too, if it is not one
        whole request with a known head.
        """

    def submit_ws(self, data: bytes, token: int) -> Answer | bool:
        """Take what arrived on a WebSocket; answers with a frame. False, too, if it is not one whole message."""

    def learn_head(self, message: bytes, length: int) -> None:
        """Know the head of this HTTP request, whose body has that length and is all there is to it."""

    def submit_one(self, method: str, params: bytes, id: bytes, token: int) -> Answer | bool:
        """Take one request of a known method; the id is rendered, empty for a notification."""

    def cancel(self, connection: int) -> None:
        """End the calls that came under the tokens of a connection, whose number is their last 24 bits."""

    def completions(self) -> list[tuple[int, Answer]]:
        """Fetch the responses of earlier `submit`s that have been finished; never waits."""

    def wakeup_fd(self) -> int | None:
        """Name the file descriptor that is readable while there are completions; None where there never are any."""

    def call(self, method: str, params: bytes) -> bytes:
        """Answer one method, blocking."""

    def call_at_once(self, method: str, params: bytes) -> bytes | None:
        """Answer one method that takes next to no time; None: it has to be called."""

    def methods(self) -> list[str]:
        """Name the methods that `submit` and `call` answer."""


class NoEngine:
    """Where there is no chain (`EngineRpc`): whatever comes is for others to answer."""

    def submit(self, body: bytes, token: int) -> bool:
        """Not taken."""
        return False

    submit_http = submit_ws = submit

    def learn_head(self, message: bytes, length: int) -> None:
        """There is no short way."""

    def submit_one(self, method: str, params: bytes, id: bytes, token: int) -> bool:
        """Not taken."""
        return False

    def cancel(self, connection: int) -> None:
        """Nothing runs."""

    def completions(self) -> list[tuple[int, Answer]]:
        """There are none."""
        return []

    def wakeup_fd(self) -> None:
        """Nothing will come."""

    def call(self, method: str, params: bytes) -> bytes:
        """There is nobody to answer."""
        raise method_not_found(method)

    def call_at_once(self, method: str, params: bytes) -> None:
        """There is nobody to answer."""

    def methods(self) -> list[str]:
        """None."""
        return []


class ChainRpc(EngineRpc, Protocol):
    """What subscriptions are rendered from."""

    def mini_json(self, number: int) -> bytes:
        """Render a mini-block with its transactions and receipts."""

    def head_json(self, block: int) -> bytes:
        """Render the header of a sealed block."""

    def logs_json(self, filter: bytes, mini: int) -> list[bytes]:
        """Render the logs of a mini-block that pass an `eth_getLogs` filter."""

    def state_changes_json(self, mini: int, addresses: list[bytes]) -> list[bytes]:
        """Render what a mini-block changed, one object for each account named."""

    def pending_hashes(self, cursor: int) -> tuple[int, list[bytes]]:
        """Return the hashes of transactions admitted since `cursor`, and the new cursor."""

    def published(self, sealed_us: int) -> None:
        """Note that subscribers have been told of the mini-block that was sealed then."""

    def metrics(self) -> dict[str, int]:
        """Count what was done and what waits."""

    def pipeline(self) -> bytes:
        """Render how long each stage takes."""
