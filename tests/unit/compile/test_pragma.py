"""Which compiler releases a pragma allows."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megaeth_cli.compile.pragma import PragmaError, Version, VersionRange
from megaeth_cli.compile.releases import DEFAULT
from tests.support.solc import fetched_solc

JUDGE = Path(__file__).with_name("pragma_judge.cjs")


def allowed(text: str, *versions: str) -> list[str]:
    parsed = VersionRange(text)
    return [version for version in versions if Version.parse(version) in parsed]


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("0.8.20", ["0.8.20"], ["0.8.19", "0.8.21"]),
        ("=0.8.20", ["0.8.20"], ["0.8.21"]),
        ("^0.8.20", ["0.8.20", "0.8.37"], ["0.8.19", "0.9.0"]),
        ("^0.8", ["0.8.0", "0.8.37"], ["0.9.0", "0.7.6"]),
        ("^1.2.3", ["1.2.3", "1.9.0"], ["2.0.0", "1.2.2"]),
        ("^0.0.3", ["0.0.3", "0.0.4"], ["0.0.2", "0.1.0"]),
        ("~0.8.20", ["0.8.37"], ["0.8.19", "0.9.0"]),
        (">=0.7.0 <0.9.0", ["0.7.0", "0.8.37"], ["0.6.12", "0.9.0"]),
        (">=0.7.0<0.7.4", ["0.7.3"], ["0.7.4"]),
        (">= 0.8.4", ["0.8.4", "0.9.0"], ["0.8.3"]),
        (">0.8.4 <=0.8.6", ["0.8.5", "0.8.6"], ["0.8.4", "0.8.7"]),
        (">0.8", ["0.9.0"], ["0.8.37"]),
        ("0.8.x", ["0.8.0", "0.8.37"], ["0.9.0"]),
        ("0.8.*", ["0.8.5"], ["0.7.6"]),
        ("*", ["0.4.11", "0.8.37"], []),
        ("^0.6.0 || ^0.8.0", ["0.6.12", "0.8.1"], ["0.7.6"]),
        ("0.8.1 - 0.8.4", ["0.8.1", "0.8.4"], ["0.8.0", "0.8.5"]),
        ("0.8.20-0.8.30", ["0.8.20", "0.8.30"], ["0.8.19", "0.8.31"]),
        ("<0.8.17 - >0.8.40", ["0.8.17", "0.8.40"], ["0.8.16", "0.8.41"]),
        ("0.8.1-0.8.4||^0.7.0", ["0.7.6", "0.8.4"], ["0.8.5", "0.6.12"]),
        ("^0.8.0||^0.7.0", ["0.7.6", "0.8.1"], ["0.6.12"]),
        ('"0.8.1"', ["0.8.1"], ["0.8.2"]),
    ],
)
def test_ranges_are_read_as_the_compiler_reads_them(text, inside, outside):
    assert allowed(text, *inside, *outside) == inside


@pytest.mark.parametrize(
    "text",
    ["abc", "^", "", ">=0.8 banana", "v0.8.1", "0.8.1 -> 0.8.4", "08.1", "0.8.1 - 0.8.4 ^0.8.0", '"^0.8.0"'],
)
def test_what_is_no_range_is_refused(text):
    with pytest.raises(PragmaError):
        VersionRange(text)


def test_each_of_several_pragmas_must_hold():
    either, hyphen = VersionRange("^0.8.0 || ^0.7.0", "<0.8.30"), VersionRange("0.8.0 - 0.8.40", "^0.8.0")
    assert Version(0, 8, 29) in either and Version(0, 7, 6) in either
    assert Version(0, 8, 30) not in either
    assert Version(0, 8, 37) in hyphen and Version(0, 7, 6) not in hyphen


# What people write and what only a scanner tells apart, around one release.
NUMBERS = st.sampled_from(["0", "8", "37", "36", "38", "7", "x", "X", "*", "00", "08"])
VERSIONS = st.lists(NUMBERS, min_size=1, max_size=4).map(".".join) | st.sampled_from(
    ["0.8.37", "0.8.36", "0.8.38", "0.8", "0.7", "0", "1", "0.8.x", '"0.8.37"', "v0.8.37", "0.8.37."]
)
OPERATORS = st.sampled_from(["", "", "^", "~", "<", "<=", ">", ">=", "=", "^ ", ">= ", "=="])
COMPARATORS = st.tuples(OPERATORS, VERSIONS).map("".join)
RANGES = st.lists(COMPARATORS, min_size=1, max_size=3).flatmap(
    lambda parts: st.sampled_from([" ", "", " - ", "-", " -"]).map(lambda between: between.join(parts))
)
PRAGMAS = st.lists(RANGES, min_size=1, max_size=3).flatmap(
    lambda parts: st.sampled_from([" || ", "||"]).map(lambda between: between.join(parts))
)


@pytest.fixture(scope="module")
def accepts():
    """Ask solc 0.8.37 itself, in one process, whether it may compile a file with these pragmas."""
    command = ["node", "--stack-size=8192", str(JUDGE), str(fetched_solc(DEFAULT))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as judge:

        def ask(*pragmas):
            source = "".join(f"pragma solidity {text};" for text in pragmas)
            judge.stdin.write(json.dumps(source) + "\n")
            judge.stdin.flush()
            return json.loads(judge.stdout.readline())

        yield ask
        judge.stdin.close()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pragmas=st.lists(PRAGMAS, min_size=1, max_size=2))
def test_a_pragma_allows_what_the_compiler_accepts(accepts, pragmas):
    try:
        ours = DEFAULT in VersionRange(*pragmas)
    except PragmaError:
        ours = False
    assert ours == accepts(*pragmas)
