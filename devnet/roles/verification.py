"""A node's opinion of its own blocks: which are verified, by the word of how many provers, and which can't be.

    attestation (gossip, disk, another node's RPC) --> signature, voucher --> Quorum <-- own blocks' claims
                                                                |
         verified height --> engine (safe, finalized), disk     |   contradiction --> incident, `contradicted`

A node computes the claim of one of its blocks only when somebody attests to it; a devnet without provers pays nothing.
Whether there are any is for the supervisor to say: those that a devnet had when it ran before come back only with it.
Everything runs on the event loop but `note`, which the thread that writes the log calls.

Not here: what a node does about a contradiction (`bad_blocks.py`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from devnet._engine import SealedBlock, SealedMini
from devnet.proving.attestation import Attestation, InvalidAttestationError
from devnet.proving.claim import Claim
from devnet.proving.incidents import Incidents
from devnet.proving.prover_liveness import ProverLiveness
from devnet.proving.quorum import Contradiction, DoubleAttestation, Quorum
from devnet.proving.reports import FaultReport, InvalidReportError
from devnet.roles.announcements import NOT_COUNTING
from devnet.rpc.client import NodeClient, NodeSilentError
from devnet.rpc.errors import RpcFault
from devnet.storage import Store
from devnet.sync.chain_rollback import ChainRollback
from devnet.tasks import Tasks
from devnet.threads import OnDeath

log = logging.getLogger(__name__)

SWEEP_S: Final = 1.0
ASK_AFTER_S: Final = 3.0
"""Without progress for so long, attestations that gossip may have missed are asked for."""
ASK_BLOCKS: Final = 500
LATE_BLOCKS, LATE_S = 8.0, 8.0
"""A proof is late after so many blocks' time, and not before so many seconds."""
FRESH_S: Final = 2.0
"""A block that is older when it comes was caught up with: its proofs may have been here before it."""
REMEMBERED: Final = 4_096


class Claiming(Protocol):
    """The engine's end (`devnet._engine.Engine`)."""

    def block_claim(self, number: int) -> bytes | None:
        """What a sealed block claims; None if there is no such block."""

    def set_verified(self, block: int) -> None:
        """All blocks up to this one are verified."""


class Verification:
    """Of one node with a chain."""

    def __init__(
        self,
        engine: Claiming,
        store: Store,
        incidents: Incidents,
        chain_id: int,
        authority: bytes,
        needed: int,
        expects_provers: bool,
        block_time_s: float,
        failure: OnDeath,
        contradicted: Callable[[Contradiction], None],
        reported: Callable[[FaultReport], None],
    ) -> None:
        """`contradicted`: what to do about a quorum that says something else than this node's block. `reported`: what
        to do about a prover's fault report, besides saying so."""
        self._engine = engine
        self._store = store
        self._incidents = incidents
        self._chain_id = chain_id
        self._authority = authority
        kept = store.verified
        # What lies before a snapshot is not here to be compared; a chain of other blocks would not go on from it.
        before = store.first.block if store.first is not None else 0
        self.quorum = Quorum(needed, max(kept or 0, before), counting=expects_provers)
        if kept is not None and not expects_provers:
            log.warning(
                "this devnet had provers, which have verified it up to block %d; it has none now: `safe` and "
                "`finalized` mean the newest sealed block until a prover is added",
                kept,
            )
        self._contradicted = contradicted
        self._reported = reported
        self._loop = asyncio.get_running_loop()
        self._late_s = max(LATE_S, LATE_BLOCKS * block_time_s)
        self._seen_at: OrderedDict[int, float] = OrderedDict()
        """When blocks came here, of those that came in their time."""
        self._newest_us = 0
        self._provers: dict[bytes, ProverLiveness] = {}
        self._kept: dict[int, int] = {}
        """How many blocks each rollback has let stand, of those that were asked for."""
        self._early: deque[bytes] = deque(maxlen=REMEMBERED)
        """Attestations of after rollbacks that this node has not carried out yet."""
        self._faults: OrderedDict[tuple[int, bytes, bytes], None] = OrderedDict()
        self._progress_at = time.monotonic()
        self._elsewhere: NodeClient | None = None
        self._tasks = Tasks(failure)
        self._entered: set[int] = set()

    # --- life ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take up what the disk has."""
        if self.quorum.counting:
            self._engine.set_verified(self.quorum.verified)
            tip = self._store.tip
            newest = tip.block if tip is not None else 0
            for _, data in self._store.attestations(self.quorum.verified + 1, newest):
                self.hear(data, keep=False)
        self._tasks.spawn(self._sweep(), "verification-sweep")

    def ask(self, elsewhere: str) -> None:
        """Where from now on attestations that this node has missed may be known: another node's HTTP, or nowhere."""
        if self._elsewhere is not None:
            self._elsewhere.close()
        self._elsewhere = NodeClient(elsewhere) if elsewhere else None

    def stop(self) -> None:
        """Ends what is in work."""
        for task in self._tasks:
            task.cancel()
        self.ask("")

    @property
    def verified(self) -> int:
        """The verified height. Any thread."""
        return self.quorum.verified

    @property
    def announced(self) -> int:
        """What other nodes are told: the verified height, or that nothing is counted yet. Any thread."""
        return self.quorum.verified if self.quorum.counting else NOT_COUNTING

    def may_be_folded(self) -> int:
        """Up to which block the snapshot may go: what is not verified may have to be given up. Any thread."""
        return self.quorum.verified if self.quorum.counting else 2**63

    # --- what comes ---------------------------------------------------------------------------------------

    def note(self, sealed: Iterable[SealedMini | SealedBlock]) -> None:
        """These are in the log now (the log's thread)."""
        for item in sealed:
            if isinstance(item, SealedMini):
                self._newest_us = item.timestamp_us
            elif not self._loop.is_closed():
                is_fresh = time.time() - self._newest_us / 1e6 < FRESH_S
                self._loop.call_soon_threadsafe(self._block, item.number, is_fresh)

    def _block(self, number: int, is_fresh: bool) -> None:
        if is_fresh:
            self._seen_at[number] = time.monotonic()
        while len(self._seen_at) > REMEMBERED:
            self._seen_at.popitem(last=False)
        if self.quorum.attestations(number):
            self._tasks.spawn(self._enter(number), "own-claim")

    def attestation(self, payload: bytes, from_node: str) -> bool:
        """From gossip; whether it is worth passing on."""
        return self.hear(payload)

    def hear(self, payload: bytes, keep: bool = True) -> bool:
        """An attestation, from wherever."""
        try:
            attestation = Attestation.decode(payload, self._chain_id, self._authority)
        except InvalidAttestationError as error:
            log.warning("not an attestation: %s", error)
            return False
        if not self._stands(attestation):
            if attestation.rollbacks > self._store.rollbacks:
                self._early.append(payload)
            return True
        was_counting = self.quorum.counting
        outcome = self.quorum.attest(attestation)
        tip = self._store.tip
        newest = tip.block if tip is not None else 0
        if keep and attestation.block <= newest + REMEMBERED:
            self._store.attest(attestation.block, attestation.prover, payload)
        if not was_counting:
            log.info("from block %d on, provers are listened to", self.quorum.verified + 1)
            self._advanced(force=True)
        self._provers.setdefault(attestation.prover, ProverLiveness(attestation.since)).attested(attestation)
        self._judge(outcome)
        if self.quorum.verified < attestation.block <= newest:
            self._tasks.spawn(self._enter(attestation.block), "own-claim")
        return True

    def _stands(self, attestation: Attestation) -> bool:
        """Whether it is about this chain's block of that number, not about one that was rolled back, or is yet to
        come."""
        store = self._store
        if not store.first_rollbacks <= attestation.rollbacks <= store.rollbacks:
            return attestation.rollbacks == store.rollbacks
        later = range(attestation.rollbacks + 1, store.rollbacks + 1)
        return all(attestation.block <= self._kept_by(number) for number in later)

    def _kept_by(self, number: int) -> int:
        """How many blocks a rollback has let stand."""
        if number not in self._kept:
            record = self._store.rollback(number)
            self._kept[number] = ChainRollback.decode(record).blocks if record is not None else 0
        return self._kept[number]

    def rewound(self, block: int) -> None:
        """The chain was rolled back to the end of a block: what was said of later ones was said of others."""
        kept = {
            number: self.quorum.attestations(number) for number in range(self.quorum.verified + 1, block + 1)
        }
        counting = self.quorum.counting
        self.quorum = Quorum(self.quorum.needed, min(self.quorum.verified, block), counting=counting)
        self._seen_at = OrderedDict((number, at) for number, at in self._seen_at.items() if number <= block)
        for attestation in (each for attestations in kept.values() for each in attestations):
            self.quorum.attest(attestation)
            self._tasks.spawn(self._enter(attestation.block), "own-claim")
        early = list(self._early)
        self._early.clear()
        for payload in early:
            self.hear(payload)

    def fault(self, payload: bytes, from_node: str) -> bool:
        """A prover's fault report, from gossip; whether it is worth passing on."""
        try:
            report = FaultReport.decode(payload, self._chain_id, self._authority)
        except InvalidReportError as error:
            log.warning("not a fault report: %s", error)
            return False
        key = (report.block, report.block_hash, report.prover)
        if key in self._faults:
            return True
        self._faults[key] = None
        while len(self._faults) > REMEMBERED:
            self._faults.popitem(last=False)
        log.error(
            "FAULT: %s says that block %d (0x%s, from %s) is wrong: %s is %s, it should be %s",
            report.reporter,
            report.block,
            report.block_hash.hex(),
            report.source,
            report.check,
            report.expected,
            report.actual,
        )
        self._reported(report)
        return True

    # --- own blocks ---------------------------------------------------------------------------------------

    async def _enter(self, number: int) -> None:
        if number in self._entered or number <= self.quorum.verified:
            return
        self._entered.add(number)
        quorum = self.quorum
        try:
            claim = await self._loop.run_in_executor(None, self._engine.block_claim, number)
        finally:
            self._entered.discard(number)
        # The chain may have been rolled back meanwhile.
        if claim is not None and quorum is self.quorum:
            self._judge(self.quorum.enter(number, Claim.unpack(claim)))

    def _judge(self, outcome: Contradiction | DoubleAttestation | None) -> None:
        if isinstance(outcome, DoubleAttestation):
            self._incidents.record(
                "double attestation",
                outcome.block,
                f"prover 0x{outcome.first.prover.hex()} has attested to two different things",
                {"first": outcome.first.to_json(), "second": outcome.second.to_json()},
            )
        elif isinstance(outcome, Contradiction):
            self._contradicted(outcome)
        self._advanced()

    def _advanced(self, force: bool = False) -> None:
        verified = self.quorum.verified
        if self.quorum.counting and (force or verified != self._store.verified):
            self._progress_at = time.monotonic()
            self._store.verified = verified
            self._engine.set_verified(verified)

    # --- what does not come -------------------------------------------------------------------------------

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            if not self.quorum.counting:
                continue
            self._look_for_late_proofs()
            tip = self._store.tip
            behind = tip is not None and tip.block > self.quorum.verified
            if behind and time.monotonic() - self._progress_at > ASK_AFTER_S:
                await self._ask_elsewhere()

    async def _ask_elsewhere(self) -> None:
        """Attestations to the next blocks, from a node that keeps them all."""
        self._progress_at = time.monotonic()
        if self._elsewhere is None:
            return
        first = self.quorum.verified + 1
        try:
            answer = await self._elsewhere.call(
                "mega_getAttestations", hex(first), hex(first + ASK_BLOCKS - 1)
            )
        except (NodeSilentError, RpcFault) as error:
            log.debug("no attestations from %s: %s", self._elsewhere.url, error)
            return
        import orjson

        if not isinstance(answer, list):
            log.warning("%s answers with no attestations, but %.80r", self._elsewhere.url, answer)
            return
        for fields in answer:
            self.hear(orjson.dumps(fields))

    def _look_for_late_proofs(self) -> None:
        """Provers that have not attested to a block that has been here for long, each told once per silence."""
        limit = time.monotonic() - self._late_s
        due = [number for number, at in self._seen_at.items() if at < limit]
        if not due:
            return
        for address, prover in self._provers.items():
            missing = prover.newly_late(due)
            if missing is not None:
                waited = time.monotonic() - self._seen_at[missing]
                self._incidents.record(
                    "late proof",
                    missing,
                    f"{prover.name or 'a prover'} (0x{address.hex()}) has not attested to block {missing}, "
                    f"{waited:.1f} s after it came here"
                    + ("; it stays unverified" if missing > self.quorum.verified else ""),
                    {
                        "prover": "0x" + address.hex(),
                        "waited_seconds": round(waited, 3),
                        "verified_height": self.quorum.verified,
                        "newest_attested": prover.newest,
                    },
                    source=prover.name,
                )
        for number in due:
            del self._seen_at[number]
