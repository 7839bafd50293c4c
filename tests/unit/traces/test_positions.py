"""A failure has the line of the statement that failed, even where the optimiser lets several share their end."""

import pytest

from megaeth_cli.bytecode.source_map import Line
from megaeth_cli.traces.frame import of_answer
from megaeth_cli.traces.positions import Positions
from megaeth_cli.traces.steps import FrameSteps, Step, Steps
from tests.unit.traces.trees import call

LINES = {
    1: Line("a/C.sol", 1, "contract C {"),
    **{pc: Line("a/C.sol", pc, f"line {pc}") for pc in (10, 20, 30)},
}


class Store:
    """Of one contract, whose jump at 25 is a call of a function."""

    def lines(self, artifact, code):
        return LINES

    def internal_calls(self, artifact, code):
        return frozenset({25})


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
