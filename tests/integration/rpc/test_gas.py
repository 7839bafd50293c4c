"""What gas questions answer on a chain with two kinds of gas, four limits and detention."""

import pytest

from tests.support import wallet
from tests.support.node import RpcFailure

LOOP = "0x5b600056"
LOOP_AFTER_READING_THE_TIME = "0x42505b600256"
REVERT = "0x60006000fd"
MEGA = {
    "computeGas",
    "storageGas",
    "dataSize",
    "kvUpdates",
    "stateGrowth",
    "detained",
    "haltReason",
    "closestLimit",
    "detention",
}


def refusal(node, method, **request):
    """The error of an estimate or a call; whatever ran says what it used."""
    with pytest.raises(RpcFailure) as caught:
        node.rpc(method, {"from": wallet.address(6), **request})
    return caught.value


@pytest.mark.parametrize("fields", [{"value": "0x1"}, {"data": "0x1234"}])
def test_the_estimate_of_plain_transactions_is_what_they_use(node, fields):
    estimate = node.rpc("eth_estimateGas", {"from": wallet.address(6), "to": wallet.address(7), **fields})
    fields = {("input" if name == "data" else name): value for name, value in fields.items()}
    receipt = wallet.send(node, 6, to=wallet.address(7), gas=estimate, **fields)
    assert receipt["gasUsed"] == estimate


def test_the_estimate_is_enough_and_one_less_is_not(node, emitter):
    request = {"from": wallet.address(6), "to": emitter}
    estimate = node.rpc("eth_estimateGas", request)
    assert wallet.send(node, 6, to=emitter, gas=estimate)["status"] == "0x1"
    less = hex(int(node.rpc("eth_estimateGas", request), 16) - 1)
    assert "allowance" in refusal(node, "eth_estimateGas", to=emitter, gas=less).message


@pytest.mark.parametrize("method", ["eth_estimateGas", "eth_call"])
def test_an_execution_that_fails_says_what_it_used(node, method):
    failure = refusal(node, method, data=REVERT)
    assert (failure.code, failure.message) == (3, "execution reverted")
    assert failure.error["data"] == "0x"
    mega = failure.error["mega"]
    assert mega.keys() == MEGA
    assert int(mega["computeGas"], 16) > 53_000
    assert int(mega["storageGas"], 16) > 39_000
    assert mega["detained"] is False
    assert mega["haltReason"] is None


@pytest.mark.parametrize("method", ["eth_estimateGas", "eth_call"])
def test_a_compute_limit_is_named_with_its_number(node, method):
    failure = refusal(node, method, data=LOOP)
    assert "compute gas limit" in failure.message
    assert 199_000_000 < int(failure.error["mega"]["computeGas"], 16) <= 200_000_000 + 100_000


@pytest.mark.parametrize("method", ["eth_estimateGas", "eth_call"])
def test_detention_is_named_with_what_was_read_and_the_limit(node, method):
    failure = refusal(node, method, data=LOOP_AFTER_READING_THE_TIME)
    assert "gas detention" in failure.message
    assert "TIMESTAMP" in failure.message
    mega = failure.error["mega"]
    assert mega["detained"] is True
    assert mega["haltReason"]["kind"] == "VolatileDataAccessOutOfGas"
    assert int(mega["haltReason"]["actual"], 16) > int(mega["haltReason"]["limit"], 16) > 20_000_000


def test_a_failed_transaction_keeps_its_halt_in_the_receipt(node):
    receipt = wallet.send(node, 6, input=LOOP, gas=hex(1_000_000))
    assert receipt["status"] == "0x0"
    assert receipt["mega"]["haltReason"]["kind"].startswith("OutOfGas")
    assert int(receipt["gasUsed"], 16) == 1_000_000


def test_too_little_gas_for_anything_is_told_apart(node):
    assert "want 60000" in refusal(node, "eth_call", to=wallet.address(7), gas=hex(21_000)).message
    too_dear = refusal(node, "eth_estimateGas", to=wallet.address(7), value=hex(10**30))
    assert (too_dear.code, "insufficient funds" in too_dear.message) == (-32003, True)
