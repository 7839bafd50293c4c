"""Calls that used up their share of a limit, and whose callers went on all the same: nothing else tells of them."""

from dataclasses import dataclass
from fractions import Fraction

from megaeth_cli.chain.allowance import Allowance
from megaeth_cli.inspect.reasons import MEMBERS
from megaeth_cli.traces.detention import READS
from megaeth_cli.traces.frame import REVERTED, Frame
from megaeth_cli.traces.steps import Steps

_COMPUTE = MEMBERS.index("computeGas")


@dataclass(frozen=True)
class Caught:
    """One of them."""

    frame: Frame
    caller: Frame
    compute_gas: int | None
    """That it had used, if that was its limit; None where it was another."""


def caught_cuts(root: Frame, steps: Steps, allowance: Allowance) -> list[Caught]:
    """Those that no caller passed on. A trace says only that they reverted, without data: of a short one because no
    REVERT ran; of a long one if it computed as much as a call may."""
    if allowance.call_share is None:
        return []
    share = Fraction(*allowance.call_share)
    most = {root.number: Fraction(allowance.limits[_COMPUTE] or 0)}
    found = []
    for caller in root.walk():
        whole = most[caller.number]
        for frame in caller.calls:
            most[frame.number] = share * whole
            if frame.error != REVERTED or frame.output or (frame.calls and frame.calls[-1].failed):
                continue
            used = frame.compute_gas or 0
            besides = (caller.compute_gas or 0) - used
            computed = bool(whole) and used >= max(share * (whole - besides), whole / 2)
            if _was_cut(frame, steps) if steps.complete else computed:
                found.append(Caught(frame, caller, used if computed else None))
    return found


def _was_cut(frame: Frame, steps: Steps) -> bool:
    mine = steps.frames.get(frame.number)
    return mine is not None and mine.steps[-1].op != "REVERT" and mine.steps[-1].op not in READS
