"""At which line a transaction failed: where its last instruction stands, or where most gas went if it ran too long."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from megaeth_cli.bytecode.source_map import Line
from megaeth_cli.inspect import reasons
from megaeth_cli.traces.frame import OUT_OF_GAS, REVERTED, Frame
from megaeth_cli.traces.lab import Lab
from megaeth_cli.traces.positions import Positions
from megaeth_cli.traces.steps import MOST, Steps, join


@dataclass(frozen=True)
class Place:
    """A line of the frame at fault."""

    line: Line | None
    """None where it is not known."""
    is_hottest: bool = False
    """Whether that is only where most of the gas went."""
    is_callers: bool = False
    """Whether that is where it was called from, as it has no lines of its own."""


NOWHERE = Place(None)


def fault_place(path: Sequence[Frame], steps: Steps, positions: Positions, lab: Lab) -> Place:
    """Where the last of these frames failed, each of which called the next.

    Of a long execution the frame alone is executed again. Its end is told where it gave up by itself: what took most
    gas says why gas or a limit ran out, and of everything else nothing.
    """
    frame = path[-1]
    if not positions.knows(frame):
        return called_at(path, steps, positions)
    if steps.complete:
        return Place(positions.end_of(frame, steps))
    intrinsic = lab.empty.gas_used if lab.empty is not None and len(path) > 1 else 0
    if not _ran_out(path):
        return Place(_end_alone(frame, positions, lab, intrinsic))
    gas: Counter[Line] = Counter()
    for pc, _, spent in lab.profile(frame, intrinsic):
        if (line := positions.statement(frame, pc)) is not None:
            gas[line] += spent
    return Place(gas.most_common(1)[0][0], is_hottest=True) if gas else NOWHERE


def called_at(path: Sequence[Frame], steps: Steps, positions: Positions) -> Place:
    """The innermost line known from which the last of these frames was called, each of which called the next."""
    for caller, frame in reversed(list(pairwise(path))):
        begun = steps.callers.get(frame.number)
        if begun is not None and (line := positions.statement(caller, begun.pc)) is not None:
            return Place(line, is_callers=True)
    return NOWHERE


def _ran_out(path: Sequence[Frame]) -> bool:
    """Whether gas or a limit of MegaETH's ran out."""
    root, frame = path[0], path[-1]
    if frame.error == REVERTED:
        return frame.output[:4] == reasons.LIMIT_EXCEEDED.selector
    halt = (root.mega or {}).get("haltReason")
    return frame.error == OUT_OF_GAS or (isinstance(halt, dict) and "limit" in halt)


def _end_alone(frame: Frame, positions: Positions, lab: Lab, intrinsic: int) -> Line | None:
    """Where a frame ends that is called by itself, if it ends alike."""
    if intrinsic and (answer := lab.steps(frame, intrinsic, MOST)) is not None:
        steps = join(frame, answer)
        if steps.complete:
            return positions.end_of(frame, steps)
    counts = {pc: times for pc, times, _ in lab.profile(frame, intrinsic)}
    return positions.end_by_counts(frame, counts)
