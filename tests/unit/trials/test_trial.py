"""What a contract does under rules, on real engines; of what does not end it is said why it has no gas."""

from functools import partial

import pytest

from megaeth_cli.chain.own_engine import ETHEREUM, OwnEngine
from megaeth_cli.compile import Compilation
from megaeth_cli.compile.standard_json import Contract
from megaeth_cli.output.trials import trials_text
from megaeth_cli.trials.calls import Call
from megaeth_cli.trials.trial import Trial
from tests.support.bytecode import assemble

RUNTIME = assemble("CALLDATASIZE 5 EQ @spin JUMPI STOP spin: @spin JUMP").hex()
CREATES = f"60{len(RUNTIME) // 2:02x}600c60003960{len(RUNTIME) // 2:02x}6000f3"
ENDS, SPINS, AFTER = (
    Call("ends()", "ends", bytes(4)),
    Call("spins()", "spins", bytes(5)),
    Call("after()", "", b""),
)


@pytest.fixture
def run(monkeypatch):
    """Rows of some calls, by engines that are stopped soon."""
    monkeypatch.setattr("megaeth_cli.trials.trial.OwnEngine", partial(OwnEngine, timeout_s=0.2))
    contract = Contract("C.sol", "C", [], CREATES + RUNTIME, RUNTIME)

    def tried(*calls, apart):
        trial = Trial(contract, Compilation("C.sol", "solc", "", (contract,)), b"", None, calls, apart)
        return trial.run([ETHEREUM])

    return tried


@pytest.mark.parametrize("apart", [True, False], ids=["tests", "calls"])
def test_what_does_not_end_says_so_and_what_comes_after_it_is_not_tried(run, apart):
    rows = run(ENDS, SPINS, AFTER, apart=apart)
    outcomes = {row.label: row.outcomes[ETHEREUM] for row in rows}
    assert outcomes["ends()"].succeeded
    assert outcomes["spins()"].gas is None and outcomes["spins()"].tried
    assert "had not ended" in outcomes["spins()"].failure
    assert outcomes["after()"].tried == apart
    text = trials_text("C", rows)
    assert "  spins(), everywhere: it had not ended after" in text
    assert "not tried" not in text
