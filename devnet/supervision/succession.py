"""Which nodes of a devnet may lead, and who does, as the supervisor knows it. Without standbys only the sequencer.

A chain that has once had standbys is led under a lease from then on: its log names its leaders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from devnet.errors import ConfigError
from devnet.session import Role
from devnet.supervision.launch import Launch
from devnet.supervision.lease import FILE
from devnet.supervision.lease_desk import LeaseDesk, Led
from devnet.supervision.node import Node


class Succession:
    """Of the supervisor's thread, but for the desk."""

    def __init__(self, launch: Launch, directory: Path, report: Callable[[Led], None]) -> None:
        """`directory`: where the lease is kept. ConfigError: who led last is not among the nodes."""
        names = tuple(plan.name for plan in launch.candidates())
        self.candidates: tuple[str, ...] = ()
        """Who may lead, if that is given out; else empty."""
        self.desk: LeaseDesk | None = None
        self.leader = Role.SEQUENCER.hyphenated
        """Who leads, or led last."""
        self.is_led = True
        if len(names) == 1 and not (directory / FILE).exists():
            return
        self.candidates, self.is_led = names, False
        self.desk = LeaseDesk(directory, names, report, fsync=launch.config.storage.syncs)
        self.leader = self.desk.given.holder or names[0]
        if self.leader not in names:
            number = self.leader.rpartition("-")[2]
            raise ConfigError(
                f"{self.leader} led this devnet last, and it would not be one of its nodes",
                "the others' logs may lack what it has shown",
                f"--standby {number}; then `megaeth devnet promote sequencer`, to go on without it. Or --reset",
            )

    @property
    def first(self) -> str:
        """The candidate that is started before all others: its log is the one that counts."""
        return self.leader if self.candidates else ""

    def may_lead(self, node: Node) -> bool:
        """Whether it is one of several."""
        return node.plan.name in self.candidates

    def others_may(self) -> None:
        """The other candidates are about to be started."""
        if self.desk is not None:
            self.desk.others_may()

    def ended(self, node: str) -> None:
        """The node's process is gone. Any thread."""
        if self.desk is not None:
            self.desk.ended(node)

    def close(self) -> None:
        """Nobody takes over any more: all of them are about to end."""
        if self.desk is not None:
            self.desk.close()

    def led(self, by: Led) -> None:
        """A node leads."""
        self.leader, self.is_led = by.node, True

    def stands_still(self, nodes: Sequence[Node]) -> str:
        """Why the chain does: no candidate runs, nor will by itself. Empty: it need not."""
        mine = [node for node in nodes if self.may_lead(node)]
        if not mine or any(node.process is not None or node.start_due for node in mine):
            return ""
        names = ", ".join(self.candidates)
        return f"nobody leads, and the chain stands still: `megaeth devnet start NODE` starts one of {names}"
