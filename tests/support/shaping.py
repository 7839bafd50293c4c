"""A poor link, in process: a TCP proxy with delay, bandwidth and loss, that can be cut and healed.

TCP hides loss from its users; what they see is that a lost segment, and everything behind it, comes a round trip
later. That is how loss is modelled here. A cut link swallows nothing (TCP would send it again): it holds everything
back until it is healed. Both directions are shaped alike, and each holds little: a full link is felt by the sender.
"""

import asyncio
import random
from dataclasses import dataclass

SEGMENT_BYTES = 1460
QUEUE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Shape:
    """Of one direction."""

    delay_s: float = 0.0
    loss: float = 0.0
    bits_per_s: float = 0.0
    """0: as many as there are."""


class ShapedLink:
    """`async with ShapedLink(port, shape) as link:` then connect to `link.port`.

    The target may be set later: a node that is to be reached by the link only must advertise the link's port.
    """

    def __init__(self, target_port=None, shape=None, seed=1):
        self.target_port = target_port
        self.shape = shape or Shape()
        self.bytes_passed = 0
        self.corrupt_next = False
        """Set: one bit of what passes next is flipped."""
        self._random = random.Random(seed)
        self._open = asyncio.Event()
        self._open.set()
        self._tasks = set()
        self._writers = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.drop()

    def cut(self):
        """Nothing passes any more, and nobody is told."""
        self._open.clear()

    def heal(self):
        self._open.set()

    def drop(self):
        """Resets all connections."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader, writer):
        self._writers.add(writer)
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await self._open.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
            self._writers.add(far_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer))
                group.create_task(self._pump(far_reader, writer))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _pump(self, reader, writer):
        loop = asyncio.get_running_loop()
        due = asyncio.Queue()
        room = asyncio.Semaphore(QUEUE_BYTES // SEGMENT_BYTES)

        async def deliver():
            while True:
                at, data = await due.get()
                await asyncio.sleep(max(0.0, at - loop.time()))
                await self._open.wait()
                room.release()
                if not data:
                    writer.transport.abort()
                    raise ConnectionResetError
                writer.write(data)
                self.bytes_passed += len(data)
                await writer.drain()

        async with asyncio.TaskGroup() as group:
            group.create_task(deliver())
            free_at = in_order_at = 0.0
            while True:
                await room.acquire()
                try:
                    data = await reader.read(SEGMENT_BYTES)
                except OSError:
                    data = b""
                if data and self.corrupt_next:
                    self.corrupt_next = False
                    data = data[:-1] + bytes((data[-1] ^ 1,))
                shape = self.shape
                free_at = max(free_at, loop.time())
                if shape.bits_per_s:
                    free_at += len(data) * 8 / shape.bits_per_s
                arrives = free_at + shape.delay_s
                while self._random.random() < shape.loss:
                    arrives += 2 * shape.delay_s + 0.01
                in_order_at = max(in_order_at, arrives)
                due.put_nowait((in_order_at, data))
                if not data:
                    return
