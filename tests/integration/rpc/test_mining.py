"""When blocks are closed and what time they tell, under the names that testing tools use, in each mode."""

import time
from itertools import pairwise

import pytest

from devnet._engine import keccak256
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.chain.verification import NodeSource, Rules
from tests.support import wallet
from tests.support.node import RpcFailure
from tests.support.waiting import eventually

MODES = {
    "continuous": {},
    "automine": {"blocks__automine": True},
    "manual": {"blocks__mining": False},
}
YEAR = 365 * 24 * 3600


def somebody(name):
    return "0x" + keccak256(name.encode())[12:].hex()


@pytest.fixture(params=MODES)
def any_mode(request, new_node):
    with new_node(**MODES[request.param]) as node:
        yield node
        assert node.stop() == 0, node.log()
        assert "Traceback" not in node.log()


@pytest.fixture
def automine(new_node):
    with new_node(**MODES["automine"]) as node:
        yield node


@pytest.fixture
def manual(new_node):
    with new_node(**MODES["manual"]) as node:
        yield node


def newest(node):
    block = node.rpc("eth_getBlockByNumber", "latest", False)
    return int(block["number"], 16), int(block["timestamp"], 16)


def stamps(node):
    """The newest blocks' timestamps: of one, where time closes none meanwhile."""
    count = 10 if node.config.blocks.mining and not node.config.blocks.automine else 1
    number, _ = newest(node)
    blocks = range(max(number - count, 0) + 1, number + 1)
    return [int(node.rpc("eth_getBlockByNumber", hex(block), False)["timestamp"], 16) for block in blocks]


def pay(node, **fields):
    fields = {"from": wallet.address(1), "to": wallet.address(2), "value": "0x1", **fields}
    return node.rpc("eth_sendTransaction", fields)


# --- every mode ---


def test_blocks_are_there_when_they_were_asked_for(any_mode):
    before, _ = newest(any_mode)
    assert any_mode.rpc("evm_mine") == "0x0"
    assert newest(any_mode)[0] >= before + 1
    before, _ = newest(any_mode)
    assert any_mode.rpc("anvil_mine", "0x5") is None
    assert any_mode.rpc("hardhat_mine", 3) is None
    assert any_mode.rpc("evm_mine", {"blocks": 2}) == "0x0"
    assert newest(any_mode)[0] >= before + 10
    assert any_mode.rpc("anvil_mine", 0) is None


def test_a_block_has_the_timestamp_that_was_chosen_for_it(any_mode):
    for method in ("evm_setNextBlockTimestamp", "anvil_setNextBlockTimestamp"):
        wanted = newest(any_mode)[1] + 1000
        assert any_mode.rpc(method, hex(wanted)) is None
        any_mode.rpc("hardhat_mine")
        assert wanted in stamps(any_mode)
    wanted = newest(any_mode)[1] + 1000
    any_mode.rpc("evm_mine", wanted)
    assert wanted in stamps(any_mode)
    any_mode.rpc("evm_mine", {"timestamp": hex(wanted + 77)})
    assert wanted + 77 in stamps(any_mode)


def test_the_clock_goes_on_from_where_it_was_set(any_mode):
    _, before = newest(any_mode)
    assert any_mode.rpc("evm_increaseTime", YEAR) == YEAR
    assert any_mode.rpc("anvil_increaseTime", hex(YEAR)) == 2 * YEAR
    any_mode.rpc("evm_mine")
    _, after = newest(any_mode)
    assert before + 2 * YEAR <= after <= time.time() + 2 * YEAR + 5
    moved = any_mode.rpc("evm_setTime", after + YEAR)
    assert YEAR - 5 <= moved <= YEAR
    any_mode.rpc("evm_mine")
    assert after + YEAR <= newest(any_mode)[1] <= after + YEAR + 5
    # A transaction sees it.
    receipt = any_mode.rpc("eth_sendRawTransaction", wallet.signed(0, 0, to=wallet.address(1)))
    any_mode.rpc("evm_mine")
    assert any_mode.rpc("eth_getTransactionReceipt", receipt)["status"] == "0x1"


def test_a_restart_goes_on_in_the_chains_own_time(any_mode):
    any_mode.rpc("evm_increaseTime", YEAR)
    any_mode.rpc("evm_mine")
    number, timestamp = newest(any_mode)
    any_mode.kill()
    any_mode.start()
    any_mode.rpc("evm_mine")
    after = newest(any_mode)
    assert after[0] > number
    assert timestamp <= after[1] < timestamp + 60


def test_a_restart_amid_a_block_whose_time_was_set_goes_on_in_it(new_node):
    """The clock is the machine's again, and behind what the block's mini-blocks tell."""
    with new_node(blocks__block_time_s=3.0) as node:
        _, before = newest(node)
        node.rpc("evm_increaseTime", YEAR)

        def in_the_new_time():
            mini = node.rpc("mega_getMiniBlock", "latest")
            if mini is None or mini["index"] == "0x0":
                return None
            return mini if int(mini["block_timestamp"], 16) >= before + YEAR else None

        mini = eventually(in_the_new_time, "a block of the new time")
        number = int(mini["block_number"], 16)
        node.kill()
        node.start()
        node.sealed(number)
        with RpcClient(node.url) as client:
            report = NodeSource(client, Rules(), print).verify(number)
        assert report.ok, report.first_difference
        # And so does the clock.
        assert newest(node)[1] >= before + YEAR
        node.rpc("evm_mine")
        assert newest(node)[1] >= before + YEAR


def test_blocks_are_as_far_apart_as_was_asked(any_mode):
    any_mode.rpc("anvil_setBlockTimestampInterval", 100)
    any_mode.rpc("anvil_mine", 3)
    number, last = newest(any_mode)
    stamps = [
        int(any_mode.rpc("eth_getBlockByNumber", hex(block), False)["timestamp"], 16)
        for block in range(number - 1, number + 1)
    ]
    assert stamps == [last - 100, last]
    assert any_mode.rpc("anvil_removeBlockTimestampInterval") is True
    assert any_mode.rpc("anvil_removeBlockTimestampInterval") is False


@pytest.mark.parametrize("method", ["anvil_mine", "hardhat_mine"])
def test_many_blocks_may_be_apart_too(automine, method):
    before = newest(automine)
    automine.rpc(method, hex(10), hex(60))
    after = newest(automine)
    assert after[0] == before[0] + 10
    stamps = [
        int(automine.rpc("eth_getBlockByNumber", hex(block), False)["timestamp"], 16)
        for block in range(before[0] + 1, after[0] + 1)
    ]
    assert all(later - earlier == 60 for earlier, later in pairwise(stamps))


@pytest.mark.parametrize("method", ["anvil_mine", "hardhat_mine"])
def test_an_interventions_block_is_the_first_of_many(automine, method):
    automine.rpc("anvil_setBalance", somebody("first of many"), "0x5")
    before = newest(automine)
    automine.rpc(method, hex(3), hex(60))
    number, timestamp = newest(automine)
    assert number == before[0] + 3
    assert timestamp - before[1] >= 120 + 60 * (method == "anvil_mine")


@pytest.mark.parametrize("method", ["anvil_mine", "hardhat_mine"])
def test_an_interval_of_zero_is_none_in_particular(automine, method):
    """As viem sends it where nobody has given one."""
    automine.rpc("anvil_setBlockTimestampInterval", 7)
    automine.rpc(method, hex(2), "0x0")
    number, last = newest(automine)
    before = automine.rpc("eth_getBlockByNumber", hex(number - 1), False)
    assert last - int(before["timestamp"], 16) == 7


@pytest.mark.parametrize("method", ["evm_setNextBlockTimestamp", "evm_setTime", "evm_mine"])
def test_time_does_not_go_back(any_mode, method):
    any_mode.rpc("evm_mine")
    for wanted in (0, 1, newest(any_mode)[1]):
        with pytest.raises(RpcFailure, match="previous block's timestamp"):
            any_mode.rpc(method, hex(wanted))


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("evm_increaseTime", [-1]),
        ("evm_increaseTime", [hex(2**63)]),
        ("evm_setNextBlockTimestamp", [hex(2**63)]),
        ("evm_mine", [{"when": "0x1"}]),
        ("evm_mine", [{"blocks": hex(2**40)}]),
        ("anvil_mine", ["many"]),
        ("evm_setAutomine", ["yes"]),
        ("evm_setIntervalMining", [1]),
        ("evm_setIntervalMining", []),
    ],
)
def test_bad_parameters_change_nothing(node, method, params):
    with pytest.raises(RpcFailure) as refused:
        node.rpc(method, *params)
    assert refused.value.code == -32602
    assert node.rpc("anvil_getAutomine") is True


# --- automine ---


def test_each_transaction_closes_its_block_before_its_hash_is_told(automine):
    number, _ = newest(automine)
    for count in range(1, 6):
        digest = pay(automine)
        receipt = automine.rpc("eth_getTransactionReceipt", digest)
        assert int(receipt["blockNumber"], 16) == number + count
        block = automine.rpc("eth_getBlockByNumber", receipt["blockNumber"], False)
        assert block["transactions"] == [digest]
        assert block["hash"] == receipt["blockHash"]
    # Nothing else makes blocks.
    assert newest(automine)[0] == number + 5
    assert automine.rpc("anvil_getAutomine") is True
    assert automine.rpc("anvil_getIntervalMining") is None


def test_transactions_that_come_at_once_have_a_block_each(automine):
    raws = [wallet.signed(sender, 0, to=wallet.address(9), value="0x1") for sender in range(5)]
    digests = [automine.rpc("eth_sendRawTransaction", raw) for raw in raws]
    blocks = {automine.rpc("eth_getTransactionReceipt", digest)["blockNumber"] for digest in digests}
    assert len(blocks) == 5


@pytest.fixture(params=["automine", "manual"])
def on_demand(request, new_node):
    with new_node(**MODES[request.param]) as node:
        yield node


STAMPER = "0x424355436000524260205260406000f3"
"""slot[NUMBER] = TIMESTAMP; returns both."""


def put_stamper(node):
    """A call of a contract that writes another slot in each block."""
    address = somebody("stamper")
    node.rpc("anvil_setCode", address, STAMPER)
    node.rpc("evm_mine")
    return {"from": wallet.address(1), "to": address}


def told(node, call, *block):
    """In which block a call is, and when that is."""
    answer = bytes.fromhex(node.rpc("eth_call", call, *block)[2:])
    return int.from_bytes(answer[:32]), int.from_bytes(answer[32:])


@pytest.mark.parametrize("block", [[], ["latest"], ["pending"]])
def test_gas_is_estimated_for_the_block_that_a_transaction_will_be_in(on_demand, block):
    call = put_stamper(on_demand)
    for _ in range(2):
        gas = on_demand.rpc("eth_estimateGas", call, *block)
        sent = pay(on_demand, **call, gas=gas, value="0x0")
        if not on_demand.config.blocks.automine:
            on_demand.rpc("evm_mine")
        receipt = on_demand.rpc("eth_getTransactionReceipt", sent)
        assert receipt["status"] == "0x1"
        assert int(receipt["gasUsed"], 16) > 40_000, "a slot that was written already"
    # At a block that is past it is what it was.
    assert int(on_demand.rpc("eth_estimateGas", call, receipt["blockNumber"]), 16) < int(gas, 16)


def test_pending_is_the_block_that_comes(on_demand):
    call = put_stamper(on_demand)
    number, timestamp = newest(on_demand)
    assert told(on_demand, call, "latest") == (number, timestamp)
    next_number, next_timestamp = told(on_demand, call, "pending")
    assert next_number == number + 1
    assert timestamp < next_timestamp < timestamp + 60
    on_demand.rpc("anvil_setBlockTimestampInterval", 77)
    assert told(on_demand, call, "pending") == (number + 1, timestamp + 77)
    on_demand.rpc("evm_setNextBlockTimestamp", hex(timestamp + 500))
    assert told(on_demand, call, "pending") == (number + 1, timestamp + 500)
    # It is open with an intervention, until the clock is set anew.
    on_demand.rpc("anvil_setBalance", somebody("opens a block"), "0x5")
    assert told(on_demand, call, "pending") == told(on_demand, call) == (number + 1, timestamp + 500)
    on_demand.rpc("evm_setNextBlockTimestamp", hex(timestamp + 900))
    assert told(on_demand, call, "pending") == (number + 2, timestamp + 900)
    on_demand.rpc("evm_mine")
    assert newest(on_demand) == (number + 2, timestamp + 900)


def test_a_transaction_behind_a_gap_waits_for_it(automine):
    later = automine.rpc("eth_sendRawTransaction", wallet.signed(0, 1, to=wallet.address(1)))
    assert automine.rpc("eth_getTransactionReceipt", later) is None
    automine.rpc("eth_sendRawTransaction", wallet.signed(0, 0, to=wallet.address(1)))
    eventually(lambda: automine.rpc("eth_getTransactionReceipt", later), "the one behind it")


def test_an_intervention_closes_no_block_and_has_its_time(automine):
    number, timestamp = newest(automine)
    automine.rpc("anvil_setNextBlockTimestamp", hex(timestamp + 500))
    account = somebody("automined")
    automine.rpc("anvil_setBalance", account, "0x5")
    assert automine.rpc("eth_getBalance", account, "latest") == "0x5"
    assert newest(automine) == (number, timestamp)
    pay(automine)
    assert newest(automine) == (number + 1, timestamp + 500)
    # A clock that is set afterwards is the next block's.
    automine.rpc("anvil_setBalance", account, "0x6")
    automine.rpc("evm_increaseTime", 1000)
    pay(automine)
    number_after, timestamp_after = newest(automine)
    assert number_after == number + 3
    assert timestamp_after >= timestamp + 1500


def test_an_impersonated_account_closes_blocks_too(automine):
    account = somebody("impersonated")
    automine.rpc("anvil_setBalance", account, hex(10**18))
    automine.rpc("anvil_impersonateAccount", account)
    receipt = automine.rpc("eth_getTransactionReceipt", pay(automine, **{"from": account}))
    assert automine.rpc("eth_getBlockByNumber", receipt["blockNumber"], False)["hash"] == receipt["blockHash"]


# --- no mining ---


def test_transactions_wait_until_a_block_is_asked_for(manual):
    number, _ = newest(manual)
    digests = [pay(manual), pay(manual)]
    account = somebody("manual")
    manual.rpc("anvil_setBalance", account, hex(10**18))
    assert int(manual.rpc("eth_getBalance", account, "latest"), 16) == 10**18
    manual.rpc("anvil_impersonateAccount", account)
    digests.append(pay(manual, **{"from": account}))
    assert [manual.rpc("eth_getTransactionReceipt", one) for one in digests] == [None] * 3
    assert newest(manual)[0] == number
    manual.rpc("evm_mine")
    receipts = [manual.rpc("eth_getTransactionReceipt", one) for one in digests]
    assert {int(receipt["blockNumber"], 16) for receipt in receipts} == {number + 1}
    assert manual.rpc("anvil_getAutomine") is False


@pytest.mark.parametrize("method", ["evm_mine_detailed", "anvil_mine_detailed"])
def test_blocks_are_shown_as_they_are_closed(manual, method):
    returns = {"from": wallet.address(1), "data": "0x602a5f5260205ff3", "gas": hex(5_000_000)}
    reason = "08c379a0" + f"{32:064x}{2:064x}" + b"no".hex().ljust(64, "0")
    reverts = {**returns, "from": wallet.address(2), "data": "0x6064600a5f3960645ffd" + reason}
    hashes = [manual.rpc("eth_sendTransaction", call) for call in (returns, reverts)]
    number, timestamp = newest(manual)
    first, second = manual.rpc(method, {"blocks": 2, "timestamp": hex(timestamp + 500)})
    assert (int(first["number"], 16), int(first["timestamp"], 16)) == (number + 1, timestamp + 500)
    assert (int(second["number"], 16), second["transactions"]) == (number + 2, [])
    told = {tx["hash"]: tx for tx in first["transactions"]}
    assert int(told[hashes[0]]["output"], 16) == 42
    assert "revertReason" not in told[hashes[0]]
    assert told[hashes[1]]["revertReason"] == "no"
    assert told[hashes[1]]["output"] == "0x" + reason
    [alone] = manual.rpc(method)
    assert alone == manual.rpc("eth_getBlockByNumber", "latest", True)
    assert manual.rpc(method, {"blocks": "0x0"}) == []


def test_too_many_blocks_are_not_shown(automine):
    before = newest(automine)
    for options in ({"blocks": 1_001}, {"blocks": "many"}, {"when": 1}):
        with pytest.raises(RpcFailure) as refused:
            automine.rpc("evm_mine_detailed", options)
        assert refused.value.code in (-32005, -32602)
    assert newest(automine) == before


def test_modes_change_while_the_node_runs(manual):
    first = pay(manual)
    manual.rpc("evm_setAutomine", True)
    eventually(lambda: manual.rpc("eth_getTransactionReceipt", first), "what had waited")
    assert manual.rpc("hardhat_getAutomine") is True
    assert manual.rpc("eth_getTransactionReceipt", pay(manual))
    manual.rpc("evm_setAutomine", False)
    waiting = pay(manual)
    assert manual.rpc("eth_getTransactionReceipt", waiting) is None
    manual.rpc("evm_setIntervalMining", 500)
    eventually(lambda: manual.rpc("eth_getTransactionReceipt", waiting), "time to close a block")
    number, _ = newest(manual)
    eventually(lambda: newest(manual)[0] > number + 1, "blocks without transactions")
    manual.rpc("anvil_setIntervalMining", 2)
    assert manual.rpc("anvil_getIntervalMining") == 2
    manual.rpc("anvil_setIntervalMining", 0)
    waiting = pay(manual)
    assert manual.rpc("eth_getTransactionReceipt", waiting) is None
    manual.rpc("anvil_mine")
    assert manual.rpc("eth_getTransactionReceipt", waiting)


def test_long_blocks_begin_at_once(new_node):
    with new_node(blocks__block_time_s=600.0) as node:
        receipt = wallet.send(node, 0, to=somebody("patient"))
        assert int(receipt["blockNumber"], 16) == 1
        node.rpc("anvil_mine", "0x2")
        assert node.height() == 2


def test_the_default_is_stopped_and_goes_on(new_node):
    with new_node(blocks__block_time_s=1.0) as node:
        assert (node.rpc("anvil_getAutomine"), node.rpc("anvil_getIntervalMining")) == (True, 1)
        node.rpc("evm_setAutomine", False)
        waiting = pay(node)
        node.rpc("evm_mine")
        assert node.rpc("eth_getTransactionReceipt", waiting)
        number, _ = newest(node)
        node.rpc("anvil_setIntervalMining", 1)
        eventually(lambda: newest(node)[0] > number + 1, "blocks again")


def test_what_was_not_mined_survives_no_restart_but_what_was_does(manual):
    mined = pay(manual)
    manual.rpc("evm_mine")
    manual.rpc("anvil_setBalance", somebody("durable"), "0x7")
    manual.kill()
    manual.start()
    assert manual.rpc("eth_getTransactionReceipt", mined)
    assert manual.rpc("eth_getBalance", somebody("durable"), "latest") == "0x7"
    number, _ = newest(manual)
    manual.rpc("evm_mine")
    assert newest(manual)[0] == number + 1
