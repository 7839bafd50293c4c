"""What the server answers to GET: help for a person at `/`, the node's health at `/healthz`, further pages.

Not here: JSON-RPC, which is POST or WebSocket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"

Health = Callable[[], Mapping[str, object]]
"""Tells how the node is; the entry `ready` decides between 200 and 503."""


@dataclass(frozen=True, slots=True)
class Page:
    """A body with its type and status."""

    status: int
    content_type: str
    body: bytes


HELP = """\
This is {version}: a local MegaETH network (chain id {chain_id}).

JSON-RPC is answered to POST on / and to a WebSocket on the same port:

  curl -H 'Content-Type: application/json' \\
       -d '{{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}}' http://{host}/

Health: GET /healthz
Metrics: GET /metrics (Prometheus), GET /metrics.json
"""


class Routes:
    """Routes by path. Each is made when it is asked for."""

    def __init__(self, client_version: str, chain_id: int, health: Health) -> None:
        self._client_version = client_version
        self._chain_id = chain_id
        self._health = health
        self._extra: dict[bytes, Callable[[], Page]] = {}

    def add(self, path: str, page: Callable[[], Page]) -> None:
        """Serve one more path, such as `/metrics`."""
        self._extra[path.encode()] = page

    def get(self, path: bytes, host: bytes | None) -> Page:
        """Make the page for a path."""
        if path in (b"/", b"/rpc", b"/ws"):
            name = host.decode("latin-1") if host else "127.0.0.1"
            text = HELP.format(version=self._client_version, chain_id=self._chain_id, host=name)
            return Page(200, TEXT, text.encode())
        if path == b"/healthz":
            return self._healthz()
        extra = self._extra.get(path)
        if extra is not None:
            return extra()
        return Page(404, TEXT, b"nothing here; GET / tells what is\n")

    def _healthz(self) -> Page:
        state = dict(self._health())
        return Page(200 if state.get("ready") else 503, JSON, orjson.dumps(state))
