"""The `rpc_` namespace: what this server offers."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from devnet.rpc import params
from devnet.rpc.dispatch import Handler
from devnet.rpc.engine_bridge import Call


def methods(names: Iterable[str]) -> dict[str, Handler]:
    """Return the methods of this namespace by name, given those of all others."""
    namespaces = {name.partition("_")[0] for name in names} | {"rpc"}
    rendered = orjson.dumps(dict.fromkeys(sorted(namespaces), "1.0"))

    async def modules(given: list[object], call: Call) -> bytes:
        params.exactly(given)
        return rendered

    return {"rpc_modules": modules}
