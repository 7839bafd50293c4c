"""What the code of a new contract would have cost that could not be paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from megaeth_cli.chain.own_engine import MAX_GAS
from megaeth_cli.traces.frame import OUT_OF_GAS, Frame
from megaeth_cli.traces.lab import Lab
from megaeth_cli.traces.steps import Steps


@dataclass(frozen=True)
class Deposit:
    """Of a creation whose constructor came to its end."""

    code_bytes: int
    gas: int
    """That keeping them costs."""
    left: int
    """That was there for it."""

    @property
    def text(self) -> str:
        """As a part of a sentence."""
        per_byte = f"{round(self.gas / self.code_bytes):,} a byte"
        return f"its code of {self.code_bytes:,} bytes takes {self.gas:,} gas ({per_byte}), and {self.left:,} were left"


def unpaid_deposit(path: Sequence[Frame], steps: Steps, lab: Lab) -> Deposit | None:
    """Of the last of these frames, each of which called the next; None where it failed for something else.

    How much code it returns, and at which price, is what comes of it with gas in plenty.
    """
    frame = path[-1]
    mine = steps.frames.get(frame.number)
    if not frame.creates or OUT_OF_GAS not in frame.error or mine is None or mine.steps[-1].op != "RETURN":
        return None
    left = mine.steps[-1].gas - mine.steps[-1].cost
    kept = lab.under(gas=hex(MAX_GAS)).frame
    for caller, called in pairwise(path):
        place = caller.calls.index(called)
        kept = kept.calls[place] if kept is not None and place < len(kept.calls) else None
    if kept is None or kept.failed or not kept.output:
        return None
    return Deposit(len(kept.output), kept.gas_used - (frame.gas - left), left)
