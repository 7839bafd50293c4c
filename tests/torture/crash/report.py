"""What was done, what nodes said of it, and what was wrong."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from tests.torture.crash.network import Ending

GOOD, FAULTY, UNKNOWN = 0, 1, 2
"""Exit codes."""
SHOWN: Final = 40
"""Faults that are printed."""
PLACES: Final = (
    (re.compile(r"(/[\w.+-]+)+"), "PATH"),
    (re.compile(r"0x[0-9a-f]+"), "0x…"),
    (re.compile(r"\d+"), "N"),
)


@dataclass
class Report:
    """Of one run."""

    seed: int
    rounds: int = 0
    deed: str = ""
    """Of this round."""
    deeds: Counter[str] = field(default_factory=Counter)
    """How often each was done."""
    ends: Counter[str] = field(default_factory=Counter)
    """How processes came to an end."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Of starts, and last words of processes that gave up: without the names and numbers of the one time."""
    counts: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    """Transactions whose receipt a client was given, and which are not there any more, or are others."""
    faults: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """What can't be done here, and why."""
    is_interrupted: bool = False

    def fault(self, text: str) -> None:
        """Something that must not be."""
        self.faults.append(f"round {self.rounds}, {self.deed}: {text}")

    def lose(self, node: str, tx_hash: str, what: str) -> None:
        """A client was told of this one."""
        self.lost.append(tx_hash)
        self.fault(f"{node}: the receipt of {tx_hash} {what}")

    def ended(self, ending: Ending, *, may_be_unclear: bool = False) -> None:
        """A process came to an end by itself."""
        self.ends["refused or gave up" if ending.is_clear else "broke down"] += 1
        if ending.is_clear:
            self.refusals[plain(ending.words)] += 1
        elif not may_be_unclear:
            self.fault(f"not a clear end: {ending}")

    def killed(self, how: str) -> None:
        """A process was killed."""
        self.ends[how] += 1

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "seed": self.seed,
            "rounds": self.rounds,
            "deeds": dict(sorted(self.deeds.items())),
            "ends": dict(sorted(self.ends.items())),
            "refusals": dict(self.refusals.most_common()),
            **dict(sorted(self.counts.items())),
            "lost": self.lost,
            "faults": self.faults,
            "skipped": self.skipped,
            "interrupted": self.is_interrupted,
        }

    def text(self) -> str:
        """For people."""
        lines = [f"{count:>9,} x {name}" for name, count in sorted(self.deeds.items())]
        lines += ["", "how processes ended", *(f"{n:>9,} x {how}" for how, n in sorted(self.ends.items()))]
        lines += ["", "what they said", *(f"{n:>9,} x {words}" for words, n in self.refusals.most_common())]
        lines += ["", *(f"{count:>9,} {name}" for name, count in sorted(self.counts.items()))]
        lines += [f"not done: {name}: {why}" for name, why in self.skipped.items()]
        lines += ["", *self.faults[:SHOWN]]
        if len(self.faults) > SHOWN:
            lines.append(f"... and {len(self.faults) - SHOWN} more faults")
        lines.append(
            f"seed {self.seed}, rounds {self.rounds}, "
            f"receipts checked {self.counts['receipts checked']:,}, lost {len(self.lost)}, faults {len(self.faults)}"
        )
        return "\n".join(lines)

    def exit_code(self) -> int:
        """Of the program."""
        if self.faults or self.lost:
            return FAULTY
        return UNKNOWN if self.is_interrupted or not self.counts["receipts checked"] else GOOD


def plain(words: str) -> str:
    """Without what differs from one time to the next."""
    for pattern, name in PLACES:
        words = pattern.sub(name, words)
    return words
