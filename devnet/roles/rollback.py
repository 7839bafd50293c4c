"""What a full node has given up, kept on disk: its process ends, and the next one carries it out before anything else.

Should its peers have nothing but what was given up, it comes to that again and again: each time it waits longer before
it follows anybody, so that it neither keeps the machine busy nor is left down.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from devnet.files import write_atomically
from devnet.storage import Store
from devnet.storage.database import Tip
from devnet.sync.chain_rollback import ChainRollback, InvalidRollback

log = logging.getLogger(__name__)

FILE: Final = "refused.json"
LONGEST_PAUSE_S: Final = 16.0


@dataclass(frozen=True)
class Rollback:
    """One decision."""

    block: int
    """What was refused."""
    keep: int | None
    """The last block that stays; None: nothing does."""
    evidence: str = ""
    succession: str = ""
    """The record of a succession, in hex, that stands in the log instead of what this node has there."""
    times: int = 1
    """So often in a row."""
    carried_out: bool = False

    @property
    def pause_s(self) -> float:
        """Before somebody is followed again."""
        return 0.0 if self.times < 2 else float(min(2 ** (self.times - 2), LONGEST_PAUSE_S))


class Rollbacks:
    """Of one node, in its directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def refuse(self, block: int, keep: int | None, evidence: str = "") -> None:
        """Decide. The process has to end now."""
        last = self._read()
        times = last.times + 1 if last is not None and last.block == block else 1
        self._write(Rollback(block, keep, evidence, times=times))

    def go_by(self, succession: bytes) -> None:
        """Likewise: another one led from a place on than by this node's log. Where that goes on is for its peers to
        tell."""
        self._write(Rollback(0, None, succession=succession.hex()))

    def carry_out(self, store: Store) -> Rollback | None:
        """Cut the log back, if that was decided; what was decided last."""
        refusal = self._read()
        if refusal is None or refusal.carried_out:
            return refusal
        if refusal.succession:
            give_up_beyond(ChainRollback.decode(bytes.fromhex(refusal.succession)), store)
        elif refusal.keep is None:
            log.warning("gave up what was here: nobody's log reaches back to it")
            store.truncate_all()
        elif store.truncate(refusal.keep):
            log.warning("went back to block %d, the last one that is verified", refusal.keep)
        else:
            # The state on disk is of a later block: only the beginning is left.
            log.warning("went back to the beginning: the state on disk is beyond block %d", refusal.keep)
            store.truncate_all()
        self._write(replace(refusal, carried_out=True))
        return refusal

    def _read(self) -> Rollback | None:
        return Rollback(**json.loads(self._path.read_text())) if self._path.exists() else None

    def _write(self, refusal: Rollback) -> None:
        told = asdict(refusal)
        if not refusal.succession:
            del told["succession"]
        write_atomically(self._path, json.dumps(told))


def give_up_beyond(succession: ChainRollback, store: Store) -> None:
    """Gives up what a node that leads by that record does not have, as far as can be told without asking it: the rest
    is told by its log. Before anything was made of the store."""
    number, tip = succession.number, store.tip or store.origin
    if store.rollbacks >= number and store.rollback(number) == succession.encode():
        return
    end = Tip(succession.minis - 1, succession.blocks)
    if store.rollbacks >= number:
        # This node has led, or followed somebody, at that place in the log: nobody else goes on from that.
        for own in _rollbacks_from(number, store):
            end = Tip(min(end.mini, own.minis - 1), min(end.block, own.blocks))
    elif store.rollbacks < number - 1:
        # Others have led before that one, from places of which nothing is known here.
        end = store.snapshot or store.origin
    if tip.mini <= end.mini and tip.block <= end.block and store.rollbacks < number:
        return
    log.warning("gives up what comes after %s, as another node has led since", tuple(end))
    if not store.give_up(end, min(store.rollbacks, number - 1)):
        store.truncate_all()


def _rollbacks_from(number: int, store: Store) -> list[ChainRollback]:
    found = []
    for each in range(number, store.rollbacks + 1):
        record = store.rollback(each)
        if record is None:
            raise InvalidRollback(f"rollback {each} is missing")
        found.append(ChainRollback.decode(record))
    return found
