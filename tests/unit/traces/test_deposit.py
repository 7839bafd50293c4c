"""A new contract whose code could not be paid: how much it was, and what was left."""

from megaeth_cli.traces.deposit import unpaid_deposit
from megaeth_cli.traces.frame import of_answer
from megaeth_cli.traces.steps import FrameSteps, Step, Steps
from tests.support.bytecode import assemble
from tests.unit.traces.test_lab import lab
from tests.unit.traces.trees import call

CREATION = assemble("100 0 RETURN")


def unpaid(op):
    found = lab(b"", to=None, input=f"0x{CREATION.hex()}", gas=hex(1_000_000))
    paid = found.under(gas=hex(5_000_000)).frame.gas_used
    root = of_answer(call(None, f"0x{CREATION.hex()}", kind="CREATE", gas=hex(1_000_000), error="out of gas"))
    before = found.under().frame
    assert before.failed, "it takes more than a million"
    steps = Steps({0: FrameSteps([Step(4, op, 900_000, 0)])}, [], complete=True)
    return unpaid_deposit([root], steps, found), paid


def test_what_was_wanted_and_what_was_left():
    deposit, paid = unpaid("RETURN")
    assert (deposit.code_bytes, deposit.gas, deposit.left) == (100, paid - 100_000, 900_000)
    assert deposit.text.startswith(f"its code of 100 bytes takes {paid - 100_000:,} gas")
    assert deposit.text.endswith("and 900,000 were left")


def test_a_constructor_that_ran_out_of_gas_itself_wanted_none():
    assert unpaid("SSTORE")[0] is None
