"""An RPC server on a loop of its own thread, so that tests can be plain blocking code."""

import asyncio
import threading

from devnet.rpc.server import RpcServer, new_event_loop
from devnet.rpc.settings import ServerSettings


class ServerThread:
    """Start with `with`; `run` executes something on the server's loop and waits for it."""

    def __init__(self, engine, health=None, sockets=None, **settings):
        self.engine = engine
        self.health = {"ready": True}
        self._sockets = sockets
        self._settings = ServerSettings(port=0, **settings)
        self._health = health or (lambda: self.health)
        self._loop = new_event_loop()
        self._failures = []
        self._ahead_s = 0.0
        self._loop.set_exception_handler(lambda _, context: self._failures.append(context))
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self):
        self._thread.start()

        async def begin():
            self.server = RpcServer(self.engine, self._settings, self._health)
            await self.server.start(self._sockets)

        self.run_async(begin())
        self.port = self.server.port
        return self

    def __exit__(self, *_):
        self.stop()
        self.engine.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        assert not self._failures, f"the loop caught {self._failures}"

    def stop(self, grace_s=1.0):
        self.run_async(self.server.stop(grace_s))

    def pass_time(self, seconds):
        """Let the server's clock run ahead. With `sweep_s` large enough nothing else moves it."""
        self._ahead_s += seconds
        self.run(lambda: self.server.sweep(self._loop.time() + self._ahead_s))

    def run_async(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def run(self, function, *arguments):
        async def on_loop():
            return function(*arguments)

        return self.run_async(on_loop())
