"""The chain's torture, without a network: a seed is one script, and outcomes are judged."""

import re
from itertools import islice

import pytest

from tests.torture.chain.contracts import CONTRACTS, PLACES, create_address, deploying
from tests.torture.chain.kinds import KINDS
from tests.torture.chain.script import Script
from tests.torture.chain.tally import FAULTY, GOOD, UNKNOWN, Tally
from tests.torture.chain.world import DATA, REFUSED, REVERT, SUCCESS, Sending

FEW = 40


def sent(seed, rounds=FEW):
    script = Script(seed, rounds)
    return [*script.setup(), *script.rounds()], script.digest


def test_a_seed_always_sends_the_same():
    assert sent(7) == sent(7)


def test_another_seed_sends_something_else():
    assert sent(7)[1] != sent(8)[1]


def test_two_hundred_rounds_see_every_kind():
    script = Script(1, 200)
    names = {sending.kind for sendings in (*script.setup(), *script.rounds()) for sending in sendings}
    assert names == set(Script.names())


def test_withdrawals_come_in_runs_with_blocks_between_that_have_none():
    kinds = {name for name, kind in KINDS.items() if kind.alone == "withdrawals"}
    rounds = [any(one.kind in kinds for one in step) for step in Script(1, 200).rounds()]
    assert rounds.count(True) > 10
    runs = "".join("w" if withdraws else "." for withdraws in rounds)
    assert "www" in runs
    assert re.search(r"w\.{4,}w", runs)


def test_some_rounds_are_empty():
    assert [] in list(islice(Script(2, 100).rounds(), 100))


def test_init_code_leaves_the_code_that_it_is_made_for():
    for code in CONTRACTS.values():
        assert deploying(code).endswith(code)
    assert len(set(PLACES.values())) == len(CONTRACTS)


def test_contracts_of_the_first_nonces_have_their_known_addresses():
    """As `cast compute-address` says it."""
    creator = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    assert create_address(creator, 0) == "0x5fbdb2315678afecb367f032d93f642f64180aa3"
    assert create_address(creator, 1) == "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512"


# --- judging ---


def receipt(status="0x1", halt=None, output="0x", data=()):
    return {
        "transactionHash": "0x01",
        "blockNumber": "0x5",
        "status": status,
        "logs": [{"data": one} for one in data],
        "mega": {"haltReason": {"kind": halt} if halt else None, "output": output},
    }


@pytest.mark.parametrize(
    ("expected", "given", "is_right"),
    [
        (SUCCESS, receipt(), True),
        (SUCCESS, receipt("0x0"), False),
        (REVERT, receipt("0x0"), True),
        (REVERT, receipt("0x0", "OutOfGas(Basic)"), False),
        ("OutOfGas", receipt("0x0", "OutOfGas(Basic)"), True),
        (DATA, receipt("0x0", "OutOfGas(Basic)"), False),
    ],
)
def test_an_outcome_that_was_not_expected_is_a_fault(expected, given, is_right):
    tally = Tally(["one"])
    sending = Sending(expected, kind="one")
    tally.sent(sending)
    tally.included(sending, given)
    assert tally.exit_code() == (GOOD if is_right else FAULTY)


@pytest.mark.parametrize("where", [{"output": "0x002a"}, {"data": ("0x", "0x112a33")}])
def test_what_must_be_seen_may_stand_in_output_or_logs(where):
    tally = Tally(["one"])
    tally.included(Sending(SUCCESS, sees=(b"\x2a",), kind="one"), receipt(**where))
    assert tally.faults == []
    tally.included(Sending(SUCCESS, sees=(b"\x2b",), kind="one"), receipt(**where))
    assert len(tally.faults) == 1


def test_a_kind_that_never_gets_in_is_a_fault_and_one_that_is_never_sent_proves_nothing():
    tally = Tally(["one", "two"])
    tally.sent(Sending(SUCCESS, kind="one"))
    assert tally.exit_code() == FAULTY
    assert tally.lost() == ["one"]
    tally.included(Sending(SUCCESS, kind="one"), receipt())
    assert tally.exit_code() == UNKNOWN
    assert tally.to_json()["contents"] == {5: {"one": 1}}
    assert "never sent: two" in tally.text()


def test_an_interrupted_run_proves_nothing_unless_something_was_wrong_already():
    tally = Tally(["one"])
    tally.sent(Sending(SUCCESS, kind="one"))
    tally.interrupted = True
    assert tally.exit_code() == UNKNOWN
    tally.fault("a node has ended")
    assert tally.exit_code() == FAULTY


def test_refusals_are_as_expected_or_a_fault():
    tally = Tally(["one"])
    tally.sent(Sending(REFUSED, kind="one"))
    tally.refused(Sending(REFUSED, kind="one"), "nonce too low")
    assert tally.exit_code() == GOOD
    tally.refused(Sending(SUCCESS, kind="one"), "nonce too low")
    assert tally.exit_code() == FAULTY
