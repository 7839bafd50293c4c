"""Instructions are given to the frames that executed them, whatever is called, with what each cost."""

import pytest

from megaeth_cli.errors import CliError
from megaeth_cli.traces.detention import first_read
from megaeth_cli.traces.frame import of_answer
from megaeth_cli.traces.steps import join
from tests.unit.traces.trees import TOKEN, VAULT, call

PRECOMPILE = "0x" + "00" * 19 + "02"
ORACLE = "0x6342000000000000000000000000000000000001"


def step(pc, op, gas, cost, depth=1, **members):
    return {"pc": pc, "op": op, "gas": gas, "gasCost": cost, "depth": depth, **members}


def joined(tree, *steps, most=100):
    root = of_answer(tree)
    return root, join(root, {"structLogs": list(steps)}, most)


def test_a_call_within_has_its_own_instructions_and_its_caller_goes_on():
    _, found = joined(
        call(TOKEN, "0x", call(VAULT, gasUsed="0xa")),
        step(0, "PUSH0", 100, 2),
        step(1, "CALL", 98, 90),
        step(0, "SSTORE", 50, 10, 2),
        step(2, "STOP", 80, 0),
    )
    assert [(one.pc, one.cost) for one in found.frames[0].steps] == [(0, 2), (1, 8), (2, 0)]
    assert found.frames[1].spent() == {"SSTORE": 10}
    assert found.complete


def test_a_call_is_known_with_what_its_caller_had_before_it():
    root, found = joined(
        call(TOKEN, "0x", call(PRECOMPILE), call(VAULT)),
        step(3, "STATICCALL", 100, 60),
        step(5, "CALL", 90, 50),
        step(0, "STOP", 40, 0, 2),
        step(6, "STOP", 5, 0),
    )
    begun = {number: (one.pc, one.gas) for number, one in found.callers.items()}
    assert begun == {root.calls[0].number: (3, 100), root.calls[1].number: (5, 90)}


def test_a_precompile_has_no_instructions_and_a_failing_call_begins_no_frame():
    root, found = joined(
        call(TOKEN, "0x", call(PRECOMPILE, gasUsed="0x5"), call(VAULT, gasUsed="0x1")),
        step(0, "STATICCALL", 100, 60),
        step(1, "CALL", 90, 0, error="stack underflow"),
        step(2, "CALL", 90, 50),
        step(0, "STOP", 40, 0, 2),
        step(3, "STOP", 80, 0),
    )
    assert [one.op for one in found.frames[root.calls[1].number].steps] == ["STOP"]
    assert root.calls[0].number not in found.frames
    assert [one.cost for one in found.frames[0].steps] == [5, 0, 9, 0]


def test_a_trace_that_was_cut_is_not_complete():
    _, found = joined(call(), step(0, "PUSH0", 9, 2), step(1, "STOP", 7, 0), most=2)
    assert not found.complete


def test_the_first_volatile_read_is_found_in_whichever_frame():
    root, found = joined(
        call(TOKEN, "0x", call(VAULT)),
        step(0, "CALL", 90, 50),
        step(7, "TIMESTAMP", 40, 2, 2),
        step(1, "NUMBER", 30, 2),
    )
    read = first_read(root, found)
    assert (read.what, read.frame.number, read.pc) == ("block.timestamp", 1, 7)


def test_the_oracles_slots_are_volatile_and_other_contracts_are_not():
    root, found = joined(
        call(TOKEN, "0x", call(ORACLE)),
        step(0, "SLOAD", 99, 2),
        step(1, "STATICCALL", 90, 50),
        step(5, "SLOAD", 40, 2, 2),
    )
    assert (first_read(root, found).what, first_read(root, found).pc) == ("the oracle's storage", 5)
    root, found = joined(call(), step(0, "SLOAD", 99, 2))
    assert first_read(root, found) is None


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"structLogs": [{}]}, {"structLogs": [step("0", "ADD", 1, 1)]}]
)
def test_what_is_no_trace_is_an_error_of_the_node(answer):
    with pytest.raises(CliError):
        join(of_answer(call()), answer)
