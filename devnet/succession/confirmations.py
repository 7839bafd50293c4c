"""What a leader may show: what is on enough disks, as long as its lease is valid.

    log thread --confirm--> standbys are given it --Stored--> enough of them, lease valid --> shown to everybody

The log thread waits here; the event loop tells it what standbys have stored and that the lease was renewed. Once it has
ended, nothing more is shown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from devnet.succession.in_sync import Requirement
from devnet.sync import LogOffset

if TYPE_CHECKING:
    from devnet._engine import SealedBlock, SealedMini

    Sealed = list[SealedMini | SealedBlock]

LONG_S: Final = 0.5
"""A standby that answers does so within that time."""


class Confirmations:
    """Of one leadership (`roles/chain_log.Confirming`). `confirm` is called by who writes the log, all others from
    anywhere."""

    def __init__(
        self,
        end: Callable[[], LogOffset],
        write: Callable[[Sealed], None],
        confirmed: Callable[[LogOffset], None],
    ) -> None:
        """`end`: where the log ends. `write`: gives standbys what it goes on with. `confirmed`: is told of each place
        that has come so far."""
        self.position: LogOffset | None = None
        """Up to here all is confirmed."""
        self._requirements: tuple[Requirement, ...] | None = None
        """All of them hold of what is shown; None: nothing is."""
        self._end = end
        self._write = write
        self._confirmed = confirmed
        self._stored: dict[str, LogOffset] = {}
        self._wanted: LogOffset | None = None
        """What is waited for."""
        self._waits_since: float | None = None
        self._valid_until = 0.0
        self._pauses_at: float | None = None
        self._is_over = False
        self._changed = threading.Condition()

    def confirm(self, sealed: Sealed) -> bool:
        """Gives these to standbys, which the log ends with, and waits until they may be shown, with everything before
        them; false: not by this leader, or not now."""
        if sealed:
            self._write(sealed)
        position = self._end()
        with self._changed:
            self._wanted, self._waits_since = position, time.monotonic()
            while not self._may_show(position):
                if self._is_over or self._patience_s() == 0.0:
                    return False
                self._changed.wait(self._patience_s())
            self.position, self._waits_since = position, None
        self._confirmed(position)
        return True

    def require(self, *requirements: Requirement) -> None:
        """From now on these hold of what is shown; of several, the last is the one that shall remain."""
        with self._changed:
            self._requirements = requirements
            self._changed.notify_all()

    def stored(self, node: str, position: LogOffset) -> None:
        """A standby has everything up to there on its disk."""
        with self._changed:
            self._stored[node] = position
            self._changed.notify_all()

    def renewed(self, until: float) -> None:
        """The lease is valid until that moment of the monotonic clock."""
        with self._changed:
            self._valid_until = until
            self._changed.notify_all()

    def end(self, within_s: float) -> None:
        """For now nothing is waited for any more when so much time is over: building ends."""
        with self._changed:
            self._pauses_at = time.monotonic() + within_s
            self._changed.notify_all()

    def begin(self) -> None:
        """Building begins again."""
        with self._changed:
            self._pauses_at = None

    def depose(self) -> None:
        """Nothing is shown any more, ever: somebody else may lead."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    @property
    def disks(self) -> int:
        """How many disks have what is shown, this node's among them."""
        return 1 + (self._requirements[-1].count if self._requirements else 0)

    @property
    def others(self) -> list[str]:
        """The standbys that count."""
        return sorted(self._requirements[-1].of) if self._requirements else []

    def stored_by(self, node: str) -> LogOffset | None:
        """Up to where that standby has the log on its disk, as far as it has told."""
        with self._changed:
            return self._stored.get(node)

    @property
    def confirmed_by(self) -> list[str]:
        """Who has all that is waited for, or was last."""
        with self._changed:
            return sorted(self._with(self._wanted))

    @property
    def missing(self) -> int:
        """How many standbys more must have it before anything is shown, where that takes longer than it should."""
        with self._changed:
            return self._missing(self._wanted) if self._wanted is not None and self._waits_long() else 0

    @property
    def stragglers(self) -> frozenset[str]:
        """Who does not have what has been waited for longer than it should take."""
        with self._changed:
            if self._wanted is None or not self._waits_long() or self._requirements is None:
                return frozenset()
            named = frozenset[str]().union(*(one.of for one in self._requirements))
            return named - frozenset(self._with(self._wanted))

    def have_all(self) -> frozenset[str]:
        """Who has everything that was ever shown by this leader, or before it."""
        with self._changed:
            return frozenset(self._with(self.position)) if self.position is not None else frozenset()

    def _with(self, position: LogOffset | None) -> list[str]:
        reached = position.sequence if position is not None else 0
        return [node for node, stored in self._stored.items() if stored.sequence >= reached]

    def _may_show(self, position: LogOffset) -> bool:
        return (
            self._requirements is not None
            and not self._missing(position)
            and not self._is_over
            and time.monotonic() < self._valid_until
        )

    def _missing(self, position: LogOffset) -> int:
        return max((one.missing(self._stored, position) for one in self._requirements or ()), default=0)

    def _waits_long(self) -> bool:
        since = self._waits_since
        return since is not None and time.monotonic() - since >= LONG_S

    def _patience_s(self) -> float | None:
        """How long it may be waited; None: until somebody tells something."""
        return None if self._pauses_at is None else max(0.0, self._pauses_at - time.monotonic())
