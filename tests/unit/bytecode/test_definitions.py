"""Which lines of its sources an execution can have come to, by what each definition mentions."""

import pytest

from megaeth_cli.bytecode.definitions import Definitions
from megaeth_cli.bytecode.source_map import Line

SOURCE = """
pragma solidity ^0.8.20;
type Amount is uint256;
using {add as +} for Amount global;
function add(Amount a, Amount b) pure returns (Amount) {
    return plus(a, b); // operators are called by no name
}
function plus(Amount a, Amount b) pure returns (Amount) { return a; }
library Lib {
    function inner(uint256 x) internal pure { /* { */ require(x > 1, "inner }"); }
}
contract Base {
    uint256 internal first = start();
    constructor() { base(); }
    function start() private pure returns (uint256) { return 1; }
    function base() internal {}
    function hook() internal virtual {}
}
contract C is Base {
    using Lib for uint256;
    mapping(address => uint256) public getter;
    modifier guarded() {
        require(first == 1);
        _;
    }
    function run(uint256 n) external guarded {
        n.inner();
        super.hook();
        if (n == 3) {
            n = 4;
        } else {
            n = 5;
        }
        revert Bad(n);
    }
    function other() external {
        revert Bad(2);
    }
    receive() external payable { revert("no ether"); }
}
"""
UNIT = "src/C.sol"
LINES = SOURCE.split("\n")
ALL = Definitions({UNIT: SOURCE})


def line(text, unit=UNIT):
    """The line that has a text in it."""
    [number] = [n for n, one in enumerate(LINES, 1) if text in one]
    return Line(unit, number, LINES[number - 1].strip())


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("run", "revert Bad(n)"),
        ("run", "function inner"),
        ("run", "require(first == 1)"),
        ("run", "function hook"),
        ("run", "return plus(a, b)"),
        ("run", "contract C is Base"),
        ("other", "revert Bad(2)"),
        ("receive", "no ether"),
        ("getter", "public getter"),
        ("constructor", "uint256 internal first"),
        ("constructor", "function start"),
        ("constructor", "function base"),
    ],
)
def test_what_is_mentioned_may_be_reached(entry, text):
    assert ALL.may_reach(entry, line(text))


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("other", "revert Bad(n)"),
        ("other", "require(first == 1)"),
        ("other", "function inner"),
        ("run", "revert Bad(2)"),
        ("run", "constructor()"),
        ("receive", "n = 4"),
        ("constructor", "revert Bad(2)"),
    ],
)
def test_what_nothing_mentions_is_out_of_reach(entry, text):
    assert not ALL.may_reach(entry, line(text))


def test_files_that_are_not_known_rule_nothing_out():
    assert ALL.may_reach("other", Line("else.sol", 3, "revert();"))


def test_the_statement_that_fails_alike_is_found_in_its_own_function():
    assert ALL.alike(line("revert Bad(2)"), line("n = 4")) == line("revert Bad(n)")
    assert ALL.alike(line("no ether"), line("n = 4")) is None
