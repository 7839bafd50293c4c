"""The instructions of a transaction, given to the frames that executed them, with what each frame paid for what.

A trace of instructions and a tree of calls are two answers of a node. They are joined by counting: an instruction that
calls or creates, and does not fail itself, begins the next call of its frame; that call has instructions of its own if
the next one is deeper.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from megaeth_cli.chain import answers
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.traces.frame import Frame

Json = Any

MOST = 400_000
"""Instructions that are asked for: some 25 MB, and some seconds."""

CALLS = frozenset(("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL", "CREATE", "CREATE2"))
_KINDS = {
    "SSTORE": "SSTORE",
    "SLOAD": "SLOAD",
    **{f"LOG{n}": "logs" for n in range(5)},
    "CREATE": "new contracts",
    "CREATE2": "new contracts",
    "SELFDESTRUCT": "SELFDESTRUCT",
    "KECCAK256": "KECCAK256",
    **dict.fromkeys(("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"), "calls"),
}
OTHER = "computation"


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction."""

    pc: int
    op: str
    gas: int
    """What its frame had before it."""
    cost: int
    """What it took, of a call without what the callee did."""


@dataclass(slots=True)
class FrameSteps:
    """What one frame executed itself."""

    steps: list[Step] = field(default_factory=list)

    def spent(self) -> Counter[str]:
        """Gas by kind."""
        found: Counter[str] = Counter()
        for step in self.steps:
            found[_KINDS.get(step.op, OTHER)] += step.cost
        return found


@dataclass(frozen=True)
class Steps:
    """All of a transaction's instructions."""

    frames: dict[int, FrameSteps]
    """By the frame's number; frames without code have none."""
    order: list[tuple[int, int]]
    """Frame and place in its steps, as they ran."""
    complete: bool
    """Whether these are all: long traces are cut."""
    callers: dict[int, Step] = field(default_factory=dict)
    """By a frame's number the instruction that began it; of the outermost, and beyond a cut, there is none."""

    def in_order(self) -> Iterator[tuple[int, Step]]:
        """Each with its frame's number."""
        for number, place in self.order:
            yield number, self.frames[number].steps[place]


def join(root: Frame, answer: Json, most: int = MOST) -> Steps:
    """The instructions in an answer of the struct logger, of which at most so many were asked for."""
    logs = answer.get("structLogs") if isinstance(answer, dict) else None
    if not isinstance(logs, list):
        raise _wrong("no structLogs")
    raw: dict[int, list[tuple[Json, int]]] = {}
    order: list[tuple[int, int]] = []
    callers: dict[int, tuple[int, int]] = {}
    stack, begun = [root], [0]
    for place, body in enumerate(logs):
        if (wrong := answers.instruction(body)) is not None:
            raise _wrong(f"an instruction{wrong if wrong[0] in '.[' else f' {wrong}'}")
        depth = body["depth"]
        del stack[max(depth, 1) :], begun[max(depth, 1) :]
        frame = stack[-1]
        mine = raw.setdefault(frame.number, [])
        order.append((frame.number, len(mine)))
        child = -1
        if body["op"] in CALLS and not body.get("error") and begun[-1] < len(frame.calls):
            inner = frame.calls[begun[-1]]
            child = inner.gas_used
            callers[inner.number] = order[-1]
            begun[-1] += 1
            if place + 1 < len(logs) and logs[place + 1]["depth"] > depth:
                stack.append(inner)
                begun.append(0)
        mine.append((body, child))
    frames = {number: FrameSteps(list(_costed(mine))) for number, mine in raw.items()}
    begins = {number: frames[caller].steps[place] for number, (caller, place) in callers.items()}
    return Steps(frames, order, len(logs) < most, begins)


def _costed(mine: list[tuple[Json, int]]) -> Iterator[Step]:
    """With what each cost: of a call what its frame has less afterwards, but for what the callee used."""
    for place, (body, child) in enumerate(mine):
        gas, cost = body["gas"], body["gasCost"]
        if child >= 0:
            after = mine[place + 1][0]["gas"] if place + 1 < len(mine) else None
            cost = max(gas - after - child, 0) if after is not None else 0
        yield Step(body["pc"], body["op"], gas, cost)


def _wrong(why: str) -> CliError:
    return CliError(
        "the node tells instructions in a form that they cannot have",
        why,
        "check --rpc-url, or ask another node",
        ExitStatus.RPC,
    )
