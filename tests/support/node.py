"""A real node's process for tests: free port, temporary directory, reaped whatever happens. No supervisor.

Ready means that `/healthz` answers 200; nothing here sleeps for a guessed time.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

from devnet.config import Config
from devnet.role_config import LIFELINE_FD, RoleConfig, ready_file
from devnet.session import Role
from tests.support.raw_http import RawHttp
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
STOP_S = 20.0


class RpcFailure(Exception):
    """The node answered with an error."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.error = error
        self.code = error["code"]
        self.message = error["message"]


class Node:
    """A sequencer that is alone, or `name` with its `role` and its place in a network.

    `start` and `stop` (or `kill`) may follow one another on the same data. Settings are named `section__name`, as in
    `Node(path, blocks__block_time_s=0.2)`.
    """

    def __init__(
        self, directory, *, name="sequencer", role=Role.SEQUENCER, network=None, native=None, **settings
    ):
        self.directory = Path(directory)
        self.native_directory = native or self.directory / "native"
        self.name, self.role, self.network = name, role, network
        self.config = make_config(settings)
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.reap()

    # --- its life ---

    def start(self):
        """Start the process and wait until it is ready."""
        self.spawn()
        eventually(self._is_ready, f"{self.name} to become ready")
        return self

    def spawn(self):
        """Start the process."""
        self.directory.mkdir(parents=True, exist_ok=True)
        role = RoleConfig(
            node=self.name,
            role=self.role,
            run_dir=str(self.directory),
            data_dir=str(self.directory / "data"),
            native_dir=str(self.native_directory),
            token="test",
            config=self.config,
            network=self.network,
        )
        self._ready_file = ready_file(self.directory, role.node)
        self._ready_file.unlink(missing_ok=True)
        config_file = self.directory / "role.json"
        role.save(config_file)
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(config_file),
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), LIFELINE_FD: str(_lifeline())},
                pass_fds=(_lifeline(),),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def command(self, config_file):
        """What the process runs."""
        return [sys.executable, "-m", f"devnet.roles.{self.role}", "--config", str(config_file)]

    def stop(self):
        """Ask the process to stop; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        """End the process without a warning."""
        self.process.kill()
        return self.wait()

    def wait(self):
        """Wait until the process has ended."""
        return self.process.wait(STOP_S)

    def reap(self):
        """Leave nothing running, whatever the test did."""
        if self.process is None or self.process.poll() is not None:
            return
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def _is_ready(self):
        assert self.process.poll() is None, f"{self.name} ended:\n{self.log()}"
        if not self._ready_file.exists():
            return False
        ready = json.loads(self._ready_file.read_text())
        self.port = ready["port"]
        self.endpoints = ready["endpoints"]
        self.url, self.ws_url = self.endpoints["http"], self.endpoints.get("ws")
        return self.health()[0] == 200

    # --- what it says ---

    @property
    def log_file(self):
        return self.directory / f"{self.name}.log"

    def log(self):
        return self.log_file.read_text() if self.log_file.exists() else ""

    def health(self):
        """Return status and body of `/healthz`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/healthz")
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def rpc(self, method, *params):
        """Make one call on a connection of its own; raise `RpcFailure` if it fails."""
        with RawHttp(self.port, timeout=30) as http_client:
            response = http_client.call(method, *params)
        if "error" in response:
            raise RpcFailure(response["error"])
        return response["result"]

    def height(self):
        return int(self.rpc("eth_blockNumber"), 16)

    def sealed(self, number):
        """Wait until a block is sealed; return it."""
        return eventually(lambda: self.rpc("eth_getBlockByNumber", hex(number), False), f"block {number}")


@cache
def _lifeline():
    """Open a pipe whose other end closes with the test process, however that ends: its nodes end with it."""
    reader, _ = os.pipe()
    return reader


def make_config(settings):
    """Build a configuration from `section__name` settings; everything else is the default, on a free port."""
    config = Config()
    for key, value in {"rpc__port": 0, "blocks__block_time_s": 0.25, **settings}.items():
        section, _, name = key.partition("__")
        config = replace(config, **{section: replace(getattr(config, section), **{name: value})})
    return config
