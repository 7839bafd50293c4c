"""What the engine says that things cost: MegaETH's published numbers, under its newest rules and under others."""

from fractions import Fraction

import pytest

from megaeth_cli.lint.costs import Costs
from megaeth_cli.lint.probe import Gas


@pytest.fixture(scope="module")
def costs():
    return Costs("rex6")


def test_gas_is_that_of_the_dual_gas_model(costs):
    assert costs.intrinsic == Gas(21_000, 39_000)
    assert costs.code_byte == Gas(200, 10_000)
    assert costs.log_topic == Gas(375, 3_750)
    assert costs.log_byte == Gas(8, 80)
    assert costs.new_slot == Gas(22_100, 0)
    assert costs.slot_read == Gas(2_100, 0)


def test_a_crowded_bucket_makes_slots_dearer(costs):
    assert costs.crowded.new_slot == Gas(22_100, 20_000 * 7)
    assert costs.crowded.code_byte == costs.code_byte


def test_ethereum_takes_no_storage_gas(costs):
    ethereum = costs.ethereum
    each = (ethereum.intrinsic, ethereum.code_byte, ethereum.log_topic, ethereum.log_byte, ethereum.new_slot)
    assert [one.storage for one in each] == [0] * 5
    assert ethereum.intrinsic.total == 21_000
    assert ethereum.forwarded == Fraction(63, 64)


def test_limits_are_those_that_the_engine_enforces(costs):
    assert costs.compute_limit == 200_000_000
    assert costs.state_growth_limit == 1_000
    assert costs.detained_compute == 20_000_000
    assert costs.forwarded == Fraction(98, 100)
    assert costs.ethereum.state_growth_limit is None
    assert costs.ethereum.detained_compute is None


def test_each_read_of_the_block_detains_and_what_is_not_of_the_block_does_not(costs):
    assert costs.detaining >= {"timestamp", "number", "coinbase", "prevrandao", "gaslimit", "basefee"}
    assert costs.detaining >= {"blockhash", "blobhash", "blobbasefee", "oracle"}


def test_the_oracle_detains_since_the_fork_that_says_so():
    assert "oracle" not in Costs("mini-rex").detaining
    assert "oracle" in Costs("rex3").detaining


def test_a_deployment_costs_its_code_whatever_its_constructor_does(costs):
    # PUSH0 PUSH0 REVERT, then the code.
    runtime = b"\xfe" * 1_000
    gas = costs.deployment(bytes.fromhex("5f5ffd") + runtime, runtime)
    more = costs.deployment(bytes.fromhex("5f5ffd") + 2 * runtime, 2 * runtime)
    assert gas.storage >= 1_000 * costs.code_byte.storage
    # Twice: as calldata, and as code.
    assert (more - gas).storage == 1_000 * (costs.code_byte.storage + 160)


def test_more_code_than_a_contract_may_have_is_no_deployment(costs):
    runtime = b"\xfe" * (512 * 1024 + 1)
    assert costs.deployment(runtime, runtime) is None


def test_the_stipend_pays_for_an_event_since_rex4():
    assert [Costs(spec).stipend_allows_event for spec in ("equivalence", "rex3", "rex4")] == [
        True,
        False,
        True,
    ]


def test_selfdestruct_leaves_the_code_and_halted_before_rex2(costs):
    assert costs.selfdestruct is not None
    assert costs.code_survives_selfdestruct
    assert Costs("rex1").selfdestruct is None
    assert costs.crowded.selfdestruct.storage == 25_000 * 7
