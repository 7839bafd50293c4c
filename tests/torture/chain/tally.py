"""What was sent, what got in, how it ended, and what was wrong with it. Sums and texts; no network."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from tests.torture.chain.world import REFUSED, REVERT, SUCCESS, Sending

GOOD, FAULTY, UNKNOWN = 0, 1, 2
"""Exit codes."""
SHOWN: Final = 40
"""Faults that are printed."""


@dataclass
class Count:
    """Of one kind."""

    sent: int = 0
    included: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    """How they ended: success, revert, the name of a halt, refused."""
    blocks: Counter[int] = field(default_factory=Counter)
    """In which block how many of them are."""


class Tally:
    """Of all kinds."""

    def __init__(self, names: list[str]) -> None:
        self.kinds = {name: Count() for name in names}
        self.faults: list[str] = []
        self.interrupted = False
        """By somebody: what was in work has come to nothing."""
        self.facts: dict[str, Any] = {}
        """What else there is to say, in the order of the summary."""

    def sent(self, sending: Sending) -> None:
        self.kinds[sending.kind].sent += 1

    def fault(self, text: str) -> None:
        """Something that must not be."""
        self.faults.append(text)

    def refused(self, sending: Sending, message: str) -> None:
        """At the door."""
        self.kinds[sending.kind].endings[REFUSED] += 1
        if sending.expected != REFUSED:
            self.fault(f"{sending.kind}: {sending.hash} was refused: {message}")

    def included(self, sending: Sending, receipt: dict[str, Any]) -> None:
        """It is in a block."""
        count = self.kinds[sending.kind]
        ending = ending_of(receipt)
        count.included += 1
        count.endings[ending] += 1
        count.blocks[int(receipt["blockNumber"], 16)] += 1
        name = f"{sending.kind}: {receipt['transactionHash']} in block {int(receipt['blockNumber'], 16)}"
        if not ending.startswith(sending.expected):
            self.fault(f"{name} ended with {ending}, not {sending.expected}")
        told = receipt["mega"].get("output", "") + "".join(log["data"] for log in receipt["logs"])
        for part in sending.sees:
            if part.hex() not in told:
                self.fault(f"{name} does not show 0x{part.hex()}")

    def kinds_of(self, block: int) -> dict[str, int]:
        """The kinds of transaction in a block, and how many of each."""
        return {name: count.blocks[block] for name, count in self.kinds.items() if block in count.blocks}

    def never_sent(self) -> list[str]:
        """Kinds of which nothing is known."""
        return [name for name, count in self.kinds.items() if not count.sent]

    def lost(self) -> list[str]:
        """Kinds of which something was sent, and nothing has come of it."""
        return [name for name, count in self.kinds.items() if count.sent and not count.endings]

    def endings(self) -> Counter[str]:
        """How transactions ended, of all kinds."""
        return sum((count.endings for count in self.kinds.values()), Counter())

    def _blocks(self) -> set[int]:
        return {block for count in self.kinds.values() for block in count.blocks}

    def exit_code(self) -> int:
        """What is to be thought of it."""
        if self.faults or (self.lost() and not self.interrupted):
            return FAULTY
        return UNKNOWN if self.never_sent() or self.interrupted else GOOD

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "exit_code": self.exit_code(),
            **self.facts,
            "endings": dict(self.endings()),
            "faults": self.faults,
            "never_sent": self.never_sent(),
            "lost": self.lost(),
            "kinds": {
                name: {
                    "sent": count.sent,
                    "included": count.included,
                    "blocks": len(count.blocks),
                    "endings": dict(count.endings),
                }
                for name, count in self.kinds.items()
            },
            "contents": {block: self.kinds_of(block) for block in sorted(self._blocks())},
        }

    def text(self) -> str:
        """For people."""
        lines = [f"{name}: {_told(value)}" for name, value in self.facts.items()]
        ended = ", ".join(f"{number:,} {ending}" for ending, number in self.endings().most_common())
        lines += [f"ended: {ended}", ""]
        width = max(len(name) for name in self.kinds)
        lines.append(f"{'kind':{width}}  {'sent':>6} {'in':>6} {'blocks':>6}  how they ended")
        for name, count in self.kinds.items():
            endings = ", ".join(f"{number} {ending}" for ending, number in count.endings.most_common())
            row = f"{name:{width}}  {count.sent:6,} {count.included:6,} {len(count.blocks):6,}  {endings}"
            lines.append(row.rstrip())
        lines.append("")
        lines += [f"never sent: {name}" for name in self.never_sent()]
        lines += [f"lost: {name}" for name in self.lost()]
        lines += [f"fault: {fault}" for fault in self.faults[:SHOWN]]
        if len(self.faults) > SHOWN:
            lines.append(f"and {len(self.faults) - SHOWN} more faults")
        lines.append(
            {
                GOOD: "everything holds",
                FAULTY: f"{len(self.faults) + len(self.lost())} faults",
                UNKNOWN: "interrupted"
                if self.interrupted
                else "nothing is wrong, but not every kind was tried",
            }[self.exit_code()]
        )
        return "\n".join(lines)


def ending_of(receipt: dict[str, Any]) -> str:
    """How a transaction ended."""
    if receipt["status"] == "0x1":
        return SUCCESS
    halt = receipt["mega"]["haltReason"]
    return str(halt["kind"]) if halt is not None else REVERT


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(one)}" for name, one in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
