"""What was paid before the first instruction is told apart."""

from types import SimpleNamespace

from megaeth_cli.traces.frame import of_answer
from megaeth_cli.traces.shares import shares
from megaeth_cli.traces.steps import FrameSteps, Step, Steps
from tests.unit.traces.trees import call


def test_authorizations_are_no_calldata():
    root = of_answer(call(gas=hex(200_000), gasUsed=hex(113_000)))
    steps = Steps({0: FrameSteps([Step(0, "STOP", 88_000, 1_000)])}, [], complete=True)
    lab = SimpleNamespace(
        empty=SimpleNamespace(gas_used=60_000), subject=SimpleNamespace(call={"authorizationList": [{}, {}]})
    )
    found = {one.kind: one.gas for one in shares(root, steps, lab)}
    assert found == {"intrinsic": 60_000, "authorizations": 50_000, "calldata": 2_000, "computation": 1_000}
