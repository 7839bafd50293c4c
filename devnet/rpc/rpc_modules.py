"""The `rpc_` namespace: what this server offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import orjson

from devnet.rpc.engine_bridge import Call
from devnet.rpc.methods import Line, method
from devnet.rpc.openrpc import document


class RpcNamespace:
    """Tells of all others."""

    def __init__(
        self, names: Iterable[str], lines: Callable[[], Iterable[Line]], client_version: str
    ) -> None:
        """`names`: the methods of all others; `lines`: those of all that are served at the time."""
        namespaces = {name.partition("_")[0] for name in names} | {"rpc"}
        self._rendered = orjson.dumps(dict.fromkeys(sorted(namespaces), "1.0"))
        self._lines = lines
        self._client_version = client_version

    @method("rpc_modules", about="The namespaces that are served, with versions.")
    async def modules(self, given: list[object], call: Call) -> bytes:
        """Name the namespaces."""
        return self._rendered

    @method("rpc.discover", about="The methods of the node that is asked, as an OpenRPC document.")
    async def discover(self, given: list[object], call: Call) -> bytes:
        """Describe every method."""
        return orjson.dumps(document(self._lines(), self._client_version))
