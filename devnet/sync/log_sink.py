"""Where received entries go: the seam between the network and the chain.

`LogSink` is what the follower asks for; `EngineSink` is the real one: the engine checks and applies, the store
keeps, and only then is anything shown or passed on.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING, Final, Protocol

from devnet.storage.store import Store
from devnet.sync.chain_rollback import ChainRollback, InvalidRollback
from devnet.sync.log_offset import EntryKind, LogEntry, LogOffset

if TYPE_CHECKING:
    from devnet._engine import BadData, SealedBlock, SealedMini

    Sealed = list[SealedMini | SealedBlock]

CONTRADICTION: Final = "equivocation"


class Refused(Exception):
    """An entry is not what the chain's rules make it; nothing of it was applied."""

    def __init__(self, kind: str, reason: str, entry: LogEntry, other: bytes | None = None) -> None:
        super().__init__(f"{entry.kind.name.lower()} {entry.number}: {reason} ({kind})")
        self.kind = kind
        """The engine's word for what is wrong: "order", "signature", "seal", "roots", "diff", ..."""
        self.reason = reason
        self.entry = entry
        self.other = other
        """The record that it contradicts, if that is what is wrong."""


class LogSink(Protocol):
    """Takes the log. All calls come from one thread."""

    def position(self) -> LogOffset:
        """Everything up to here is applied and durable."""

    def apply(self, entries: list[LogEntry]) -> None:
        """Checks and applies entries that continue the log; when this returns they are durable.

        Raises `Refused` for the first one that is wrong, when those before it are applied and durable.
        """

    def recheck(self, entry: LogEntry) -> None:
        """An entry that is applied already came again. Raises `Refused` when its content is another."""


class ApplyingEngine(Protocol):
    """The engine's end, after `follow()` (`devnet._engine.Engine`)."""

    def apply(self, records: list[tuple[bytes, bool]]) -> list[SealedMini | SealedBlock | None]:
        """Checks and applies what comes next in the log, each a mini-block or (True) a block; None: it is applied
        already. Raises `BadData` for the first that is wrong, whose `applied` is of those before it."""

    def durable(self, mini: int, block: int) -> None:
        """Everything up to here is on disk."""


class EngineSink:
    """Engine and store of a full node. `bad_data` is the engine's exception class."""

    def __init__(
        self,
        engine: ApplyingEngine,
        store: Store,
        publish: Callable[[Sealed], object],
        bad_data: type[BadData],
        roll_back: Callable[[ChainRollback], None] | None = None,
    ) -> None:
        """`roll_back`: carries a rollback out, in engine and store. Raises `InvalidRollback`, with nothing changed."""
        self._roll_back = roll_back
        self._engine = engine
        self._store = store
        self._publish = publish
        self._bad_data = bad_data

    def position(self) -> LogOffset:
        """Where the store's log ends."""
        return LogOffset.of(self._store.tip or self._store.origin, self._store.rollbacks)

    def apply(self, entries: list[LogEntry]) -> None:
        """Applies in the engine, writes in one batch, shows; what a rollback stands between in several."""
        for is_rollback, run in groupby(entries, lambda entry: entry.kind is EntryKind.ROLLBACK):
            if not is_rollback:
                self._apply(list(run))
                continue
            for entry in run:
                self._go_back(entry)

    def _go_back(self, entry: LogEntry) -> None:
        if self._roll_back is None:
            raise Refused("order", "nothing is rolled back here", entry)
        try:
            self._roll_back(ChainRollback.decode(entry.record))
        except InvalidRollback as error:
            raise Refused("signature", str(error), entry) from None

    def _apply(self, entries: list[LogEntry]) -> None:
        refused: Refused | None = None
        try:
            taken = self._take(entries)
        except self._bad_data as error:
            taken = error.applied
            refused = self._refusal(entries[len(taken)], error)
        applied = [sealed for sealed in taken if sealed is not None]
        if applied:
            tip = self._store.append(applied)
            self._engine.durable(tip.mini, tip.block)
            self._publish(applied)
        if refused is not None:
            raise refused

    def _take(self, entries: list[LogEntry]) -> list[SealedMini | SealedBlock | None]:
        return self._engine.apply([(entry.record, entry.kind is EntryKind.BLOCK) for entry in entries])

    def recheck(self, entry: LogEntry) -> None:
        """Compares with what is on disk; the engine says what another content means."""
        if entry.kind is not EntryKind.ROLLBACK and entry.after.rollbacks != self._store.rollbacks:
            return  # what stands at its place now is of another time
        known = self._known(entry)
        if known is None or known == entry.record:
            return
        try:
            if entry.kind is not EntryKind.ROLLBACK:
                self._take([entry])
        except self._bad_data as error:
            raise self._refusal(entry, error, known) from None
        raise Refused("order", "it is not what stands at its place", entry, known)

    def _known(self, entry: LogEntry) -> bytes | None:
        if entry.kind is EntryKind.ROLLBACK:
            return self._store.rollback(entry.number)
        if entry.kind is EntryKind.MINI:
            return self._store.mini(entry.number)
        block = self._store.block(entry.number)
        return block[1] if block else None

    @staticmethod
    def _refusal(entry: LogEntry, error: BadData, other: bytes | None = None) -> Refused:
        return Refused(error.kind, error.reason, entry, other if error.kind == CONTRADICTION else None)
