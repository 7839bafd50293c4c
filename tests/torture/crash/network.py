"""The network that is hurt: a sequencer, a full node, a prover; each process has many lives on the same data."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from devnet.role_config import USER_ERROR_EXIT
from tests.support.cluster import Cluster, sync_place
from tests.support.node import Node
from tests.torture.chain.network import block_time_s
from tests.torture.crash.plan import Plan

DATA_BUCKETS: Final = 8
"""Few, so that a start is quick."""
PATIENCE_S: Final = 120.0
LOOK_S: Final = 0.01
LISTENS: Final = 20
"""Attempts to get back a port that somebody else has meanwhile."""
SHOWN: Final = 1_500
SEQUENCER, FULL_NODE, PROVER = "sequencer", "full-node-1", "prover-1"


@dataclass(frozen=True)
class Ending:
    """Of a process, as its supervisor sees it."""

    node: str
    code: int
    words: str
    """What it says to its user; the end of its log if it says nothing."""
    is_clear: bool
    """It ended with a sentence for its user and nothing else, or in order."""

    def __str__(self) -> str:
        return f"{self.node} ended with {self.code}: {self.words}"


class Victim(Node):
    """A node whose process dies and comes back. Its log is another file in each life."""

    life = 0
    plan = Plan()

    @property
    def data(self) -> Path:
        """What it keeps."""
        return self.directory / "data"

    @property
    def log_file(self) -> Path:
        return self.directory / f"{self.name}-{self.life}.log"

    def command(self, config_file: Path) -> list[str]:
        python, *role = super().command(config_file)
        if self.plan == Plan():
            return [python, *role]
        return [python, "-m", "tests.torture.crash.doomed", self.plan.encode(), *role[1:]]

    def start(self) -> Victim:
        ending = self.attempt()
        assert ending is None, f"{ending}\n{self.log()[-SHOWN:]}"
        return self

    def launch(self, plan: Plan = Plan()) -> None:  # noqa: B008 it is frozen
        """Begins another life, and waits for nothing."""
        self.plan = plan
        self.life += 1
        self.spawn()

    def attempt(self, plan: Plan = Plan()) -> Ending | None:  # noqa: B008 it is frozen
        """Begins another life; None when it is ready, or how it ended instead."""
        for _ in range(LISTENS):
            self.launch(plan)
            ending = self.until_ready()
            if ending is None or "cannot listen" not in ending.words:
                return ending
            time.sleep(0.1)
        return ending

    def until_ready(self) -> Ending | None:
        """None when it is ready, or how it ended instead."""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            try:
                if self._is_ready():
                    self._keep_ports()
                    return None
            except (AssertionError, OSError, HTTPException, ValueError):
                pass
            if time.monotonic() > end:
                self.kill()
                return Ending(self.name, 0, f"it was not ready after {PATIENCE_S:.0f} s", is_clear=False)
            time.sleep(LOOK_S)
        return self.ending()

    def until_ended(self, patience_s: float) -> Ending | None:
        """How it ended by itself; None if it still lives."""
        end = time.monotonic() + patience_s
        while self.process.poll() is None:
            if time.monotonic() > end:
                return None
            time.sleep(LOOK_S)
        return self.ending()

    @property
    def lives(self) -> bool:
        """Its process runs."""
        return self.process is not None and self.process.poll() is None

    def ending(self) -> Ending:
        """Of its last life."""
        code, log = self.wait(), self.log()
        words, is_clear = log[-SHOWN:], code == 0
        if code == USER_ERROR_EXIT:
            try:
                error = json.loads(log.splitlines()[-1])["error"]
                words, is_clear = f"{error['what']}: {error['why']}", bool(error["what"] and error["why"])
            except (ValueError, KeyError, IndexError):
                pass
        return Ending(self.name, code, words, is_clear and "Traceback" not in log)

    def _keep_ports(self) -> None:
        """The others know where it is."""
        self.config = replace(self.config, rpc=replace(self.config.rpc, port=self.port))
        self.network = replace(self.network, port=sync_place(self)[1])


class Network(Cluster):
    """`with Network(directory) as network:`; its nodes are reaped."""

    node_type = Victim

    def __init__(self, directory: Path, **settings: Any) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(
            directory,
            **{
                "blocks__block_time_s": block_time_s(),
                "chain__salt_data_buckets": DATA_BUCKETS,
                "network__provers": 1,
                "network__quorum": 1,
                "network__verify": "roots",
                "jit__mode": "off",
                **settings,
            },
        )

    def __exit__(self, *_: object) -> None:
        """Ends all of them; what they have logged was judged at each end."""
        for node in reversed(self.nodes.values()):
            if node.lives:
                node.kill()

    def begin(self) -> None:
        """All of them."""
        leader = self.sequencer()
        follower = self.full_node(FULL_NODE, [leader])
        self.prover(PROVER, [leader, follower])

    def __getitem__(self, name: str) -> Victim:
        return self.nodes[name]
