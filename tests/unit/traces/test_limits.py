"""What was used of a limit is told where the chain's rules have that limit."""

import pytest

from megaeth_cli.chain.allowance import allowance_of
from megaeth_cli.inspect.reasons import DETAINED
from megaeth_cli.traces.frame import of_answer
from megaeth_cli.traces.limits import Dimension, metered
from tests.unit.traces.trees import call

MEGA = {"dataSize": "0x96", "kvUpdates": "0x2", "computeGas": "0x5208", "stateGrowth": "0x1"}


def allowance(spec):
    return allowance_of({"chainId": 1, "spec": spec})


@pytest.mark.parametrize("spec", ["rex", "rex6"])
def test_each_dimension_is_told_with_its_limit(spec):
    rules = allowance(spec)
    found = list(metered(MEGA, rules))
    assert [one.used for one in found] == [0x96, 2, 0x5208, 1]
    assert tuple(one.limit for one in found) == rules.limits
    assert not any(one.reached for one in found)


def test_the_rules_of_a_time_have_their_own_limits():
    old, new = (list(metered(MEGA, allowance(spec))) for spec in ("mini-rex", "rex6"))
    assert [one.name for one in old] == ["data size", "KV updates", "compute gas"]
    assert old[2].limit > new[2].limit


def test_what_has_no_limit_is_not_told():
    ethereum = allowance("equivalence")
    assert list(metered(MEGA, ethereum)) == []


def test_a_tree_tells_what_the_whole_used():
    inner = call() | {"mega": {"computeGas": "0x1", "storageGas": "0x0"}}
    root = of_answer(call(calls=[inner]) | {"mega": MEGA | {"storageGas": "0x0"}})
    assert [one.used for one in metered(root.mega, allowance("rex6"))] == [0x96, 2, 0x5208, 1]
    assert root.calls[0].mega is None
    assert list(metered(of_answer(call() | {"mega": None}).mega, allowance("rex6"))) == []


def test_a_limit_that_ended_it_is_reached():
    rules = allowance("rex6")
    by_number = [one.reached for one in metered(MEGA, rules, reached=3)]
    by_halt = [
        one.reached for one in metered(MEGA | {"haltReason": {"kind": "StateGrowthLimitExceeded"}}, rules)
    ]
    assert by_number == by_halt == [False, False, False, True]


def test_detention_has_a_limit_of_its_own():
    halt = {"kind": DETAINED, "limit": "0x100", "actual": "0x101"}
    detained = list(metered(MEGA | {"haltReason": halt}, allowance("rex6")))[2]
    assert detained == Dimension("compute gas, detained", 0x5208, 0x100, reached=True)
    mega = MEGA | {"detention": {"accesses": ["TIMESTAMP"], "limit": "0x1312d00"}, "haltReason": None}
    lives = list(metered(mega, allowance("rex6")))[2]
    assert lives == Dimension("compute gas, detained", 0x5208, 0x1312D00, reached=False)
