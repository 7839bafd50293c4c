"""Where gas went: frame by frame, and within each by what it was paid for."""

from collections import Counter
from dataclasses import dataclass

from megaeth_cli.traces.frame import Frame
from megaeth_cli.traces.lab import Lab
from megaeth_cli.traces.steps import Steps

INTRINSIC, CALLDATA, DEPOSIT, LEFT = "intrinsic", "calldata", "code deposit", "burnt by the failure"
AUTHORIZATIONS = "authorizations"
_PER_AUTHORIZATION = 25_000
"""EIP-7702, PER_EMPTY_ACCOUNT_COST: what each takes beforehand; some of it comes back as a refund."""
CREATION = "creation and its init code"
REFUND, FLOOR, CODE = "refund", "calldata floor", "execution"


@dataclass(frozen=True)
class Share:
    """What one frame paid for one thing."""

    frame: Frame
    kind: str
    gas: int
    """Negative for what came back."""


@dataclass(frozen=True)
class Crowding:
    """What a frame's writes cost more in a crowded bucket."""

    frame: Frame
    per_step: int
    """Gas for each further multiple of the smallest bucket."""
    multiplier: float
    """That it paid."""


def shares(root: Frame, steps: Steps, lab: Lab) -> list[Share]:
    """All gas of a transaction, the dearest first; frames whose instructions are not known have one share each."""
    before = _before(root, steps, lab)
    found = [Share(root, kind, gas) for kind, gas in before.items()]
    for frame in root.walk():
        found += _own(frame, steps, sum(before.values()) if frame is root else 0)
    return sorted((one for one in found if one.gas), key=lambda one: -one.gas)


def crowding(root: Frame, lab: Lab) -> list[Crowding]:
    """The frames whose storage gas grows with the buckets: the engine executes them again in such."""
    plain, double = lab.under().frame, lab.under(multiplier=2).frame
    if plain is None or double is None:
        return []
    found = []
    for real, one, two in zip(root.walk(), plain.walk(), double.walk(), strict=False):
        if not (real.to == one.to == two.to and len(real.calls) == len(one.calls) == len(two.calls)):
            return []
        per_step = _own_storage(two) - _own_storage(one)
        if per_step > 0:
            paid = 1 + (_own_storage(real) - _own_storage(one)) / per_step
            found.append(Crowding(real, per_step, paid))
    return sorted(found, key=lambda one: -one.per_step)


def _before(root: Frame, steps: Steps, lab: Lab) -> dict[str, int]:
    """What is paid before the first instruction."""
    intrinsic = lab.empty.gas_used if lab.empty is not None else 0
    mine = steps.frames.get(root.number)
    if mine is not None and mine.steps:
        kind = CREATION if root.creates else CALLDATA
        rest = root.gas - mine.steps[0].gas - intrinsic
        delegated = min(_PER_AUTHORIZATION * len(lab.subject.call.get("authorizationList") or ()), rest)
        return {INTRINSIC: intrinsic, AUTHORIZATIONS: delegated, kind: rest - delegated}
    return {INTRINSIC: intrinsic}


def _own(frame: Frame, steps: Steps, paid: int) -> list[Share]:
    """What a frame paid itself, `paid` gas having been paid before."""
    inner = sum(call.gas_used for call in frame.calls)
    mine = steps.frames.get(frame.number)
    rest = frame.gas_used - inner - paid
    if mine is None or not steps.complete:
        return [Share(frame, CODE, rest)]
    spent: Counter[str] = mine.spent()
    found = [Share(frame, kind, gas) for kind, gas in spent.items()]
    rest -= sum(spent.values())
    if rest < 0:
        return [*found, Share(frame, REFUND, rest)]
    kind = DEPOSIT if frame.creates and not frame.failed else LEFT if frame.failed else FLOOR
    return [*found, Share(frame, kind, rest)]


def _own_storage(frame: Frame) -> int:
    return (frame.storage_gas or 0) - sum(call.storage_gas or 0 for call in frame.calls)
