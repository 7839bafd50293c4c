"""What is measured: our devnet and its peers, each started as a user starts it, all behind one face.

A target is started anew for every scenario and round, so that none pays for another's history.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Self

import psutil

from bench.node_packages import cache, foundry
from megaeth_cli.load.wire import LoadError

HOST = "127.0.0.1"
ACCOUNTS = 100
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.001
GAS_LIMIT = 10_000_000_000  # MegaETH's; anvil's default of 30 million would limit it, not its speed


class LogSink(ABC):
    """A node under measurement. A context manager: started on entry, ready when that returns."""

    name: ClassVar[str]
    chain_id: int
    sync_method: str
    """Sends a raw transaction and answers with its receipt."""
    may_stop: ClassVar[bool] = False
    """Whether it is known to stop including in the middle of a load; its rate is what it did until then."""

    def __init__(self, *flags: str) -> None:
        """`flags`: what its user adds to the command."""
        self.flags = flags
        self.patience_s = START_TIMEOUT_S
        """How long its first answer may take."""
        self.port = free_port()
        self.first_answer_s = 0.0
        self._directory = Path(tempfile.mkdtemp(prefix="megaeth-bench-"))
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What a user would type."""

    def environment(self) -> dict[str, str]:
        """What the user's environment would be, apart from ours."""
        return {}

    def __enter__(self) -> Self:
        command = list(self.command())  # may fetch a binary
        log = (self._directory / "log").open("wb")
        began = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=self._directory,
            env={**os.environ, **self.environment()},
            start_new_session=True,
        )
        log.close()
        while not self._answers():
            if self._process.poll() is not None:
                raise LoadError(f"{self.name} ended at its start: {self._tail()}")
            if time.perf_counter() - began > self.patience_s:
                self.__exit__()
                raise LoadError(f"{self.name} gives no answer: {self._tail()}")
            time.sleep(POLL_S)
        self.first_answer_s = time.perf_counter() - began
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def stop(self) -> None:
        """Ends it, as Ctrl-C does; what it wrote stays until the exit."""
        if self._process is not None:
            family = self._family()
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT_S)
            for one in family:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            self._process.wait()

    def rpc(self, method: str, *params: object) -> Any:  # noqa: ANN401 JSON
        """One call, for set-up and checks; not for measured load."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if "error" in answer:
            raise LoadError(f"{self.name}: {method}: {answer['error']}")
        return answer["result"]

    @property
    def directory(self) -> Path:
        """Where it runs, and keeps what it keeps."""
        return self._directory

    def memory_bytes(self) -> int:
        """Resident memory of all its processes."""
        return sum(process.memory_info().rss for process in self._family())

    def mapped_bytes(self) -> int:
        """The part of it that is pages of files, or shared: not the processes' own."""
        return sum(process.memory_info().shared for process in self._family())

    def descriptors(self) -> int:
        """Open files and sockets of all its processes."""
        return sum(process.num_fds() for process in self._family())

    def disk_bytes(self) -> int:
        """What it has written and kept."""
        total = 0
        for path in self._directory.rglob("*"):
            with suppress(FileNotFoundError):
                total += path.stat().st_size if path.is_file() else 0
        return total

    def kill(self) -> None:
        """Ends it at once."""
        for one in self._family():
            with suppress(psutil.NoSuchProcess):
                one.kill()

    def cpu_s(self) -> float:
        """CPU time that its processes have used."""
        times = [process.cpu_times() for process in self._family()]
        return sum(one.user + one.system for one in times)

    def _family(self) -> list[psutil.Process]:
        assert self._process is not None
        try:
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _answers(self) -> bool:
        try:
            return int(self.rpc("eth_chainId"), 16) == self.chain_id
        except (OSError, http.client.HTTPException):
            return False

    def _tail(self) -> str:
        return (self._directory / "log").read_text(errors="replace")[-500:]


class Megaeth(LogSink):
    """Our devnet with its defaults, as `megaeth devnet up` starts it."""

    name = "megaeth"
    chain_id = 6343
    sync_method = "realtime_sendRawTransaction"
    mini_block_ms = 10

    def command(self) -> Sequence[str]:
        """What a user would type."""
        flags = ["--port", str(self.port), "--accounts", str(ACCOUNTS)]
        return [sys.executable, "-m", "megaeth_cli", "devnet", "up", *flags, *self.flags]

    def environment(self) -> dict[str, str]:
        """A home of its own."""
        root = str(Path(__file__).parents[1])
        # An installed devnet has its modules compiled, whatever the shell of who measures says.
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(cache() / "bench-bytecode")}
        return {"MEGAETH_HOME": str(self._directory), "PYTHONPATH": root, **compiled}


class MegaethEager(Megaeth):
    """Our devnet with the shortest mini-blocks there are."""

    name = "megaeth 1 ms"
    mini_block_ms = 1

    def command(self) -> Sequence[str]:
        """What a user would type."""
        return [*super().command(), "--mini-block-time", str(self.mini_block_ms)]


class MegaethFsync(Megaeth):
    """Our devnet when a receipt waits for the disk itself."""

    name = "megaeth fsync"

    def command(self) -> Sequence[str]:
        """What a user would type."""
        return [*super().command(), "--durability", "fsync"]


class MegaethAutomine(Megaeth):
    """Our devnet as test suites want it: a block for each transaction."""

    name = "megaeth automine"

    def command(self) -> Sequence[str]:
        """What a user would type."""
        return [*super().command(), "--automine"]


class Anvil(LogSink):
    """anvil; its gas limit is raised to MegaETH's, everything else is its default."""

    chain_id = 31337
    sync_method = "eth_sendRawTransactionSync"
    may_stop = True
    mode: tuple[str, ...] = ()

    def command(self) -> Sequence[str]:
        """What a user would type."""
        flags = ["--port", str(self.port), "--accounts", str(ACCOUNTS), "--gas-limit", str(GAS_LIMIT)]
        return [str(foundry("anvil")), *flags, *self.mode, *self.flags]

    def environment(self) -> dict[str, str]:
        """A home of its own: that is where it puts old states."""
        return {"HOME": str(self._directory)}


class AnvilAuto(Anvil):
    """A block for each burst."""

    name = "anvil auto"


class AnvilTracing(Anvil):
    """A block for each burst, and steps that can be traced."""

    name = "anvil auto, tracing"
    mode = ("--steps-tracing",)


class AnvilInterval10ms(Anvil):
    """A block every 10 ms, as our mini-blocks."""

    name = "anvil 10 ms"
    mode = ("--block-time", "0.01")


class AnvilInterval1s(Anvil):
    """A block every second, as our EVM blocks."""

    name = "anvil 1 s"
    mode = ("--block-time", "1")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
