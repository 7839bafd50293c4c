"""A stateless validator embedded in a full node: executes the node's blocks when they stand, from witnesses of others.

    new block --> ValidationWindow --N workers--> the node's own block and records, another node's witness
                        ^                                                  |
       validated <------+-------------------ok--------------- stateless check --not ok--> incident, reproduction

Nothing waits for it, and its workers give way to the node's other threads: what it refuses is applied already. A
witness that proves nothing is an incident of who gave it, and asked for elsewhere; a block that is wrong ends the
validation there, and the node goes on. The engine's check releases the GIL, so that workers use as many cores as there
are. `advanced` is called by workers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Protocol

from devnet.proving import stateless
from devnet.proving.checker import UncheckableError
from devnet.proving.incidents import Incidents
from devnet.proving.job_queue import SEQUENCER, Source
from devnet.proving.kept import KeptFiles
from devnet.proving.material import NodeReader, Unavailable, VerificationInput
from devnet.proving.reports import Reproduction
from devnet.proving.stateless import Difference, StatelessReport
from devnet.proving.validation_window import Turn, ValidationWindow
from devnet.proving.workers import Workers
from devnet.threads import OnDeath, give_way

log = logging.getLogger(__name__)

SMOOTHING: Final = 0.1
SPAN_PER_WORKER: Final = 4
"""Blocks that may be begun behind the validated one."""


class OwnBlocks(Protocol):
    """What the node itself has. Any thread."""

    def material(self, number: int) -> VerificationInput | None:
        """A block of its own, without a witness; None if it is not there (any more)."""

    def codes(self, hashes: list[bytes]) -> list[tuple[bytes, bytes]]:
        """(hash, code) of those that it has."""


@dataclass(frozen=True)
class Refusal:
    """The block at which the validation has ended."""

    block: int
    check: str
    evidence: str
    """The incident's file."""


class Validator:
    """Call `start` once and `stop` once. `note` may be called from any thread."""

    def __init__(
        self,
        blocks: OwnBlocks,
        sources: Callable[[], list[Source]],
        rules: Mapping[str, Any],
        validated: int,
        incidents: Incidents,
        reproductions: KeptFiles,
        workers: int,
        advanced: Callable[[int], None],
        failure: OnDeath,
        *,
        by_diffs: bool,
        spoil: Callable[[VerificationInput], VerificationInput] = lambda material: material,
    ) -> None:
        """`sources`: who may have witnesses. `validated`: the block that it begins behind. `advanced`: all up to this
        block is right. `by_diffs`: state roots are left to the node. `spoil`: a fault that is being played."""
        self.window = ValidationWindow(validated, workers * SPAN_PER_WORKER)
        self.refusal: Refusal | None = None
        self._blocks = blocks
        self._sources = sources
        self._rules = rules
        self._incidents = incidents
        self._reproductions = reproductions
        self._workers = Workers(
            "validator",
            workers,
            self._run,
            lambda: self.window.validated,
            lambda: self.window.closed,
            incidents,
            failure,
        )
        self._advanced = advanced
        self._by_diffs = by_diffs
        self._spoil = spoil
        self._reader = NodeReader()
        self._lock = threading.Lock()
        self._checked = 0
        self._verify_ms = 0.0
        self._witness_bytes = 0.0
        self._bad_witnesses: set[tuple[int, str, str]] = set()

    def start(self) -> None:
        """Begin to work."""
        self._workers.start()

    def note(self, block: int) -> None:
        """The node's chain has come to this block."""
        self.window.extend(block)

    def rewind(self, block: int) -> None:
        """The node's chain was taken back to this block."""
        self.window.rewind(block)

    def stop(self, patience_s: float) -> None:
        """Finish what is in work, if that is quick; what is finished later counts for nothing."""
        self.window.close()
        self._workers.join(patience_s)

    def status(self) -> dict[str, Any]:
        """For `/healthz`."""
        validated, refused = self.window.validated, self.window.refused
        return {
            "checked": self._checked,
            "behind": max(0, self.window.newest - validated),
            "verify_ms": round(self._verify_ms, 2),
            "witness_bytes": round(self._witness_bytes),
            "refused": asdict(self.refusal) if refused is not None and self.refusal is not None else None,
        }

    # --- a worker -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        give_way()
        while (turn := self.window.take()) is not None:
            try:
                self._validate(turn)
            except Unavailable as reason:
                log.debug("block %d: %s", turn.number, reason)
                self.window.later(turn)
            except BaseException:
                self.window.later(turn)
                raise

    def _validate(self, turn: Turn) -> None:
        own = self._blocks.material(turn.number)
        if own is None:
            raise Unavailable("it is not here")
        reasons: list[str] = []
        for source in self._in_order(turn.number):
            try:
                material = self._spoil(replace(own, witness=self._reader.witness(source.http, turn.number)))
            except Unavailable as reason:
                reasons.append(str(reason))
                continue
            if self._check(turn, material, source):
                return
            reasons.append(f"{source.node} gave a bad witness")
        raise Unavailable("; ".join(reasons) or "nobody is known who has a witness")

    def _in_order(self, number: int) -> list[Source]:
        """By turns, the sequencer last: it has other work."""
        sources = sorted(self._sources(), key=lambda source: source.node)
        peers = [source for source in sources if source.node != SEQUENCER]
        first = number % len(peers) if peers else 0
        return [*peers[first:], *peers[:first], *(one for one in sources if one.node == SEQUENCER)]

    def _check(self, turn: Turn, material: VerificationInput, source: Source) -> bool:
        """Whether it is settled; if not, another witness may be better."""
        began = time.monotonic()
        codes: list[tuple[bytes, bytes]] = []
        try:
            codes = self._blocks.codes(stateless.code_hashes(material.witness))
            report = stateless.check(material, codes, self._rules, by_diffs=self._by_diffs)
        except UncheckableError as error:
            difference = Difference("witness", "one that can be read", str(error))
            self._bad_witness(turn, material, codes, source, difference, {"error": str(error)})
            return False
        self._measure(report, time.monotonic() - began)
        if report.difference is None:
            if self.window.done(turn):
                self._advanced(self.window.validated)
            return True
        if report.difference.is_of_the_witness:
            self._bad_witness(turn, material, codes, source, report.difference, report.raw)
            return False
        if self.window.refuse(turn):
            self._refuse(material, codes, report.difference, report.raw)
        return True

    def _measure(self, report: StatelessReport, seconds: float) -> None:
        with self._lock:
            self._checked += 1
            weight = SMOOTHING if self._verify_ms else 1.0
            self._verify_ms += weight * (seconds * 1000 - self._verify_ms)
            self._witness_bytes += weight * (report.witness_bytes - self._witness_bytes)

    # --- what is wrong ------------------------------------------------------------------------------------

    def _bad_witness(
        self,
        turn: Turn,
        material: VerificationInput,
        codes: list[tuple[bytes, bytes]],
        source: Source,
        difference: Difference,
        raw: Mapping[str, Any],
    ) -> None:
        if self._is_of_another_block(turn, material, source):
            return
        key = (material.number, source.node, difference.check)
        with self._lock:
            if key in self._bad_witnesses:
                return
            validated = self.window.validated
            self._bad_witnesses = {known for known in self._bad_witnesses if known[0] > validated} | {key}
        what = f"{source.node} gave a bad {difference.check} of block {material.number}: {difference.actual}"
        self._keep(material, codes, difference, raw, what, source.node)

    def _is_of_another_block(self, turn: Turn, material: VerificationInput, source: Source) -> bool:
        """Whether the block was given up here or there by now, so that the witness may be right."""
        try:
            has_another = self._reader.block_hash(source.http, material.number) != material.hash
        except Unavailable:
            has_another = True
        return has_another or not self.window.counts(turn)

    def _refuse(
        self,
        material: VerificationInput,
        codes: list[tuple[bytes, bytes]],
        difference: Difference,
        raw: Mapping[str, Any],
    ) -> None:
        what = (
            f"block {material.number} is wrong: {difference.check} is claimed to be {difference.expected}, "
            f"executing it gives {difference.actual}; nothing behind it is validated"
        )
        evidence = self._keep(material, codes, difference, raw, what, "")
        self.refusal = Refusal(material.number, difference.check, evidence)

    def _keep(
        self,
        material: VerificationInput,
        codes: list[tuple[bytes, bytes]],
        difference: Difference,
        raw: Mapping[str, Any],
        what: str,
        source: str,
    ) -> str:
        """The incident's file."""
        path = Reproduction(
            self._rules,
            material.block,
            material.parent,
            material.witness,
            tuple(code for _, code in codes),
            material.records,
        ).save(
            self._reproductions, raw, check=difference.check, block=material.number, source=source or "self"
        )
        proof = {"reproduction": str(path), "difference": asdict(difference), "checks": dict(raw)}
        return self._incidents.record(difference.check, material.number, what, proof, source=source).evidence
