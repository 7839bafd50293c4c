"""Engine calls for methods that are composed in Python, values in and values out: off the event loop, unless they take
next to no time.

Not here: requests that the engine answers as they are (`engine_bridge.py`).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import orjson

from devnet.rpc.engine_rpc import EngineRpc


class Backend:
    """Calls the engine, from a small pool of threads where that may take long."""

    def __init__(self, engine: EngineRpc, threads: int) -> None:
        self._engine = engine
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="rpc-worker")

    async def call(self, method: str, *params: object) -> object:
        """Return a method's result; raises the engine's `RpcError`."""
        rendered = orjson.dumps(params)
        result = self._engine.call_at_once(method, rendered)
        if result is None:
            loop = asyncio.get_running_loop()
            result = await loop.run_in_executor(self._pool, self._engine.call, method, rendered)
        return orjson.loads(result)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)
