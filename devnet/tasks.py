"""Tasks of an event loop that nobody waits for: kept until they end, and none dies unseen."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

from devnet.threads import OnDeath


class Tasks:
    """Of one owner. On the event loop."""

    def __init__(self, died: OnDeath) -> None:
        self._died = died
        self._running: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[asyncio.Task[None]]:
        return iter(tuple(self._running))

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start one. Unless it is cancelled, an error that ends it is told."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def cancel(self) -> None:
        """End all of them."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._died(error)
