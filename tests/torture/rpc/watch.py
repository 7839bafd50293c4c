"""Whether a node lives, its chain goes on, and it gives back what it took."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass

import psutil

from tests.support.node import Node
from tests.torture.rpc.report import Report

LOOK_S = 0.5
STALLED_S = 30.0
"""A chain that makes a mini-block every 10 ms has stopped when nothing is seen of one for so long."""
SETTLE_S = 60.0
SPARE_DESCRIPTORS = 48
"""Tables that the store has opened meanwhile."""
SPARE_BYTES = 400 * 1024 * 1024
"""What the allocator keeps, and what the chain has grown by."""


@dataclass(frozen=True)
class Holdings:
    """What a process holds."""

    descriptors: int
    resident: int


class Watch(threading.Thread):
    """Looks at one node from its process table and its metrics, which need no connection that others could take."""

    def __init__(self, node: Node, seed: int) -> None:
        super().__init__(name=f"watch over {node.name}")
        self.report = Report(seed)
        self._node = node
        self._process = psutil.Process(node.process.pid)
        self._stopping = threading.Event()
        self._idle = self._holdings()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def run(self) -> None:
        """Look until told to stop."""
        height, seen = -1, time.monotonic()
        while not self._stopping.wait(LOOK_S):
            if self._node.process.poll() is not None:
                self.report.fault("dead", f"{self._node.name} ended with {self._node.process.returncode}")
                return
            with contextlib.suppress(Exception):  # turned away: looked at again
                now = self._node.height()
                if now > height:
                    height, seen = now, time.monotonic()
                    self.report.counts[f"{self._node.name}: highest block"] = height
            if time.monotonic() - seen > STALLED_S:
                self.report.fault("stalled", f"{self._node.name} shows nothing beyond block {height}")
                seen = time.monotonic()

    def settle(self) -> None:
        """After everybody has left: what the node holds comes back to what it held before, within a minute."""
        if self._node.process.poll() is not None:
            return
        end = time.monotonic() + SETTLE_S
        while (too_much := self._excess()) and time.monotonic() < end:
            time.sleep(LOOK_S)
        if too_much:
            self.report.fault("held", f"{self._node.name} still holds {too_much}")
        now = self._holdings()
        self.report.counts[f"{self._node.name}: descriptors, idle"] = self._idle.descriptors
        self.report.counts[f"{self._node.name}: descriptors, after"] = now.descriptors
        self.report.counts[f"{self._node.name}: MB, idle"] = self._idle.resident >> 20
        self.report.counts[f"{self._node.name}: MB, after"] = now.resident >> 20
        log = self._node.log()
        for bad in ("Traceback", "Task exception was never retrieved", "oo many open files"):
            if bad in log:
                at = log.index(bad)
                self.report.fault("log", f"{self._node.name}: {log[max(0, at - 300) : at + 1_000]}")

    def _excess(self) -> str:
        now, idle = self._holdings(), self._idle
        if now.descriptors > idle.descriptors + SPARE_DESCRIPTORS:
            return f"{now.descriptors} descriptors, {idle.descriptors} when idle"
        if now.resident > 2 * idle.resident + SPARE_BYTES:
            return f"{now.resident >> 20} MB, {idle.resident >> 20} MB when idle"
        return ""

    def _holdings(self) -> Holdings:
        return Holdings(self._process.num_fds(), self._process.memory_info().rss)
