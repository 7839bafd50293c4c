"""Places in the sources: of an instruction, and of where a frame gave up."""

from megaeth_cli.bytecode.source_map import Line
from megaeth_cli.contracts.network import Network
from megaeth_cli.traces.frame import Frame
from megaeth_cli.traces.steps import Step, Steps

_LOOKED_BACK = 400
"""Instructions before the end that may still be the same statement: what the compiler adds has no line."""


class Positions:
    """Finds lines, each contract's sources read once."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._lines: dict[bytes, dict[int, Line]] = {}
        self._internal_calls: dict[bytes, frozenset[int]] = {}

    def of(self, frame: Frame, pc: int) -> Line | None:
        """The line of an instruction; None where the sources are not known, or the compiler made it up."""
        if frame.to is None or frame.creates:
            return None
        if frame.to not in self._lines:
            self._read(frame.to)
        return self._lines[frame.to].get(pc)

    def knows(self, frame: Frame) -> bool:
        """Whether the sources of a frame's contract are known."""
        self.of(frame, 0)
        return frame.to is not None and bool(self._lines.get(frame.to))

    def source(self, frame: Frame, line: Line) -> list[str]:
        """All lines of the file that a line is in; that line alone where the file was not kept."""
        known = self._network.contracts.at(frame.to).artifact if frame.to is not None else None
        text = self._network.artifacts.source(known, line.unit) if known is not None else None
        return text.splitlines() if text is not None else [""] * (line.number - 1) + [line.text]

    def end_of(self, frame: Frame, steps: Steps) -> Line | None:
        """Where a frame gave up.

        That is the last of its instructions that has a line. But the optimiser lets statements that end alike share
        their end, which then has the line of one of them: if the last instructions were jumped to, and not as a
        function, it is the line of who jumped.
        """
        mine = steps.frames.get(frame.number)
        if mine is None or not mine.steps:
            return None
        last = mine.steps[-_LOOKED_BACK:]
        begun = next((n for n in range(len(last) - 1, 0, -1) if last[n].op == "JUMPDEST"), 0)
        is_shared = last[-1].op == "REVERT" and not self._is_internal_call(frame, last[begun - 1])
        if begun and is_shared:
            last = last[:begun]
        for step in reversed(last):
            line = self.of(frame, step.pc)
            if line is not None and not _is_whole_contract(line):
                return line
        return None

    def _is_internal_call(self, frame: Frame, step: Step) -> bool:
        self.of(frame, 0)
        return frame.to is not None and step.pc in self._internal_calls.get(frame.to, frozenset())

    def _read(self, address: bytes) -> None:
        known = self._network.contracts.at(address).artifact
        code = self._network.contracts.code(address)
        store = self._network.artifacts
        self._lines[address] = store.lines(known, code) if known is not None else {}
        self._internal_calls[address] = (
            store.internal_calls(known, code) if known is not None else frozenset()
        )


def line_text(line: Line) -> str:
    """`Token.sol:41`."""
    return f"{line.unit.rpartition('/')[2]}:{line.number}"


def _is_whole_contract(line: Line) -> bool:
    """Whether it is the head of a contract: what belongs to none of its lines is said to be of all of it."""
    return line.text.startswith(("contract ", "library ", "abstract contract "))
