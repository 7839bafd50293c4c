"""The log thread: what the builder seals reaches the disk here, and only then anyone's eyes.

    builder --next_sealed--> one write batch --> durable: receipts become visible --> publisher (event loop)

Where the chain has standbys, there is a wait between the second step and the third (`succession/confirmations.py`).

Owns the thread `chain-log`, which alone appends to the store. It ends when building has ended and everything that was
sealed is written.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from devnet.storage import Store
from devnet.threads import OnDeath, start_thread

if TYPE_CHECKING:
    from devnet._engine import SealedBlock, SealedMini

    Sealed = list[SealedMini | SealedBlock]

WAIT_MS = 60_000


class Sealing(Protocol):
    """The engine's end of the log (`devnet._engine.Engine`)."""

    def next_sealed(self, timeout_ms: int, linger_ms: int = 0) -> Sealed | None:
        """What was sealed since the last call; None when nothing will come any more."""

    def durable(self, mini: int, block: int) -> None:
        """Everything up to here is on disk."""

    def halt(self, patience_ms: int | None = None) -> None:
        """Seal what is open and end building; wait so long for all of it to be durable."""


class Publisher(Protocol):
    """Who tells everyone (`roles/fanout.py`)."""

    @property
    def linger_ms(self) -> int:
        """How long mini-blocks without transactions may wait for company."""

    def publish(self, sealed: Sealed, /) -> None:
        """These are on disk."""


class Confirming(Protocol):
    """Who gives what is written to standbys, and says when it may be shown."""

    def confirm(self, sealed: Sealed, /) -> bool:
        """Waits until these, the last that are on this disk, may be shown; false: they never may from here."""

    def end(self, within_s: float, /) -> None:
        """After so long nothing is confirmed any more."""


class EngineEnded(RuntimeError):
    """The engine ended building without being asked to."""


class ChainLog:
    """Of one time of building. Call `start` once after the engine's, and `finish` instead of the engine's `halt`."""

    def __init__(
        self,
        engine: Sealing,
        store: Store,
        publisher: Publisher,
        on_failure: OnDeath,
        confirming: Confirming | None = None,
    ) -> None:
        """`confirming`: None where what is on this disk is good enough."""
        self._engine = engine
        self._confirming = confirming
        self._store = store
        self._publisher = publisher
        self._on_failure = on_failure
        self._finishing = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_shown = True
        """Whether all that was sealed is."""

    def start(self) -> None:
        """Begins to write."""
        self._thread = start_thread(self._run, "chain-log", self._on_failure)

    def finish(self, patience_s: float | None = None) -> bool:
        """Ends building and waits for the last batch; tells whether it is written."""
        self._finishing.set()
        if self._confirming is not None and patience_s is not None:
            self._confirming.end(patience_s)
            self._engine.halt(int(patience_s * 1000))
        else:
            self._engine.halt()
        if self._thread is None:
            return True
        self._thread.join(patience_s)
        return not self._thread.is_alive() and self._is_shown

    def _run(self) -> None:
        self._is_shown = self._may_show([])
        while (sealed := self._next()) is not None:
            # What is built when nothing may be shown any more is nobody's.
            if sealed and self._is_shown:
                self._write(sealed)
        if not self._finishing.is_set():
            raise EngineEnded("the engine stopped sealing")

    def _write(self, sealed: Sealed) -> None:
        tip = self._store.append(sealed)
        self._is_shown = self._may_show(sealed)
        if self._is_shown:
            self._engine.durable(tip.mini, tip.block)
            self._publisher.publish(sealed)

    def _may_show(self, sealed: Sealed) -> bool:
        return self._confirming is None or self._confirming.confirm(sealed)

    def _next(self) -> Sealed | None:
        return self._engine.next_sealed(WAIT_MS, self._publisher.linger_ms)
