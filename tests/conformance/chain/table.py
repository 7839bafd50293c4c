"""What came of blocks: one row for each source, chain and hardfork, and what is to be thought of it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

AGREE, DISAGREE, UNKNOWN = 0, 1, 2
"""Exit codes."""


@dataclass(frozen=True)
class Outcome:
    """Of one block."""

    source: str
    """Which kind of recording it came from."""
    name: str
    """The recording."""
    number: int = 0
    chain_id: int = 0
    fork: str = ""
    transactions: int = 0
    """How many were executed."""
    of: int = 0
    """How many the block has; more than were executed where the recording has only the first."""
    difference: str | None = None
    """The first thing that differs."""
    left_out: str | None = None
    """Why it was not executed."""


@dataclass
class Row:
    """Blocks of one source, chain and hardfork."""

    first: int
    last: int
    blocks: int = 0
    parts: int = 0
    """Blocks of which only the first transactions were there."""
    transactions: int = 0
    passed: int = 0


@dataclass
class Table:
    """All of them."""

    rows: dict[tuple[str, int, str], Row] = field(default_factory=dict)
    differing: list[Outcome] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """One more."""
        if outcome.left_out is not None:
            self.left_out[f"{outcome.source}: {outcome.left_out}"] += 1
            return
        key = outcome.source, outcome.chain_id, outcome.fork
        row = self.rows.setdefault(key, Row(outcome.number, outcome.number))
        row.first, row.last = min(row.first, outcome.number), max(row.last, outcome.number)
        row.blocks += 1
        row.parts += outcome.transactions < outcome.of
        row.transactions += outcome.transactions
        if outcome.difference is None:
            row.passed += 1
        else:
            self.differing.append(outcome)

    def exit_code(self) -> int:
        """What is to be thought of it."""
        if self.differing:
            return DISAGREE
        return AGREE if self.rows else UNKNOWN

    def text(self) -> str:
        """For people, as Markdown."""
        lines = [
            "| recording | chain | hardfork | blocks | how many | transactions | passed |",
            "|---|---|---|---|---|---|---|",
        ]
        for (source, chain_id, fork), row in sorted(self.rows.items()):
            cells: Iterable[object] = (
                source,
                chain_id,
                fork,
                f"{row.first:,} to {row.last:,}" if row.first != row.last else f"{row.first:,}",
                f"{row.blocks:,}" + (f", of {row.parts:,} a part" if row.parts else ""),
                f"{row.transactions:,}",
                f"{row.passed:,}",
            )
            lines.append("| " + " | ".join(map(str, cells)) + " |")
        lines += [f"left out: {count:,} x {why}" for why, count in sorted(self.left_out.items())]
        if not self.rows:
            lines.append("no block was executed")
        lines.append(f"{len(self.differing):,} disagreements" if self.differing else "no disagreement")
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "exit_code": self.exit_code(),
            "rows": [
                {"recording": source, "chain": chain_id, "hardfork": fork, **vars(row)}
                for (source, chain_id, fork), row in sorted(self.rows.items())
            ],
            "left_out": dict(self.left_out),
            "differing": [vars(outcome) for outcome in self.differing],
        }
