"""A failure has the line of the statement that failed, even where the optimiser lets several share their end; in a
constructor it is that of the code that came with the creation."""

import pytest

from megaeth_cli.abi import Interface, parse_signature
from megaeth_cli.bytecode.source_map import Line
from megaeth_cli.inspect.proxies import delegation
from megaeth_cli.traces.frame import of_answer
from megaeth_cli.traces.positions import Positions
from megaeth_cli.traces.steps import FrameSteps, Step, Steps
from tests.unit.traces.trees import TOKEN, VAULT, call

TEXT = {
    1: "contract C {",
    7: "constructor() {",
    8: "}",
    9: "function f() external {",
    10: "if (a) { b(); }",
    20: "require(a > b);",
    30: "revert Bad(a);",
    31: "}",
    32: "function g() external {",
    40: "revert Bad(b);",
    41: "}",
}
SOURCE = "\n".join(TEXT.get(n, "") for n in range(1, 42)) + "\n}"
LINES = {number: Line("a/C.sol", number, text) for number, text in TEXT.items()}
"""By pc, which is the line's number."""
F, G = (parse_signature(f"{name}()").selector.hex() for name in "fg")

CREATION = bytes.fromhex("600a00ff")
CODE = bytearray(45)
"""10 and 20 jump to 29, 12 jumps to 39; those two give up, with a condition before the second."""
for pc, code in {10: "601d", 12: "6027", 20: "601d", 29: "5b fd", 39: "5b fd", 36: "57"}.items():
    CODE[pc : pc + len(bytes.fromhex(code))] = bytes.fromhex(code)


class Store:
    """Of one contract, whose jump at 25 leads into a function or out of it."""

    def lines(self, artifact, code, *, creates=False):
        if not creates:
            return LINES
        return {10: Line("a/C.sol", 7, "constructor() {")} if code == CREATION else {}

    def internal_jumps(self, artifact, code, *, creates=False):
        return frozenset({25})

    def sources(self, artifact):
        return {"a/C.sol": SOURCE}

    def all(self):
        return [Made()]


class Made:
    """What it makes, known by the code that does."""

    bytecode = f"0x{CREATION[:2].hex()}"


class Known:
    """Every address is that contract's."""

    class artifact:
        interface = Interface.of_signatures(["f()", "g()"])

    def at(self, address):
        return self

    def code(self, address):
        return bytes(CODE)


class Network:
    artifacts = Store()
    contracts = Known()


def stepped(*steps):
    return FrameSteps([Step(pc, op, 9, 1) for pc, op in steps])


def end(*steps, selector=F):
    """The line of where a frame ended that executed these, each a pc and an instruction."""
    root = of_answer(call(data=f"0x{selector}"))
    return Positions(Network()).end_of(root, Steps({0: stepped(*steps)}, [], complete=True))


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ([(10, "JUMPI"), (20, "PUSH0"), (30, "REVERT")], 30),
        ([(10, "JUMPI"), (20, "JUMP"), (29, "JUMPDEST"), (30, "REVERT")], 20),
        ([(10, "PUSH0"), (25, "JUMP"), (29, "JUMPDEST"), (30, "REVERT")], 30),
        ([(10, "JUMPI"), (29, "JUMPDEST"), (30, "SSTORE")], 30),
        ([(10, "JUMPI"), (11, "PUSH0"), (1, "REVERT")], 10),
        ([(10, "JUMPI"), (29, "JUMPDEST"), (28, "JUMPI"), (30, "REVERT")], 30),
        ([(10, "JUMPI"), (39, "JUMPDEST"), (30, "REVERT")], 30),
        ([(10, "JUMPI"), (29, "JUMPDEST"), (30, "REVERT")], 30),
        ([(9, "ADD"), (29, "JUMPDEST"), (30, "REVERT")], 30),
    ],
    ids=[
        "in its place",
        "shared",
        "in a function",
        "no revert",
        "the contract's head",
        "after a loop, by a condition",
        "after a loop, which alone leads there",
        "after a branch, which gives up nothing",
        "not jumped to",
    ],
)
def test_where_a_frame_gave_up(steps, line):
    assert end(*steps).number == line


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ([(20, "JUMP"), (29, "JUMPDEST"), (40, "REVERT")], 20),
        ([(20, "PUSH0"), (25, "JUMP"), (29, "JUMPDEST"), (40, "REVERT")], 20),
        ([(10, "JUMP"), (29, "JUMPDEST"), (40, "REVERT")], 30),
        ([(30, "ADD"), (10, "JUMP"), (29, "JUMPDEST"), (41, "REVERT")], 10),
    ],
    ids=["jumped to", "called", "the statement that is alike", "not one that passed before"],
)
def test_no_line_of_a_function_that_was_not_called(steps, line):
    assert end(*steps).number == line
    assert end(*steps, selector=G).number in (40, 41)


def test_a_line_of_another_function_is_none_wherever_it_runs():
    positions, root = Positions(Network()), of_answer(call(data=f"0x{F}"))
    assert positions.of(root, 40) is None
    assert positions.of(root, 30).number == 30
    unknown = of_answer(call(data="0x12345678"))
    assert Positions(Network()).of(unknown, 40).number == 40


@pytest.mark.parametrize(
    ("selector", "counts", "line"),
    [
        (G, {35: 1, 36: 1, 37: 1, 38: 1, 39: 1, 40: 1}, 40),
        (F, {28: 1, 30: 1}, 30),
        (F, {20: 1, 29: 1, 30: 2}, None),
        (F, {20: 1, 29: 1, 30: 1, 40: 1}, None),
        (G, {39: 1, 40: 1}, 40),
        (F, {20: 1, 29: 1, 30: 1}, 20),
        (F, {10: 1, 20: 1, 29: 1, 30: 1}, None),
        (G, {20: 1, 29: 1, 30: 1}, None),
    ],
    ids=[
        "by a condition",
        "fallen into",
        "twice",
        "one of several",
        "jumped to",
        "shared",
        "shared by two that ran",
        "of another function",
    ],
)
def test_where_a_frame_gave_up_of_which_the_counts_are_known(selector, counts, line):
    root = of_answer(call(data=f"0x{selector}"))
    found = Positions(Network()).end_by_counts(root, counts)
    assert (found and found.number) == line


def test_what_is_not_known_has_no_line():
    assert end((2, "PUSH0"), (3, "REVERT")) is None
    root = of_answer(call())
    assert Positions(Network()).end_of(root, Steps({}, [], complete=True)) is None


def test_a_delegated_account_has_the_lines_of_whose_code_it_runs():
    class Contracts(Known):
        def code(self, address):
            return delegation(bytes.fromhex(VAULT[2:])) if address.hex() == TOKEN[2:] else bytes(CODE)

        def at(self, address):
            assert address.hex() == VAULT[2:]
            return self

    network = Network()
    network.contracts = Contracts()
    assert Positions(network).of(of_answer(call(TOKEN, f"0x{F}")), 30).number == 30


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
        steps = Steps({0: stepped((10, op))}, [], complete=True)
        return Positions(Network()).end_of(root, steps)

    assert ends_with("REVERT").number == 7
    assert ends_with("RETURN") is None
