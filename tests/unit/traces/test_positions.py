"""A failure has the line of the statement that failed, even where the optimiser lets several share their end; in a
constructor it is that of the code that came with the creation."""

import pytest

from megaeth_cli.bytecode.source_map import Line
from megaeth_cli.traces.frame import of_answer
from megaeth_cli.traces.positions import Positions
from megaeth_cli.traces.steps import FrameSteps, Step, Steps
from tests.unit.traces.trees import TOKEN, call

LINES = {
    1: Line("a/C.sol", 1, "contract C {"),
    **{pc: Line("a/C.sol", pc, f"line {pc}") for pc in (10, 20, 30)},
}


CREATION = bytes.fromhex("600a00ff")


class Store:
    """Of one contract, whose jump at 25 leads into a function or out of it."""

    def lines(self, artifact, code, *, creates=False):
        if not creates:
            return LINES
        return {10: Line("a/C.sol", 7, "constructor() {")} if code == CREATION else {}

    def internal_jumps(self, artifact, code, *, creates=False):
        return frozenset({25})

    def all(self):
        return [Made()]


class Made:
    """What it makes, known by the code that does."""

    bytecode = f"0x{CREATION[:2].hex()}"


class Known:
    """Every address is that contract's."""

    artifact = object()

    def at(self, address):
        return self

    def code(self, address):
        return b""


class Network:
    artifacts = Store()
    contracts = Known()


def end(*steps):
    """The line of where a frame ended that executed these, each a pc and an instruction."""
    mine = FrameSteps([Step(pc, op, 9, 1) for pc, op in steps])
    root = of_answer(call())
    return Positions(Network()).end_of(root, Steps({0: mine}, [], complete=True))


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ([(10, "JUMPI"), (20, "PUSH0"), (30, "REVERT")], 30),
        ([(10, "JUMPI"), (20, "JUMP"), (29, "JUMPDEST"), (30, "REVERT")], 20),
        ([(10, "PUSH0"), (25, "JUMP"), (29, "JUMPDEST"), (30, "REVERT")], 30),
        ([(10, "JUMPI"), (29, "JUMPDEST"), (30, "SSTORE")], 30),
        ([(10, "JUMPI"), (11, "PUSH0"), (1, "REVERT")], 10),
    ],
    ids=["in its place", "shared", "in a function", "no revert", "the contract's head"],
)
def test_where_a_frame_gave_up(steps, line):
    assert end(*steps).number == line


def test_what_is_not_known_has_no_line():
    assert end((2, "PUSH0"), (3, "REVERT")) is None
    root = of_answer(call())
    assert Positions(Network()).end_of(root, Steps({}, [], complete=True)) is None


@pytest.mark.parametrize("made", [TOKEN, None], ids=["made", "failed"])
def test_a_constructor_has_the_lines_of_its_own_code(made):
    positions = Positions(Network())
    creation = of_answer(call(made, f"0x{CREATION.hex()}", kind="CREATE"))
    assert positions.knows(creation)
    assert positions.of(creation, 10).number == 7
    other = of_answer(call(made, "0x60ff", call(made, "0x600a", kind="CREATE"), kind="CREATE"))
    assert not positions.knows(other.calls[0])


def test_code_that_could_not_be_kept_was_given_up_at_no_line():
    root = of_answer(call(None, f"0x{CREATION.hex()}", kind="CREATE", error="out of gas"))

    def ends_with(op):
        steps = Steps({0: FrameSteps([Step(10, op, 9, 1)])}, [], complete=True)
        return Positions(Network()).end_of(root, steps)

    assert ends_with("REVERT").number == 7
    assert ends_with("RETURN") is None
