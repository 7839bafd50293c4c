"""Everything that is known of an execution, instruction by instruction, and ways from one to another. Draws nothing."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any

from megaeth_cli.bytecode.source_map import Line
from megaeth_cli.contracts.network import Network
from megaeth_cli.errors import CliError
from megaeth_cli.traces.detention import Read, first_read
from megaeth_cli.traces.frame import Frame
from megaeth_cli.traces.names import Names
from megaeth_cli.traces.positions import Positions
from megaeth_cli.traces.steps import Step, Steps, join
from megaeth_cli.traces.subject import Subject, call_tree, instructions, moments

Json = Any

MOST = 100_000
"""Instructions that can be stepped through."""
MOST_WITH_MEMORY = 10_000
"""Of more than these the memory is not asked for: each has all of it."""


@dataclass(frozen=True)
class Moment:
    """Right before one instruction."""

    number: int
    frame: Frame
    step: Step
    stack: tuple[str, ...]
    """Words in hex, the top last."""
    memory: tuple[str, ...] | None
    """Words in hex; None where it was not asked for."""
    storage: dict[str, str]
    """The slots of the account that it works on, as far as it has read or written them."""
    used: int
    """Gas of the whole so far."""


@dataclass(frozen=True)
class Recording:
    """An execution, from its first instruction to its last."""

    title: str
    root: Frame
    names: Names
    steps: Steps
    logs: list[Json]
    positions: Positions
    has_memory: bool
    _storage: dict[bytes, tuple[list[int], list[dict[str, str]]]] = field(default_factory=dict)
    _lines_of_ends: dict[int, tuple[int, Line | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, network: Network, subject: Subject, names: Names) -> "Recording":
        """Asks the node for it. CliError where no instruction ran."""
        root = call_tree(network, subject)
        network.contracts.expect(frame.to for frame in root.walk() if frame.to is not None)
        count = len((instructions(network, subject, MOST_WITH_MEMORY + 1) or {}).get("structLogs") or ())
        memory = count <= MOST_WITH_MEMORY
        answer = moments(network, subject, MOST, memory=memory)
        steps = join(root, answer, MOST)
        if not steps.order:
            raise CliError(
                "no code ran: there is nothing to step through",
                "a transfer to an account without code executes no instruction",
                "megaeth trace   shows its calls",
            )
        return cls(subject.title, root, names, steps, answer["structLogs"], Positions(network), memory)

    def __len__(self) -> int:
        return len(self.steps.order)

    @cached_property
    def frames(self) -> dict[int, Frame]:
        """By number."""
        return {frame.number: frame for frame in self.root.walk()}

    def frame(self, number: int) -> Frame:
        """That executes an instruction."""
        return self.frames[self.steps.order[number][0]]

    def step(self, number: int) -> Step:
        """An instruction."""
        frame, place = self.steps.order[number]
        return self.steps.frames[frame].steps[place]

    def moment(self, number: int) -> Moment:
        """What is known before an instruction."""
        body, frame = self.logs[number], self.frame(number)
        return Moment(
            number,
            frame,
            self.step(number),
            tuple(body.get("stack") or ()),
            tuple(body.get("memory") or ()) if self.has_memory else None,
            self._slots(frame, number),
            self._used[number],
        )

    def line(self, number: int) -> Line | None:
        """The source line of an instruction; of the end of a frame that gave up, that of where it did."""
        frame, place = self.frame(number), self.steps.order[number][1]
        begun, line = self._given_up(frame)
        return line if place >= begun else self.positions.of(frame, self.step(number).pc)

    def path(self, frame: Frame) -> list[Frame]:
        """The calls that are open: from the whole down to a frame."""
        return self._paths[frame.number]

    @cached_property
    def read(self) -> Read | None:
        """The first read of volatile data."""
        return first_read(self.root, self.steps)

    # --- ways to get about; each gives None where there is no such place ---

    def next_call(self, number: int) -> int | None:
        """The first instruction of the next call."""
        return self._first(range(number + 1, len(self)), lambda n: self._depth(n) > self._depth(n - 1))

    def out(self, number: int) -> int | None:
        """The instruction after the call that an instruction is in."""
        depth = self._depth(number)
        return self._first(range(number + 1, len(self)), lambda n: self._depth(n) < depth)

    def next_line(self, number: int) -> int | None:
        """The first instruction of another source line."""
        return self._first(range(number + 1, len(self)), self._is_another(number))

    def previous_line(self, number: int) -> int | None:
        """The first instruction of the source line before."""
        found = self._first(range(number - 1, -1, -1), self._is_another(number))
        if found is None:
            return None
        begun = self._first(range(found - 1, -1, -1), self._is_another(found, blank=True))
        return begun + 1 if begun is not None else 0

    def failure(self, number: int) -> int | None:
        """The last instruction of the next call that failed; of the first one, where none is left."""
        ends = sorted(self._ends[frame.number] for frame in self.root.walk() if self._failed_here(frame))
        return next((end for end in ends if end > number), ends[0] if ends else None)

    @cached_property
    def detention(self) -> int | None:
        """The instruction that reads volatile data first."""
        read = self.read
        if read is None:
            return None
        numbers = (n for n, (frame, _) in enumerate(self.steps.order) if frame == read.frame.number)
        return next((n for n in numbers if self.step(n).pc == read.pc), None)

    def _failed_here(self, frame: Frame) -> bool:
        return frame.failed and frame.number in self._ends

    def _is_another(self, number: int, *, blank: bool = False) -> Callable[[int], bool]:
        """Whether an instruction has another line than this one's; `blank`: or none."""
        here = self.frame(number).number, self.line(number)

        def test(n: int) -> bool:
            line = self.line(n)
            return (line is not None or blank) and (self.frame(n).number, line) != here

        return test

    @staticmethod
    def _first(numbers: range, test: Callable[[int], bool]) -> int | None:
        return next((n for n in numbers if test(n)), None)

    def _depth(self, number: int) -> int:
        return self.frame(number).depth

    @cached_property
    def _ends(self) -> dict[int, int]:
        """The last instruction of each frame."""
        return {frame: n for n, (frame, _) in enumerate(self.steps.order)}

    def _given_up(self, frame: Frame) -> tuple[int, Line | None]:
        """Where the end of a frame begins, in its own instructions, and its line; after all of them where it did not
        give up, or was cut off."""
        if frame.number not in self._lines_of_ends:
            mine = self.steps.frames[frame.number].steps
            begun, line = len(mine), None
            if frame.failed and self.steps.complete:
                begun = min(self.positions.shared_end(frame, mine), len(mine) - 1)
                line = self.positions.end_of(frame, self.steps)
            self._lines_of_ends[frame.number] = begun, line
        return self._lines_of_ends[frame.number]

    @cached_property
    def _used(self) -> list[int]:
        before = self.root.gas - self.step(0).gas
        costs = (step.cost for _, step in self.steps.in_order())
        return list(accumulate(costs, initial=before))

    @cached_property
    def _paths(self) -> dict[int, list[Frame]]:
        found: dict[int, list[Frame]] = {}
        path: list[Frame] = []
        for frame in self.root.walk():
            del path[frame.depth - 1 :]
            path.append(frame)
            found[frame.number] = list(path)
        return found

    def _slots(self, frame: Frame, number: int) -> dict[str, str]:
        """As they were told last; the tracer tells them with SLOAD and SSTORE only."""
        if not self._storage:
            for n, account, slots in self._told():
                numbers, states = self._storage.setdefault(account, ([], []))
                numbers.append(n)
                states.append(slots)
        numbers, states = self._storage.get(frame.account or b"", ([], []))
        place = bisect_right(numbers, number)
        return states[place - 1] if place else {}

    def _told(self) -> Iterator[tuple[int, bytes, dict[str, str]]]:
        for n, body in enumerate(self.logs):
            if body.get("storage"):
                yield n, self.frame(n).account or b"", body["storage"]
