"""Call trees are read from any node, at any depth, and say where a failure began."""

import pytest

from megaeth_cli.errors import CliError
from megaeth_cli.inspect.reasons import LIMIT_EXCEEDED
from megaeth_cli.traces.frame import REVERTED, of_answer
from tests.unit.traces.trees import TOKEN, VAULT, call, nested

REVERT = {"error": REVERTED, "output": "0x08c379a0"}
BUDGET = "0x" + (LIMIT_EXCEEDED.selector + bytes(31) + b"\3" + bytes(30) + b"\3\xd4").hex()


def test_frames_are_numbered_as_they_begin():
    root = of_answer(call(TOKEN, "0x", call(VAULT, "0x", call()), call(TOKEN)))
    assert [(frame.number, frame.depth) for frame in root.walk()] == [(0, 1), (1, 2), (2, 3), (3, 2)]


def test_a_tree_may_be_as_deep_as_calls_can_be():
    frames = list(of_answer(nested(1024)).walk())
    assert frames[-1].depth == 1024


def test_gas_in_both_dimensions_is_missing_where_the_node_does_not_tell():
    body = call()
    assert (of_answer(body).compute_gas, of_answer(body).storage_gas) == (800, 200)
    del body["mega"]
    assert of_answer(body).compute_gas is None


def test_a_delegate_call_works_on_its_callers_storage():
    root = of_answer(call(TOKEN, "0x", call(VAULT, kind="DELEGATECALL"), call(VAULT)))
    assert [frame.account.hex() for frame in root.walk()] == [TOKEN[2:], TOKEN[2:], VAULT[2:]]


def test_the_frame_at_fault_is_the_deepest_whose_failure_was_passed_on():
    inner = call(VAULT, "0x", **REVERT)
    passed_on = of_answer(call(TOKEN, "0x", call(), inner, **REVERT))
    assert [frame.number for frame in passed_on.at_fault()] == [0, 2]
    own_words = of_answer(call(TOKEN, "0x", inner, error=REVERTED, output="0x01020304"))
    assert [frame.number for frame in own_words.at_fault()] == [0]
    caught = of_answer(call(TOKEN, "0x", inner, call(), **REVERT))
    assert [frame.number for frame in caught.at_fault()] == [0]
    halted = of_answer(call(TOKEN, "0x", call(VAULT, error="out of gas"), error="out of gas"))
    assert [frame.number for frame in halted.at_fault()] == [0, 1]


def test_a_call_over_its_budget_says_what_its_caller_passed_on():
    root = of_answer(call(TOKEN, "0x", call(VAULT, error=REVERTED), error=REVERTED, output=BUDGET))
    assert root.calls[0].output == root.output
    assert [frame.number for frame in root.at_fault()] == [0, 1]


@pytest.mark.parametrize(
    "wrong", [{"gas": 5}, {"from": None}, {"type": []}, {"input": "0x1"}, {"calls": [5]}, {"logs": [{}]}]
)
def test_a_tree_that_is_none_is_an_error_of_the_node(wrong):
    with pytest.raises(CliError):
        of_answer(call() | wrong)
    with pytest.raises(CliError):
        of_answer(call(TOKEN, "0x", call() | wrong))
