"""What the supervisor's thread waits for, and whom it tells what happens."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from devnet.session import Session
from devnet.supervision.control import Command
from devnet.supervision.lease_desk import Led
from devnet.supervision.process import Exited, Healthy, RoleProcess, Trouble


@dataclass(frozen=True)
class StopSignal:
    """SIGINT, SIGTERM or SIGHUP arrived."""

    number: int


@dataclass(frozen=True)
class Overdue:
    """A process that was asked to stop has had its time."""

    process: RoleProcess


@dataclass(frozen=True)
class StartDue:
    """A node that could not be started may be tried again."""

    node: str


Event = Healthy | Exited | Overdue | StartDue | Trouble | Command | Led | StopSignal


class Observer(Protocol):
    """Who wants to know what happens."""

    def starting(self, session: Session) -> None:
        """Processes are being started."""

    def ready(self, session: Session) -> None:
        """Every process answers its health check."""

    def trouble(self, message: str) -> None:
        """A process ended that should not have."""

    def stopping(self) -> None:
        """Processes are being stopped."""


@contextlib.contextmanager
def stop_signals(report: Callable[[StopSignal], None]) -> Iterator[None]:
    """Have the signals that ask a process to end reported instead."""

    def note(number: int, frame: FrameType | None) -> None:
        report(StopSignal(number))

    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, note) for number in wanted]
    try:
        yield
    finally:
        for number, handler in zip(wanted, before, strict=True):
            signal.signal(number, handler)
