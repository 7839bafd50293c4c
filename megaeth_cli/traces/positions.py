"""Places in the sources: of an instruction, and of where a frame gave up.

The optimiser lets statements that are the same share their code, which then has the line of one of them. So a line is
told only where it may be right: within what the function that was called can have come to, and not of an end that
others share.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from megaeth_cli.bytecode.definitions import CONSTRUCTOR, FALLBACK, RECEIVE, Definitions
from megaeth_cli.bytecode.runtime_code import instructions, pushes
from megaeth_cli.bytecode.source_map import Line
from megaeth_cli.contracts.artifacts import Artifact
from megaeth_cli.contracts.network import Network
from megaeth_cli.inspect.proxies import delegate
from megaeth_cli.traces.creations import made
from megaeth_cli.traces.frame import Frame
from megaeth_cli.traces.steps import Step, Steps

_LOOKED_BACK = 400
"""Instructions before the end that may still be the same statement: what the compiler adds has no line."""
_REVERT, _INVALID, _JUMPDEST, _JUMPI = 0xFD, 0xFE, 0x5B, 0x57
_ENDS = frozenset((_REVERT, _INVALID))
_STEPS = {_REVERT: "REVERT", _INVALID: "INVALID", _JUMPDEST: "JUMPDEST", _JUMPI: "JUMPI"}
_GIVES_UP = re.compile(r"\b(revert|require|assert)\b")


@dataclass(frozen=True)
class _Code:
    """What is known of the code that a frame executes."""

    artifact: Artifact | None = None
    code: bytes = b""
    lines: Mapping[int, Line] = field(default_factory=dict)
    internal_jumps: frozenset[int] = frozenset()
    sources: Mapping[str, str] = field(default_factory=dict)
    definitions: Definitions = field(default_factory=lambda: Definitions({}))


class Positions:
    """Finds lines, each contract's sources read once, and those of each creation."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._codes: dict[bytes | int, _Code] = {}
        self._entries: dict[int, str | None] = {}

    def of(self, frame: Frame, pc: int) -> Line | None:
        """The line of an instruction; None where the sources are not known, the compiler made it up, or its code is
        shared with a function that the frame never came to."""
        known = self._code(frame)
        line = known.lines.get(pc)
        if line is None or _is_whole_contract(line):
            return line
        if frame.number not in self._entries:
            self._entries[frame.number] = _entry(known.artifact, frame)
        entry = self._entries[frame.number]
        return line if entry is None or known.definitions.may_reach(entry, line) else None

    def statement(self, frame: Frame, pc: int) -> Line | None:
        """Likewise, but for what belongs to a contract as a whole."""
        line = self.of(frame, pc)
        return None if line is None or _is_whole_contract(line) else line

    def knows(self, frame: Frame) -> bool:
        """Whether the sources of a frame's contract are known."""
        return bool(self._code(frame).lines)

    def source(self, frame: Frame, line: Line) -> list[str]:
        """All lines of the file that a line is in; that line alone where the file was not kept."""
        text = self._code(frame).sources.get(line.unit)
        return text.splitlines() if text is not None else [""] * (line.number - 1) + [line.text]

    def end_of(self, frame: Frame, steps: Steps) -> Line | None:
        """Where a frame gave up: the last of its instructions that has a line, before an end that others share.

        A constructor that came to its end gave up at no line: its code could not be kept.
        """
        mine = steps.frames.get(frame.number)
        if mine is None or not mine.steps or (frame.creates and mine.steps[-1].op == "RETURN"):
            return None
        before = mine.steps[: self.shared_end(frame, mine.steps)]
        found = self._last(frame, before)
        if found is None or _gives_up(found):
            return found
        # What others' lines say of what it did is known, and that it was not there: where does its own function say so?
        known = self._code(frame)
        there = next(n for n in range(len(before) - 1, -1, -1) if self.of(frame, before[n].pc) == found)
        told = (known.lines.get(step.pc) for step in mine.steps[there:])
        failing = dict.fromkeys(line for line in told if line is not None and _gives_up(line))
        alike = (known.definitions.alike(line, found) for line in failing)
        return next((line for line in alike if line is not None), found)

    def end_by_counts(self, frame: Frame, counts: Mapping[int, int]) -> Line | None:
        """Where a frame gave up of which is known only how often each instruction ran, by pc: the statement of its
        REVERT or INVALID, if one alone ran, and once."""
        code = self._code(frame).code
        ends = [pc for pc in counts if pc < len(code) and code[pc] in _ENDS]
        if len(ends) != 1 or counts[ends[0]] != 1:
            return None
        ran: list[Step] = []
        for pc in reversed([one for one in instructions(code) if one <= ends[0]]):
            if pc not in counts:
                break
            ran.append(Step(pc, _STEPS.get(code[pc], ""), 0, 0))
            if code[pc] == _JUMPDEST:
                break
        ran.reverse()
        leading = pushes(code, ran[0].pc) if ran[0].op == "JUMPDEST" else []
        if len(leading) < 2 or any(one.op == "JUMPI" for one in ran):
            return self._last(frame, ran)
        came = [pc for pc in leading if pc in counts]
        return self.statement(frame, came[0]) if len(came) == 1 else None

    def shared_end(self, frame: Frame, steps: Sequence[Step]) -> int:
        """How many of a frame's instructions come before an end that it shares with other statements; all of them
        where it has its own.

        An end is shared if it was jumped to, and not into or out of a function, from one of several places. What goes
        on after a loop or a branch looks alike. But there a condition stands in between, or one place alone leads
        there, or the end says that it gives up where the line before does not.
        """
        whole = len(steps)
        last = range(whole - 1, max(whole - _LOOKED_BACK, 0), -1)
        begun = next((n for n in last if steps[n].op == "JUMPDEST"), 0)
        if not begun or steps[-1].op != "REVERT" or not self._is_jump(frame, steps[begun - 1]):
            return whole
        here = self._last(frame, steps[begun:])
        if here is None:
            return begun
        is_natural = any(one.op == "JUMPI" for one in steps[begun:])
        if is_natural or len(pushes(self._code(frame).code, steps[begun].pc)) < 2:
            return whole
        there = self._last(frame, steps[:begun])
        return whole if there is None or (_gives_up(here) and not _gives_up(there)) else begun

    def _last(self, frame: Frame, steps: Sequence[Step]) -> Line | None:
        for step in reversed(steps[-_LOOKED_BACK:]):
            if (line := self.statement(frame, step.pc)) is not None:
                return line
        return None

    def _is_jump(self, frame: Frame, step: Step) -> bool:
        """Whether it jumps within a function."""
        return step.op in ("JUMP", "JUMPI") and step.pc not in self._code(frame).internal_jumps

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
            contracts = self._network.contracts
            address = frame.to or b""
            address = delegate(contracts.code(address)) or address
            known, code = contracts.at(address).artifact, contracts.code(address)
        if known is None:
            return _Code()
        store, creates = self._network.artifacts, frame.creates
        sources = store.sources(known)
        return _Code(
            known,
            code,
            store.lines(known, code, creates=creates),
            store.internal_jumps(known, code, creates=creates),
            sources,
            Definitions(sources),
        )


def line_text(line: Line) -> str:
    """`Token.sol:41`."""
    return f"{line.unit.rpartition('/')[2]}:{line.number}"


def _entry(known: Artifact | None, frame: Frame) -> str | None:
    """The function that a frame begins with; None where that is not known."""
    if frame.creates:
        return CONSTRUCTOR
    if known is None:
        return None
    kinds = {one.kind for one in known.interface.entries}
    if not frame.input and RECEIVE in kinds:
        return RECEIVE
    function = known.interface.function(frame.input[:4])
    if function is not None:
        return function.name
    return FALLBACK if FALLBACK in kinds else None


def _gives_up(line: Line) -> bool:
    return _GIVES_UP.search(line.text) is not None


def _is_whole_contract(line: Line) -> bool:
    """Whether it is the head of a contract: what belongs to none of its lines is said to be of all of it."""
    return line.text.startswith(("contract ", "library ", "abstract contract "))
