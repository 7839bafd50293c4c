"""Engine calls for methods that are composed in Python: off the event loop, values in and values out.

Not here: requests that the engine answers as they are (`engine_bridge.py`).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import orjson

from devnet.rpc.engine_rpc import EngineRpc


class Backend:
    """Calls the engine from a small pool of threads."""

    def __init__(self, engine: EngineRpc, threads: int) -> None:
        self._engine = engine
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="rpc-worker")

    async def call(self, method: str, *params: object) -> object:
        """Return a method's result; raises the engine's `RpcError`."""
        rendered = orjson.dumps(params)
        loop = asyncio.get_running_loop()
        return orjson.loads(await loop.run_in_executor(self._pool, self._engine.call, method, rendered))

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)
