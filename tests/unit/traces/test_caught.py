"""A call that met a limit of its own is told of even if its caller went on."""

import pytest

from megaeth_cli.chain.allowance import newest
from megaeth_cli.traces.caught import caught_cuts
from megaeth_cli.traces.frame import REVERTED, of_answer
from megaeth_cli.traces.steps import FrameSteps, Step, Steps
from tests.unit.traces.trees import TOKEN, VAULT, call


def reverted(compute=0, **members):
    return call(VAULT, error=REVERTED, mega={"computeGas": hex(compute), "storageGas": "0x0"}, **members)


def caught(inner, *ops, compute=200_000_000):
    """What is found of a call that executed these instructions; without any, of a trace that was cut."""
    root = of_answer(call(TOKEN, "0x", inner, mega={"computeGas": hex(compute), "storageGas": "0x0"}))
    frames = {1: FrameSteps([Step(n, op, 9, 1) for n, op in enumerate(ops)])} if ops else {}
    found = caught_cuts(root, Steps(frames, [], complete=bool(ops)), newest())
    return [(one.frame.number, one.caller.number, one.compute_gas) for one in found]


def test_of_a_short_trace_what_reverted_by_no_instruction():
    assert caught(reverted(), "PUSH0", "SSTORE") == [(1, 0, None)]
    assert caught(reverted(), "PUSH0", "REVERT") == []
    assert caught(reverted(), "TIMESTAMP") == [], "reading was forbidden"


@pytest.mark.parametrize(("compute", "found"), [(195_974_547, [(1, 0, 195_974_547)]), (150_000_000, [])])
def test_of_a_long_one_what_computed_as_much_as_a_call_may(compute, found):
    assert caught(reverted(compute), compute=compute + 70_000) == found


def test_what_gave_a_reason_met_no_limit():
    assert caught(reverted(195_974_547, output="0x01")) == []
    assert caught(call(VAULT), "SSTORE") == []
