"""What was run and what was seen: sums of it are the same kind of thing, in JSON too."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

AGREE, DISAGREE, UNKNOWN = 0, 1, 2
"""Exit codes."""


@dataclass(slots=True)
class Tally:
    """Of some cases."""

    cases: int = 0
    """Run in every way, and compared."""
    statuses: Counter[str] = field(default_factory=Counter)
    """How they ended."""
    stated: int = 0
    """Cases of which a test of Ethereum says whether they are refused, and what they log."""
    as_stated: int = 0
    """Those of which that is true: they are what they should be."""
    gas: int = 0
    """What they used."""
    native_cases: int = 0
    """In which native code was entered."""
    native_runs: int = 0
    """How often."""
    native_gas: int = 0
    """What native code took of the gas."""
    missed_cases: int = 0
    """In which native code left at a block that was not compiled."""
    late_cases: int = 0
    """In which native code took over from the interpreter within a loop, in a run of its own."""
    late_runs: int = 0
    """How often."""
    ahead_cases: int = 0
    """Whose own transaction was executed ahead of its turn, and that held."""
    held: int = 0
    """Transactions executed ahead that held, those beside the case's own too."""
    in_vain: int = 0
    """Transactions executed ahead that had to be executed again."""
    ahead_native_runs: int = 0
    """How often native code was entered when executing ahead."""
    no_block: int = 0
    """Cases that a call can have, and no block."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Cases that were not run, by why."""
    not_compiled: Counter[str] = field(default_factory=Counter)
    """Contracts of cases that stayed interpreted, by why."""
    disagreements: list[dict[str, str]] = field(default_factory=list)
    """Each `case`, `what`, `one` and `other`."""

    def add(self, other: Tally) -> None:
        """Both together."""
        for one in fields(self):
            mine, others = getattr(self, one.name), getattr(other, one.name)
            setattr(self, one.name, mine + others)

    def to_json(self) -> dict[str, Any]:
        """For `json.dumps`."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def of_json(cls, said: dict[str, Any]) -> Tally:
        """What `to_json` gave."""
        counters = {name: Counter(said[name]) for name in ("statuses", "left_out", "not_compiled")}
        return cls(**{**said, **counters})

    def never(self) -> list[str]:
        """Ways that no case took: nothing is known of them."""
        taken = {
            "natively": self.native_runs,
            "ahead of its turn": self.held + self.in_vain,
            "natively ahead of its turn": self.ahead_native_runs,
        }
        return [way for way, cases in taken.items() if not cases]

    def exit_code(self) -> int:
        """What is to be thought of it."""
        if self.disagreements:
            return DISAGREE
        return UNKNOWN if self.never() else AGREE

    def text(self) -> str:
        """For people, without the disagreements themselves."""
        ended = ", ".join(f"{count:,} {status}" for status, count in self.statuses.most_common())
        missed = self.missed_cases
        lines = [
            f"{self.cases:,} cases" + (f": {ended}" if ended else ""),
            f"natively: in {self.native_cases:,} cases, {self.native_runs:,} runs of native code, "
            f"{self.native_gas:,} gas" + (f"; {missed:,} cases met blocks left out" if missed else ""),
            f"natively from within a loop: in {self.late_cases:,} cases, {self.late_runs:,} runs of native code",
            f"ahead of their turn: {self.ahead_cases:,} cases, {self.held:,} executions held, "
            f"{self.in_vain:,} in vain, {self.ahead_native_runs:,} runs of native code",
            f"only alone: {self.no_block:,} cases that no block can have",
        ]
        if self.stated:
            lines.insert(1, f"as Ethereum has it: {self.as_stated:,} of {self.stated:,} refusals and logs")
        for title, counted in (("left out", self.left_out), ("not compiled", self.not_compiled)):
            lines += [f"{title}: {count:,} x {why}" for why, count in counted.most_common()]
        lines += [f"no case was executed {way}: nothing is known of that" for way in self.never()]
        wrong = {one["case"] for one in self.disagreements}
        lines.append(f"disagreements in {len(wrong):,} cases" if wrong else "no disagreement")
        return "\n".join(lines)
