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

from devnet.sync import LogOffset

if TYPE_CHECKING:
    from devnet._engine import SealedBlock, SealedMini

    Sealed = list[SealedMini | SealedBlock]

LONG_S: Final = 0.3
"""A standby that answers does so within that time."""


class Confirmations:
    """Of one leadership (`roles/chain_log.Confirming`). `confirm` is called by who writes the log, all others from
    anywhere."""

    def __init__(
        self,
        others: int,
        end: Callable[[], LogOffset],
        write: Callable[[Sealed], None],
        confirmed: Callable[[LogOffset], None],
    ) -> None:
        """`others`: so many standbys must have it. `end`: where the log ends. `write`: gives standbys what it goes on
        with. `confirmed`: is told of each place that has come so far."""
        self.position: LogOffset | None = None
        """Up to here all is confirmed."""
        self._others = others
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
        return self._others + 1

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
        since = self._waits_since
        if since is None or time.monotonic() - since < LONG_S:
            return 0
        return max(0, self._others - len(self.confirmed_by))

    def _with(self, position: LogOffset | None) -> list[str]:
        reached = position.sequence if position is not None else 0
        return [node for node, stored in self._stored.items() if stored.sequence >= reached]

    def _may_show(self, position: LogOffset) -> bool:
        is_stored = len(self._with(position)) >= self._others
        return is_stored and not self._is_over and time.monotonic() < self._valid_until

    def _patience_s(self) -> float | None:
        """How long it may be waited; None: until somebody tells something."""
        return None if self._pauses_at is None else max(0.0, self._pauses_at - time.monotonic())
