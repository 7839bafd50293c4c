"""Places in the sources: of an instruction, and of where a frame gave up."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from megaeth_cli.bytecode.source_map import Line
from megaeth_cli.contracts.artifacts import Artifact
from megaeth_cli.contracts.network import Network
from megaeth_cli.traces.creations import made
from megaeth_cli.traces.frame import Frame
from megaeth_cli.traces.steps import Step, Steps

_LOOKED_BACK = 400
"""Instructions before the end that may still be the same statement: what the compiler adds has no line."""


@dataclass(frozen=True)
class _Code:
    """What is known of the code that a frame executes."""

    artifact: Artifact | None = None
    lines: Mapping[int, Line] = field(default_factory=dict)
    internal_jumps: frozenset[int] = frozenset()


class Positions:
    """Finds lines, each contract's sources read once, and those of each creation."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._codes: dict[bytes | int, _Code] = {}

    def of(self, frame: Frame, pc: int) -> Line | None:
        """The line of an instruction; None where the sources are not known, or the compiler made it up."""
        return self._code(frame).lines.get(pc)

    def knows(self, frame: Frame) -> bool:
        """Whether the sources of a frame's contract are known."""
        return bool(self._code(frame).lines)

    def source(self, frame: Frame, line: Line) -> list[str]:
        """All lines of the file that a line is in; that line alone where the file was not kept."""
        known = self._code(frame).artifact
        text = self._network.artifacts.source(known, line.unit) if known is not None else None
        return text.splitlines() if text is not None else [""] * (line.number - 1) + [line.text]

    def end_of(self, frame: Frame, steps: Steps) -> Line | None:
        """Where a frame gave up.

        That is the last of its instructions that has a line. But the optimiser lets statements that end alike share
        their end, which then has the line of one of them: if the last instructions were jumped to, and not into or out
        of a function, it is the line of who jumped. A constructor that came to its end gave up at no line: its code
        could not be kept.
        """
        mine = steps.frames.get(frame.number)
        if mine is None or not mine.steps or (frame.creates and mine.steps[-1].op == "RETURN"):
            return None
        last = mine.steps[-_LOOKED_BACK:]
        begun = next((n for n in range(len(last) - 1, 0, -1) if last[n].op == "JUMPDEST"), 0)
        is_shared = last[-1].op == "REVERT" and not self._is_internal_jump(frame, last[begun - 1])
        if begun and is_shared:
            last = last[:begun]
        for step in reversed(last):
            line = self.of(frame, step.pc)
            if line is not None and not _is_whole_contract(line):
                return line
        return None

    def _is_internal_jump(self, frame: Frame, step: Step) -> bool:
        return step.pc in self._code(frame).internal_jumps

    def _code(self, frame: Frame) -> _Code:
        """What a constructor executes comes with the creation, and is of that alone."""
        key = frame.number if frame.creates else frame.to
        if key is None:
            return _Code()
        if key not in self._codes:
            self._codes[key] = self._read(frame)
        return self._codes[key]

    def _read(self, frame: Frame) -> _Code:
        if frame.creates:
            known, code = made(self._network, frame), frame.input
        else:
            address = frame.to or b""
            known, code = self._network.contracts.at(address).artifact, self._network.contracts.code(address)
        if known is None:
            return _Code()
        store, creates = self._network.artifacts, frame.creates
        return _Code(
            known,
            store.lines(known, code, creates=creates),
            store.internal_jumps(known, code, creates=creates),
        )


def line_text(line: Line) -> str:
    """`Token.sol:41`."""
    return f"{line.unit.rpartition('/')[2]}:{line.number}"


def _is_whole_contract(line: Line) -> bool:
    """Whether it is the head of a contract: what belongs to none of its lines is said to be of all of it."""
    return line.text.startswith(("contract ", "library ", "abstract contract "))
