"""What a following node does about what is wrong: with what a peer gives it, or with what it has taken already.

    refused by the engine                  evidence, and the peer is left alone (`sync/follower.py`)
    contradicted by provers, or by the     evidence; the log is cut back to the last block that stands, and the node
    next block even when asked for again   begins anew from there (`rollback.py`)
    nobody's log reaches back to here      the node begins anew, with a snapshot
    another one has led since then         the log is cut back to there, and the node begins anew

Everything runs on the event loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from devnet.proving.incidents import Incidents
from devnet.proving.quorum import Contradiction
from devnet.roles.process import Failure
from devnet.roles.rollback import Rollback, Rollbacks
from devnet.storage import Store
from devnet.sync import EntryKind, LogOffset, Refused

SAME_REFUSAL_S: Final = 30.0
"""The same refusal is kept as evidence no more often than this."""
CONTRADICTING: Final = frozenset({"roots", "header", "order", "parent"})
"""What is wrong with a block whose record and mini-blocks do not go together; it may be either."""


class BadBlocks:
    """Of one node with a chain."""

    def __init__(
        self,
        store: Store,
        incidents: Incidents,
        rollbacks: Rollbacks,
        given_up: Rollback | None,
        reexecutes: bool,
        failure: Failure,
        supersedes: Callable[[bytes, bytes], bool] = lambda theirs, ours: False,
    ) -> None:
        """`given_up`: what was given up last, before this process began. `supersedes`: whether a peer's record of a
        succession is what counts, and not this node's of the same number."""
        self._store = store
        self._incidents = incidents
        self._given_up = rollbacks
        self._given_up_before = given_up
        self._reexecutes = reexecutes
        self._supersedes = supersedes
        self._failure = failure
        self._refused: tuple[int, str] | None = None
        """The place in the log of what was refused last, and what it was."""
        self._refusals: dict[tuple[str, int], float] = {}
        self._contradicting = 0
        """The block that was refused last for contradicting what was taken before it."""

    def refused(self, refused: Refused, node: str) -> None:
        """A peer gave something that the engine does not take."""
        entry = refused.entry
        if (
            entry.kind is EntryKind.ROLLBACK
            and refused.other is not None
            and self._supersedes(entry.record, refused.other)
        ):
            self._given_up.go_by(entry.record)
            self._failure.start_again()
            return
        self._refused = (entry.after.sequence, f"{refused} from {node}")
        if self._contradicts_again(refused):
            self._give_up_open_block(refused, node)
            return
        key = (refused.kind, entry.after.sequence)
        now = time.monotonic()
        if now - self._refusals.get(key, -SAME_REFUSAL_S) < SAME_REFUSAL_S:
            return
        self._refusals = {known: at for known, at in self._refusals.items() if now - at < SAME_REFUSAL_S}
        self._refusals[key] = now
        self.record(refused, node)

    def record(self, refused: Refused, node: str) -> None:
        """Keep what is wrong as evidence."""
        entry = refused.entry
        evidence = {
            "entry": entry.kind.name.lower(),
            "number": entry.number,
            "record": "0x" + entry.record.hex(),
            "other_record": "0x" + refused.other.hex() if refused.other is not None else None,
            "reason": refused.reason,
        }
        block = entry.after.blocks + (entry.kind is EntryKind.MINI)
        self._incidents.record(refused.kind, block, f"refused {refused} from {node}", evidence, source=node)

    def _contradicts_again(self, refused: Refused) -> bool:
        """Whether a block is no better when asked for again: then something that was taken before it is wrong."""
        number = refused.entry.number
        if refused.entry.kind is not EntryKind.BLOCK or refused.kind not in CONTRADICTING:
            return False
        again, self._contradicting = self._contradicting == number, number
        # Mini-blocks that were executed are right.
        is_proven = self._reexecutes and refused.kind != "parent"
        return again and not is_proven

    def _give_up_open_block(self, refused: Refused, node: str) -> None:
        """Takes the open block's mini-blocks anew."""
        number = refused.entry.number
        # Another parent than ours: ours is what is wrong.
        keep = max(number - (2 if refused.kind == "parent" else 1), 0)
        incident = self._incidents.record(
            refused.kind,
            number,
            f"refused block {number}, which contradicts what came before it: {refused.reason}",
            {
                "reason": refused.reason,
                "block_record": "0x" + refused.entry.record.hex(),
                "mini_block_records": self._minis_after(keep),
            },
            source=node,
        )
        self._given_up.refuse(number, keep, incident.evidence)
        self._failure.start_again()

    def _minis_after(self, block: int) -> list[str]:
        """The records of the mini-blocks that were taken after a block."""
        before, tip = self._store.block(block), self._store.tip
        first = before[0] + 1 if before is not None else 0
        records = self._store.minis(first, tip.mini) if tip is not None else ()
        return ["0x" + record.hex() for _, record in records]

    def contradicted(self, contradiction: Contradiction, verified: int, source: str) -> None:
        """A quorum of provers says something else than this node has: give the block up, and begin anew behind the last
        verified one. `source`: whom the node follows."""
        number, own, attested = contradiction.block, contradiction.own, contradiction.attested
        differing = ", ".join(own.differences(attested))
        several = len(contradiction.attestations) > 1
        what = (
            f"refused block {number}: {len(contradiction.attestations)} prover{'s attest' if several else ' attests'} "
            f"to another {differing} than this node was given"
        )
        block = self._store.block(number)
        before = self._store.block(number - 1) if number > 1 else None
        first = before[0] + 1 if before is not None else 0
        records = list(self._store.minis(first, block[0])) if block is not None else []
        incident = self._incidents.record(
            "contradiction",
            number,
            what,
            {
                "own": own.to_json(),
                "attested": attested.to_json(),
                "attestations": [attestation.to_json() for attestation in contradiction.attestations],
                "block_record": "0x" + block[1].hex() if block is not None else None,
                "mini_block_records": ["0x" + record.hex() for _, record in records],
            },
            source=source,
        )
        self._given_up.refuse(number, verified, incident.evidence)
        self._failure.start_again()

    def stranded(self) -> None:
        """Nobody's log reaches back to where this node stands."""
        tip = self._store.tip
        self._given_up.refuse(tip.block if tip is not None else 0, None)
        self._failure.start_again()

    def told(self, position: LogOffset) -> dict[str, Any]:
        """For `/healthz`: what the node, which stands there, does not get past."""
        if self._refused is not None and position.sequence < self._refused[0]:
            return {"refused": self._refused[1]}
        before = self._given_up_before
        if before is not None and position.blocks < before.block:
            return {
                "refused": f"block {before.block}, which was given up {before.times} times "
                f"(evidence: {before.evidence})"
            }
        return {}
