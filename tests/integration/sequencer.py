"""A sequencer process under a test's control, started as the supervisor starts it."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import websockets.sync.client

from devnet.config import BlockSettings, Config
from devnet.role_config import RoleConfig, ready_file

START_TIMEOUT_S = 30
REPOSITORY = Path(__file__).parents[2]
FAST = BlockSettings(mini_block_time_ms=5, block_time_s=0.1)


class RpcFault(Exception):
    """A JSON-RPC error."""


class Sequencer:
    """One process after another on the same data directory."""

    def __init__(self, directory, config=None):
        self.directory = directory
        config = config or Config(blocks=FAST)
        config = replace(config, rpc=replace(config.rpc, port=0))
        self.role = RoleConfig(
            node="sequencer",
            role="sequencer",
            run_dir=str(directory / "run"),
            data_dir=str(directory / "data"),
            token="token",
            config=config,
        )
        self.process = None
        self.port = 0

    def configure(self, config):
        self.role = replace(self.role, config=replace(config, rpc=replace(config.rpc, port=0)))

    def start(self):
        path = self.directory / "run" / "config.json"
        self.role.save(path)
        ready = ready_file(Path(self.role.run_dir), self.role.node)
        ready.unlink(missing_ok=True)
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "devnet.roles.sequencer", "--config", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=REPOSITORY,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the sequencer did not start: {self.log()[-3000:]}")
            time.sleep(0.002)
        self.port = json.loads(ready.read_text())["port"]
        return self

    def log(self):
        return (self.directory / "log").read_text()

    def kill(self):
        """As the system does it when memory runs out."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """As the supervisor does it; returns the exit code."""
        self.process.terminate()
        return self.process.wait(START_TIMEOUT_S)

    @property
    def ws_url(self):
        return f"ws://127.0.0.1:{self.port}"

    def client(self):
        return Client(self.ws_url)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.kill()


class Client:
    """Asks one thing after the other over a WebSocket."""

    def __init__(self, url):
        self._socket = websockets.sync.client.connect(url, max_size=None, proxy=None)
        self._next = 0

    def send(self, method, *params):
        self._next += 1
        self._socket.send(
            json.dumps({"jsonrpc": "2.0", "id": self._next, "method": method, "params": params})
        )
        return self._next

    def receive(self):
        return json.loads(self._socket.recv())

    def call(self, method, *params):
        return self.results([self.send(method, *params)])[0]

    def calls(self, method, every_params):
        """Many calls of one method, on the wire at once."""
        return self.results([self.send(method, *params) for params in every_params])

    def results(self, identifiers):
        found = {}
        while len(found) < len(identifiers):
            answer = self.receive()
            if "error" in answer:
                raise RpcFault(answer["error"])
            if "id" in answer:
                found[answer["id"]] = answer["result"]
        return [found[identifier] for identifier in identifiers]

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
