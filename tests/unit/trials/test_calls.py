"""Calls as they are written on the command line, and the functions that forge takes for tests."""

import pytest

from megaeth_cli.abi import Interface
from megaeth_cli.errors import CliError
from megaeth_cli.trials import calls

INTERFACE = Interface.of_signatures(
    [
        "function setUp()",
        "function testOne()",
        "function test_two()",
        "function testFuzz(uint256 x)",
        "function total()",
        "function put(uint256[] xs, string s)",
        "function put(uint256 x)",
    ]
)


def test_tests_are_what_forge_calls_and_needs_no_values_for():
    assert [one.label for one in calls.tests(INTERFACE)] == ["testOne()", "test_two()"]
    assert calls.setup(INTERFACE).label == "setUp()"
    assert calls.setup(Interface.of_signatures(["function total()"])) is None


def test_arguments_are_split_at_commas_outside_of_brackets_and_quotes():
    [one] = calls.written(INTERFACE, "Box", ["put([1, 2], 'a, (b')"])
    entry = next(each for each in INTERFACE.named("function", "put") if len(each.inputs) == 2)
    assert entry.decode_inputs(one.data) == [[1, 2], "a, (b"]


@pytest.mark.parametrize("text", ["total()", "total", " total ( ) "])
def test_no_arguments_need_no_brackets(text):
    [one] = calls.written(INTERFACE, "Box", [text])
    assert (one.label, len(one.data)) == ("total()", 4)


def test_an_overload_is_found_by_how_many_arguments_there_are():
    [one] = calls.written(INTERFACE, "Box", ["put(5)"])
    assert one.data[-1] == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("totl()", "has no function totl"),
        ("put(x)", "argument 1"),
        ("put(1, 2, 3)", "takes 2"),
        ("1 + 1", "no call"),
    ],
)
def test_what_is_no_call_is_refused(text, said):
    with pytest.raises(CliError) as error:
        calls.written(INTERFACE, "Box", [text])
    assert said in str(error.value)


def test_functions_are_chosen_by_name():
    found = calls.tests(INTERFACE)
    assert [one.function for one in calls.chosen(found, ["test_two"])] == ["test_two"]
    assert calls.chosen(found, []) == found
    with pytest.raises(CliError) as error:
        calls.chosen(found, ["testTwo"])
    assert "did you mean test_two" in error.value.hint
