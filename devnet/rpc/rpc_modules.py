"""The `rpc_` namespace: what this server offers."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from devnet.rpc.engine_bridge import Call
from devnet.rpc.methods import method


class RpcNamespace:
    """Tells of all others."""

    def __init__(self, names: Iterable[str]) -> None:
        """`names`: the methods of all others."""
        namespaces = {name.partition("_")[0] for name in names} | {"rpc"}
        self._rendered = orjson.dumps(dict.fromkeys(sorted(namespaces), "1.0"))

    @method("rpc_modules", about="The namespaces that are served, with versions.")
    async def modules(self, given: list[object], call: Call) -> bytes:
        """Name the namespaces."""
        return self._rendered
