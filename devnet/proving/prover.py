"""One prover's work: takes pieces from the workload, fetches what they need, checks, attests or reports.

    announcement --> JobQueue --N workers--> material of a node --> stateless check --ok--> attestation
                                                                        \\--not ok--> fault report, reproduction

It holds no state: each check stands on the parent's state root and a witness. The engine's check releases the GIL, so
that workers use as many cores as there are. `published` and `reported` are called by workers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from devnet.proving import stateless
from devnet.proving.attestation import Attestation
from devnet.proving.checker import UncheckableError
from devnet.proving.claim import Claim
from devnet.proving.code_cache import CodeCache
from devnet.proving.incidents import Incidents
from devnet.proving.job_queue import ANY_HASH, Job, JobQueue, Source
from devnet.proving.kept import KeptFiles
from devnet.proving.material import NodeReader, Unavailable, VerificationInput
from devnet.proving.reports import FaultReport, Reproduction
from devnet.proving.workers import Workers
from devnet.threads import OnDeath
from devnet.timestamps import timestamp

log = logging.getLogger(__name__)

SMOOTHING: Final = 0.1
MAX_GAPS: Final = 64
"""Blocks after the verified height that are looked for at a time."""


@dataclass
class Counts:
    """Since the start."""

    attested: int = 0
    faults: int = 0
    unavailable: int = 0
    given_up: int = 0
    newest: int = 0
    announced: int = 0
    verify_ms: float = 0.0
    """Of a block, lately."""
    newest_ms: float = 0.0
    """From the news of the newest block to the attestation."""
    witness_bytes: float = 0.0
    transactions: int = 0


@dataclass(frozen=True)
class Signer:
    """Who attests."""

    name: str
    key: bytes
    voucher: bytes
    chain_id: int


class Prover:
    """Call `start` once and `stop` once. `offer` may be called from any thread."""

    def __init__(
        self,
        signer: Signer,
        rules: Mapping[str, Any],
        incidents: Incidents,
        reproductions: KeptFiles,
        workers: int,
        published: Callable[[Attestation], None],
        reported: Callable[[FaultReport], None],
        failure: OnDeath,
        spoil: Callable[[VerificationInput], VerificationInput] = lambda material: material,
    ) -> None:
        """`failure`: workers die all the time, and no other takes their place. `spoil`: a fault that is being played,
        what the network makes of what was fetched."""
        self.counts = Counts()
        self.codes = CodeCache()
        self._spoil = spoil
        self._signer = signer
        self._rules = rules
        self._incidents = incidents
        self._reproductions = reproductions
        self._published = published
        self._reported = reported
        self._work = JobQueue()
        self._reader = NodeReader()
        self._since: int | None = None
        self._verified = 0
        self._rollbacks = 0
        """How often the chain was rolled back, as far as announced."""
        self._lock = threading.Lock()
        self._reported_keys: set[tuple[int, bytes, str]] = set()
        self._workers = Workers(
            "prover", workers, self._run, lambda: self.counts.newest, lambda: False, incidents, failure
        )

    def start(self) -> None:
        """Begin to work."""
        self._workers.start()

    def stop(self, patience_s: float) -> None:
        """Finish what is in work, if that is quick."""
        self._work.close()
        self._workers.join(patience_s)

    # --- what there is to do ------------------------------------------------------------------------------

    def offer(
        self, number: int, block_hash: bytes, source: Source, verified: int, rollbacks: int = 0
    ) -> None:
        """A node says that it has this block, and that its verified height is `verified`; -1: it counts nothing yet.
        `rollbacks`: how often the chain was rolled back before."""
        if number < 1:
            return
        with self._lock:
            if rollbacks > self._rollbacks:
                self._rolled_back(rollbacks, number, verified)
            self._verified = max(self._verified, verified)
            self.counts.announced = max(self.counts.announced, number)
            first = verified + 1 if verified >= 0 else number
            if self._since is None or first < self._since:
                self._since = first
        self._work.offer(number, block_hash, source, rollbacks)
        for earlier in range(first, min(number, first + MAX_GAPS)):
            self._work.offer(earlier, ANY_HASH, source, rollbacks)
        self._work.forget_up_to(verified)

    def _rolled_back(self, rollbacks: int, number: int, verified: int) -> None:
        """What stood beyond the newly announced block is gone."""
        self._rollbacks = rollbacks
        self._verified = min(self._verified, max(verified, 0))
        self._since = min(self._since, number) if self._since is not None else None
        self.counts.announced = number
        self.counts.newest = min(self.counts.newest, number - 1)

    def lag_ms(self) -> float:
        """How long the block that waits longest has waited, and no less than what the newest one had to wait."""
        return round(max(self.counts.newest_ms, self._work.longest_wait_s() * 1000), 1)

    def status(self) -> dict[str, Any]:
        """For `/healthz`."""
        counts = self.counts
        return {
            **{name: getattr(counts, name) for name in ("attested", "faults", "unavailable", "given_up")},
            "newest": counts.newest,
            "behind": max(0, counts.announced - counts.newest),
            "waiting": len(self._work),
            "verify_ms": round(counts.verify_ms, 2),
            "witness_bytes": round(counts.witness_bytes),
            "transactions": counts.transactions,
            "code_cache_bytes": self.codes.bytes,
            "workers": len(self._workers),
        }

    # --- a worker -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (piece := self._work.take()) is not None:
            source = self._work.next_source(piece)
            try:
                self._prove(piece, source)
            except Unavailable as reason:
                self.counts.unavailable += 1
                log.debug("block %d: %s", piece.number, reason)
                self._try_later(piece, source, reason)
            except Exception as error:
                log.exception("block %d could not be checked", piece.number)
                self._try_later(piece, source, error)
            except BaseException as error:
                self._try_later(piece, source, error)
                raise

    def _try_later(self, piece: Job, source: Source | None, reason: BaseException) -> None:
        if not self._work.again(piece, source):
            self.counts.given_up += 1
            log.warning("block %d is given up: %r", piece.number, reason)

    def _prove(self, piece: Job, source: Source | None) -> None:
        if source is None:
            raise Unavailable("nobody has it")
        material = self._spoil(self._reader.material(source.http, piece.number))
        if piece.hash not in (ANY_HASH, material.hash):
            if piece.rollbacks < self._rollbacks:
                # It was rolled back; what stands there now is announced by itself.
                self._work.done(piece)
                return
            # Another block than the one that was announced: a piece of its own.
            self._work.offer(material.number, material.hash, source, piece.rollbacks)
            raise Unavailable(f"{source.node} has another block {piece.number}")
        began = time.monotonic()
        codes: list[tuple[bytes, bytes]] = []
        try:
            codes = self._reader.codes(source.http, stateless.code_hashes(material.witness), self.codes)
            report = stateless.check(material, codes, self._rules)
        except UncheckableError as error:
            difference = stateless.Difference("witness", "one that can be read", str(error))
            self._found_wrong(material, codes, source, difference, {"error": str(error)})
            self._work.again(piece, source)
            return
        self._measure(report, time.monotonic() - began)
        if report.difference is not None:
            self._found_wrong(material, codes, source, report.difference, report.raw)
            if report.difference.is_of_the_source:
                self._work.again(piece, source)
            else:
                self._work.done(piece)
                self._look_for_another(piece, material.hash)
            return
        self._work.done(piece)
        self._attest(piece, material.number, report.claim)

    def _look_for_another(self, piece: Job, wrong: bytes) -> None:
        """Some node may have another block of this number by now, which nobody announces a second time."""
        for source in self._work.sources(piece):
            try:
                other = self._reader.block_hash(source.http, piece.number)
            except Unavailable:
                continue
            if other != wrong:
                self._work.offer(piece.number, other, source, piece.rollbacks)

    def _attest(self, piece: Job, number: int, claim: Claim) -> None:
        signer = self._signer
        attestation = Attestation.sign(
            *(signer.key, signer.voucher, signer.chain_id, number, claim),
            min(self._since or number, number),
            signer.name,
            piece.rollbacks,
        )
        self.counts.attested += 1
        if number >= self.counts.newest:
            self.counts.newest, self.counts.newest_ms = number, piece.waited_s * 1000
        self._published(attestation)

    def _measure(self, report: stateless.StatelessReport, seconds: float) -> None:
        counts = self.counts
        weight = SMOOTHING if counts.verify_ms else 1.0
        counts.verify_ms += weight * (seconds * 1000 - counts.verify_ms)
        counts.witness_bytes += weight * (report.witness_bytes - counts.witness_bytes)
        counts.transactions += report.transactions

    # --- what is wrong ------------------------------------------------------------------------------------

    def _found_wrong(
        self,
        material: VerificationInput,
        codes: list[tuple[bytes, bytes]],
        source: Source,
        difference: stateless.Difference,
        raw: Mapping[str, Any],
    ) -> None:
        key = (material.number, material.hash, f"{source.node} {difference.check}")
        with self._lock:
            if key in self._reported_keys:
                return
            self._reported_keys.add(key)
        self.counts.faults += 1
        signer = self._signer
        path = Reproduction(
            self._rules,
            material.block,
            material.parent,
            material.witness,
            tuple(code for _, code in codes),
            material.records,
        ).save(self._reproductions, raw, check=difference.check, block=material.number, source=source.node)
        report = FaultReport(
            material.number,
            material.hash,
            difference.check,
            difference.expected,
            difference.actual,
            source.node,
            signer.name,
            timestamp(),
            str(path),
        ).sign(signer.key, signer.voucher, signer.chain_id)
        self._incidents.record(
            difference.check,
            material.number,
            _in_words(material.number, source.node, difference),
            {"report": report.to_json(), "difference": asdict(difference), "checks": dict(raw)},
            source=source.node,
        )
        self._reported(report)


def _in_words(block: int, node: str, difference: stateless.Difference) -> str:
    if difference.is_of_the_source:
        return f"{node} gave a bad {difference.check} with block {block}: {difference.expected}"
    return (
        f"block {block}, as {node} has it, is wrong: {difference.check} is claimed to be {difference.expected}, "
        f"replay gives {difference.actual}"
    )
