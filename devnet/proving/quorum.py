"""Decides which blocks are verified: M of N distinct provers, without a gap from where the counting began.

A node enters what its own blocks claim and what provers attest to, in any order and any number of times. The verified
height is the newest block such that it and all blocks before it have a quorum for exactly what this node has. A quorum
for something else is a contradiction: this node's block, or what was made of it, is wrong.

No I/O, no clock, no threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from devnet.proving.attestation import Attestation
from devnet.proving.claim import Claim

MAX_AHEAD = 4_096
"""Attestations for blocks further ahead of the verified height are not kept; they can be asked for again."""
MAX_PROVERS = 256


@dataclass(frozen=True)
class Contradiction:
    """A quorum of provers says something else than this node has."""

    block: int
    own: Claim
    attested: Claim
    attestations: tuple[Attestation, ...]


@dataclass(frozen=True)
class DoubleAttestation:
    """One prover has attested to two different things: its word is worth nothing."""

    block: int
    first: Attestation
    second: Attestation


@dataclass
class _Block:
    own: Claim | None = None
    attestations: dict[bytes, Attestation] = field(default_factory=dict)
    contradicted: bool = False


class Quorum:
    """Of one node. `needed` provers make a block verified."""

    def __init__(self, needed: int, verified: int = 0, counting: bool = True) -> None:
        self.needed = needed
        self.verified = verified
        """Every block up to this one is verified."""
        self.counting = counting
        """False until the first prover is heard of, in a devnet that began without any: what came before is taken
        on trust."""
        self._blocks: dict[int, _Block] = {}

    def enter(self, block: int, claim: Claim) -> Contradiction | None:
        """A block of this node's own."""
        if block <= self.verified and self.counting:
            return None
        self._entry(block).own = claim
        return self._judge(block)

    def attest(self, attestation: Attestation) -> Contradiction | DoubleAttestation | None:
        """A prover's word, its signature checked."""
        if not self.counting:
            self._begin(attestation)
        block = attestation.block
        if not self.verified < block <= self.verified + MAX_AHEAD:
            return None
        known = self._entry(block).attestations
        before = known.get(attestation.prover)
        if before is not None:
            return (
                DoubleAttestation(block, before, attestation) if before.claim != attestation.claim else None
            )
        if len(known) < MAX_PROVERS:
            known[attestation.prover] = attestation
        return self._judge(block)

    def attestations(self, block: int) -> tuple[Attestation, ...]:
        """What is known of a block that is not verified yet."""
        entry = self._blocks.get(block)
        return tuple(entry.attestations.values()) if entry is not None else ()

    def _begin(self, first: Attestation) -> None:
        self.counting = True
        self.verified = max(self.verified, first.since - 1)
        self._forget()

    def _entry(self, block: int) -> _Block:
        return self._blocks.setdefault(block, _Block())

    def _judge(self, block: int) -> Contradiction | None:
        entry = self._blocks[block]
        if entry.own is None or not self.counting:
            return None
        contradiction = None
        if not entry.contradicted:
            contradiction = self._contradiction(block, entry, entry.own)
            entry.contradicted = contradiction is not None
        self._advance()
        return contradiction

    def _contradiction(self, block: int, entry: _Block, own: Claim) -> Contradiction | None:
        others: dict[Claim, list[Attestation]] = {}
        for attestation in entry.attestations.values():
            if attestation.claim != own:
                others.setdefault(attestation.claim, []).append(attestation)
        for claim, attestations in others.items():
            if len(attestations) >= self.needed:
                return Contradiction(block, own, claim, tuple(attestations))
        return None

    def _advance(self) -> None:
        while (entry := self._blocks.get(self.verified + 1)) is not None and self._is_verified(entry):
            self.verified += 1
            del self._blocks[self.verified]

    def _is_verified(self, entry: _Block) -> bool:
        agreeing = sum(1 for each in entry.attestations.values() if each.claim == entry.own)
        return not entry.contradicted and agreeing >= self.needed

    def _forget(self) -> None:
        for block in [block for block in self._blocks if block <= self.verified]:
            del self._blocks[block]
