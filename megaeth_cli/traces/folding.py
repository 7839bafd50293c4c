"""Which frames of a tree are shown, so that a tree of any size can be read."""

from collections.abc import Callable
from dataclasses import dataclass

from megaeth_cli.traces.frame import Frame

MOST_ROWS = 300
"""Frames that are shown of a tree, if nobody asks for more."""
RUN = 3
"""Of so many calls of the same function in a row, and more, the first is shown."""
MOST_SIBLINGS = 200
"""Rows that one call's own calls have."""
_LAST = 10
"""Of those the last, as they may say how it ended."""
_KINDS = 8
"""Calls of so many functions in turn are alike, too."""
_FEW = 12
"""Rows that are no more than what may be read as it is."""


@dataclass(frozen=True)
class Shown:
    """A frame that is shown, or frames that are counted in its place."""

    frame: Frame | None
    folded: tuple[Frame, ...] = ()
    """Siblings like the frame before them, or all frames within one that lies too deep."""
    within: int = 0
    """How many frames stand for those that are folded, with all within them."""


@dataclass(frozen=True)
class Folding:
    """What is shown of each frame's calls."""

    depth: int | None
    wanted: frozenset[int] | None
    """Numbers of the frames that are wanted, with those that lead to them; None: all."""
    runs: bool

    def of(self, frame: Frame) -> list[Shown]:
        """The calls of a frame, as they are shown."""
        calls = [one for one in frame.calls if self.wanted is None or one.number in self.wanted]
        if not calls:
            return []
        if self.depth is not None and frame.depth >= self.depth:
            return [Shown(None, tuple(calls), _size(calls))]
        if not self.runs:
            return [Shown(one) for one in calls]
        return _bounded([row for part in _parts(calls) for row in _folded(part)])


def fold(root: Frame, depth: int | None, matches: Callable[[Frame], bool] | None, *, all_: bool) -> Folding:
    """How a tree is shown: to a depth, what matches alone, and otherwise as deep as there is room for."""
    wanted = _leading_to(root, matches) if matches is not None else None
    if all_ or depth is not None:
        return Folding(depth, wanted, not all_)
    folding = Folding(None, wanted, runs=True)
    if _rows(root, folding) <= MOST_ROWS:
        return folding
    deepest = max(frame.depth for frame in root.walk())
    for depth_ in range(deepest - 1, 1, -1):
        folding = Folding(depth_, wanted, runs=True)
        if _rows(root, folding) <= MOST_ROWS:
            return folding
    return Folding(2, wanted, runs=True)


def _leading_to(root: Frame, matches: Callable[[Frame], bool]) -> frozenset[int]:
    wanted: set[int] = set()
    path: list[Frame] = []
    for frame in root.walk():
        del path[frame.depth - 1 :]
        path.append(frame)
        if matches(frame):
            wanted.update(one.number for one in path)
    return frozenset(wanted)


def _rows(root: Frame, folding: Folding) -> int:
    waiting, count = [root], 0
    while waiting and count <= MOST_ROWS:
        shown = folding.of(waiting.pop())
        count += len(shown)
        waiting += [one.frame for one in shown if one.frame is not None]
    return count


def _parts(calls: list[Frame]) -> list[list[Frame]]:
    """The calls, cut so that each part has a few functions only."""
    parts: list[list[Frame]] = []
    kinds: set[object] = set()
    for call in calls:
        key = _key(call)
        if not parts or (key not in kinds and len(kinds) == _KINDS):
            parts.append([])
            kinds = set()
        kinds.add(key)
        parts[-1].append(call)
    return parts


def _folded(calls: list[Frame]) -> list[Shown]:
    """Those in a row that are alike are folded; where that leaves many rows, all but the first of each function."""
    shown: list[Shown] = []
    for run in _runs(calls):
        shown.append(Shown(run[0]))
        if len(run) >= RUN:
            shown.append(_fold(run[1:]))
        else:
            shown += [Shown(one) for one in run[1:]]
    return shown if len(shown) <= _FEW else _first_of_each(calls)


def _first_of_each(calls: list[Frame]) -> list[Shown]:
    shown: list[Shown] = []
    seen: set[object] = set()
    others: list[Frame] = []
    for call in calls:
        if (key := _key(call)) in seen:
            others.append(call)
            continue
        shown += [_fold(others)] if others else []
        shown.append(Shown(call))
        seen.add(key)
        others = []
    return [*shown, _fold(others)] if others else shown


def _bounded(shown: list[Shown]) -> list[Shown]:
    """The first rows and the last ones."""
    if len(shown) <= MOST_SIBLINGS:
        return shown
    first = MOST_SIBLINGS - _LAST - 1
    left_out = [frame for one in shown[first:-_LAST] for frame in ((one.frame,) if one.frame else one.folded)]
    return [*shown[:first], _fold([frame for frame in left_out if frame is not None]), *shown[-_LAST:]]


def _fold(calls: list[Frame]) -> Shown:
    return Shown(None, tuple(calls), _size(calls))


def _runs(calls: list[Frame]) -> list[list[Frame]]:
    runs: list[list[Frame]] = []
    for call in calls:
        if runs and _key(runs[-1][0]) == _key(call):
            runs[-1].append(call)
        else:
            runs.append([call])
    return runs


def _key(frame: Frame) -> tuple[str, bytes | None, bytes, str, int]:
    """Calls of the same function that end alike, and log as much, are alike."""
    return frame.kind, frame.to, frame.input[:4], frame.error, len(frame.logs)


def _size(frames: list[Frame]) -> int:
    return sum(1 for frame in frames for _ in frame.walk())
