"""What was done to the nodes, and what was wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MAX_FAULTS = 50
"""Of each kind, in full; all of them are counted."""


@dataclass
class Report:
    """Counts by name, and faults: (kind, what was seen)."""

    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    """The longest that an honest client waited for an answer."""

    def fault(self, kind: str, what: str) -> None:
        """Note that something is not as it must be."""
        self.faults[kind] += 1
        if self.faults[kind] <= MAX_FAULTS:
            self.examples.append(f"{kind}: {what[:2_000]}")

    def add(self, other: Report) -> None:
        """Take over what somebody else has seen."""
        self.counts += other.counts
        self.faults += other.faults
        self.examples += other.examples
        self.slowest_s = max(self.slowest_s, other.slowest_s)

    def to_json(self) -> dict[str, object]:
        """The whole, for programs."""
        return {
            "seed": self.seed,
            "counts": dict(sorted(self.counts.items())),
            "faults": dict(sorted(self.faults.items())),
            "examples": self.examples,
            "slowest_honest_answer_s": round(self.slowest_s, 3),
        }

    def to_text(self) -> str:
        """The whole, for people."""
        lines = [f"{count:>10,} {name}" for name, count in sorted(self.counts.items())]
        lines.append(f"honest clients waited {self.slowest_s:.2f} s at most")
        lines += self.examples
        found = sum(self.faults.values())
        lines.append(f"{found} faults; seed {self.seed}" if found else f"no faults; seed {self.seed}")
        return "\n".join(lines)
