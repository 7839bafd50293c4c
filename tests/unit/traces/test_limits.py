"""What was used of a limit is told where the chain's rules have that limit."""

import pytest

from megaeth_cli.chain.allowance import allowance_of
from megaeth_cli.inspect.reasons import DETAINED
from megaeth_cli.traces.frame import of_answer
from megaeth_cli.traces.limits import Dimension, foreseen, metered
from tests.unit.traces.trees import call

MEGA = {"dataSize": "0x96", "kvUpdates": "0x2", "computeGas": "0x5208", "stateGrowth": "0x1"}
ACCOUNT = {"before": None, "after": {}, "storage": [{"slot": "0x0", "before": "0x0", "after": "0x5"}]}


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
    assert list(foreseen(of_answer(call()), {"accounts": [ACCOUNT]}, ethereum)) == []


def test_what_a_call_would_use_is_foreseen():
    rules = allowance("rex6")
    found = foreseen(of_answer(call()), {"accounts": [ACCOUNT]}, rules)
    assert list(found) == [
        Dimension("compute gas", 0x320, rules.limits[2]),
        Dimension("state growth", 2, rules.limits[3]),
    ]


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
