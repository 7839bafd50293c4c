"""A network namespace for each node, on one bridge, so that every link can be cut by itself: nothing passes any more,
and nobody is told.

    node's namespace --veth-- bridge --veth-- another's        a cut link: a blackhole route at both ends
                                |
                    this process, and the supervisor

The supervisor gives the lease out at an address of its own, so that a node can be cut off from that alone.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

HERE: Final = "10.9.0.1"
"""Where clients come from."""
LEASE_HOST: Final = "10.9.1.1"
"""Where the supervisor listens."""
LEASE: Final = "the lease"
PREFIX: Final = "/16"
BRIDGE: Final = "nodes"
PATIENCE_S: Final = 10.0


class Links:
    """`with Links(names) as links:`, in a network namespace of this process's own."""

    def __init__(self, names: Iterable[str]) -> None:
        self.addresses = {name: f"10.9.0.{number}" for number, name in enumerate(names, 10)}
        self._holders: dict[str, subprocess.Popen[bytes]] = {}
        """Processes that do nothing but live in a node's namespace."""
        self._cut: set[tuple[str, str]] = set()

    def __enter__(self) -> Links:
        _ip("link", "set", "lo", "up")
        _ip("link", "add", "name", BRIDGE, "type", "bridge")
        _ip("link", "set", BRIDGE, "up")
        for address in (HERE, LEASE_HOST):
            _ip("address", "add", address + PREFIX, "dev", BRIDGE)
        for number, (name, address) in enumerate(self.addresses.items()):
            self._add(name, number, address)
        return self

    def __exit__(self, *_: object) -> None:
        for holder in self._holders.values():
            holder.kill()
            holder.wait()

    @property
    def places(self) -> dict[str, tuple[int, str]]:
        """Of each node: a process in its namespace, and its address."""
        return {name: (holder.pid, self.addresses[name]) for name, holder in self._holders.items()}

    def cut(self, one: str, other: str) -> None:
        """Between two nodes, or a node and `LEASE`."""
        for here, there in ((one, other), (other, one)):
            if here != LEASE and (here, there) not in self._cut:
                self._cut.add((here, there))
                self._route("add", here, there)

    def heal(self) -> None:
        """All of them."""
        for here, there in self._cut:
            self._route("delete", here, there)
        self._cut.clear()

    def _add(self, name: str, number: int, address: str) -> None:
        holder = self._holders[name] = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        end = time.monotonic() + PATIENCE_S
        while _network_of(holder.pid) in ("", _network_of(os.getpid())):
            assert time.monotonic() < end, f"no network for {name}"
            time.sleep(0.01)
        outer, inner = f"outer{number}", f"inner{number}"
        _ip("link", "add", outer, "type", "veth", "peer", "name", inner)
        _ip("link", "set", inner, "netns", str(holder.pid))
        _ip("link", "set", outer, "master", BRIDGE, "up")
        for command in (
            ("link", "set", "lo", "up"),
            ("address", "add", address + PREFIX, "dev", inner),
            ("link", "set", inner, "up"),
        ):
            _ip(*command, within=holder.pid)

    def _route(self, action: str, here: str, there: str) -> None:
        address = LEASE_HOST if there == LEASE else self.addresses[there]
        _ip("route", action, "blackhole", f"{address}/32", within=self._holders[here].pid)


def _ip(*arguments: str, within: int | None = None) -> None:
    prefix = ["nsenter", "--net", "--target", str(within)] if within is not None else []
    subprocess.run([*prefix, "ip", *arguments], check=True, capture_output=True)


def _network_of(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""
