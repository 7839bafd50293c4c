"""The laboratory executes a call under any rules, and its engine knows the limits that are shown."""

import pytest

from megaeth_cli.chain.allowance import allowance_of
from megaeth_cli.chain.own_engine import ETHEREUM, FORKS
from megaeth_cli.errors import CliError
from megaeth_cli.traces.lab import Lab, Surroundings
from megaeth_cli.traces.subject import Subject
from tests.support.bytecode import assemble
from tests.unit.traces.trees import ALICE, TOKEN

WRITES = assemble("1 1 SSTORE STOP")
GROWS = assemble("0 loop: 1 ADD 1 DUP2 SSTORE @loop JUMP")
SPINS = assemble("0x00b00000 MLOAD STOP")


class NoNode:
    """Knows nothing more: what is met besides is told by nobody."""

    def batch(self, calls):
        return ["0x" if method == "eth_getCode" else "0x0" for method, _ in calls]


class Network:
    node = NoNode()


def lab(code, **call):
    subject = Subject({"from": ALICE, "to": TOKEN, "gas": hex(5 * 10**9), **call}, "latest")
    found = Lab(Network(), subject, Surroundings(6343, FORKS[-1], {"number": "0x64", "time": "0x6500000"}))
    found.accounts = {
        ALICE: {"balance": hex(10**18), "nonce": "0x0", "code": "0x", "storage": {}},
        TOKEN: {"balance": "0x0", "nonce": "0x1", "code": f"0x{code.hex()}", "storage": {}},
    }
    return found


def test_a_crowded_bucket_costs_more_and_ethereum_less():
    writes = lab(WRITES)
    plain, double, quadruple = (writes.under(multiplier=m).gas for m in (1, 2, 4))
    assert (double - plain, quadruple - double) == (20_000, 40_000)
    assert writes.under(ETHEREUM).gas == 21_000 + 22_106
    assert plain == writes.under(FORKS[-1]).gas == writes.estimate()
    assert writes.estimate(2) == double


def test_much_that_was_met_crowds_no_bucket():
    writes = lab(WRITES)
    plain = writes.under().gas
    full = lab(WRITES)
    full.accounts[TOKEN]["storage"] = {hex(slot): "0x1" for slot in range(1_000, 6_000)}
    assert full.under().gas == plain
    assert full.under(multiplier=2).gas == plain + 20_000


def test_what_every_transaction_costs_is_asked():
    writes = lab(WRITES, input="0x0102")
    assert writes.empty.gas_used == 60_000
    assert writes.empty.storage_gas == 39_000


def test_what_takes_too_long_is_refused_in_words(monkeypatch):
    monkeypatch.setattr("megaeth_cli.traces.lab.TIMEOUT_S", 0.01)
    endless = lab(assemble("loop: @loop JUMP"), gas=hex(10**10))
    assert "had not ended" in endless.under(ETHEREUM).refusal


@pytest.mark.parametrize(("code", "kind"), [(SPINS, 2), (GROWS, 3)], ids=["compute gas", "state growth"])
def test_the_limits_that_are_shown_are_the_engines(code, kind):
    # These rules halt the transaction, and name the limit of the whole.
    error = lab(code).under("rex3").frame.error
    limits = allowance_of({"chainId": 6343, "spec": "rex3"}).limits
    assert error.endswith(f"limit {limits[kind]}")


def test_a_state_that_is_none_is_an_error_of_the_node():
    wrong = lab(WRITES)
    wrong.accounts[TOKEN]["balance"] = "much"
    with pytest.raises(CliError):
        wrong.under()
