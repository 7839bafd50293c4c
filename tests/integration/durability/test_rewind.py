"""`evm_snapshot` and `evm_revert` on a real node: what was reverted is gone for good, and what stays is what was."""

import random
import threading
import time

import pytest

from tests.support.node import RpcFailure
from tests.support.waiting import eventually
from tests.support.wallet import EMITTER_CODE, EMITTER_TOPIC, address, nonce, send, signed_with_hash
from tests.support.witnesses import essence
from tests.support.ws_client import WsClient

FRIEND = "0x" + "ab" * 20
KILLS = 12


def balance(node, block="latest"):
    return int(node.rpc("eth_getBalance", FRIEND, block), 16)


def pay(node, wei, sender=0):
    receipt = send(node, sender, to=FRIEND, value=hex(wei))
    assert receipt["status"] == "0x1"
    return receipt


def check_links(node):
    """All blocks form one chain, and each one's state is there."""
    parent = None
    for number in range(node.height() + 1):
        block = node.rpc("eth_getBlockByNumber", hex(number), False)
        assert parent is None or block["parentHash"] == parent["hash"]
        assert node.rpc("eth_getBlockByHash", block["hash"], False)["number"] == hex(number)
        balance(node, hex(number))
        parent = block


@pytest.mark.parametrize("prefix", ["evm", "anvil"])
def test_a_revert_takes_everything_back_and_the_chain_goes_on(new_node, prefix):
    node = new_node().start()
    kept = pay(node, 1)
    snapshot = node.rpc(f"{prefix}_snapshot")
    gone = [pay(node, 10), pay(node, 100, sender=1)]
    node.sealed(int(gone[-1]["blockNumber"], 16) + 1)
    old = node.rpc("eth_getBlockByNumber", gone[0]["blockNumber"], False)
    assert balance(node) == 111

    assert node.rpc(f"{prefix}_revert", snapshot) is True
    assert balance(node) == 1
    assert (nonce(node, 0), nonce(node, 1)) == (1, 0)
    assert essence(node.rpc("eth_getTransactionReceipt", kept["transactionHash"])) == essence(kept)
    for receipt in gone:
        assert node.rpc("eth_getTransactionReceipt", receipt["transactionHash"]) is None
        assert node.rpc("eth_getTransactionByHash", receipt["transactionHash"]) is None

    again = pay(node, 1000)
    assert again["transactionHash"] != gone[0]["transactionHash"]
    block = node.sealed(int(again["blockNumber"], 16))
    assert block["hash"] != old["hash"]
    assert node.rpc("eth_getBlockByHash", old["hash"], False) is None
    assert balance(node) == 1001
    check_links(node)
    assert node.stop() == 0, node.log()


@pytest.mark.parametrize("mode", [{"blocks__automine": True}, {"blocks__mining": False}])
def test_time_and_numbers_go_back_with_the_chain_and_settings_stay(new_node, mode):
    node = new_node(**mode).start()
    node.rpc("evm_mine")
    node.rpc("anvil_impersonateAccount", FRIEND)
    before = node.rpc("eth_getBlockByNumber", "latest", False)
    snapshot = node.rpc("evm_snapshot")
    node.rpc("evm_increaseTime", 24 * 3600)
    node.rpc("anvil_mine", 5, 60)
    node.rpc("anvil_setBalance", FRIEND, "0x100")
    node.rpc("evm_setNextBlockTimestamp", int(before["timestamp"], 16) + 10**6)
    node.rpc("anvil_setBlockTimestampInterval", 7)
    assert node.rpc("evm_revert", snapshot) is True
    assert node.rpc("eth_getBlockByNumber", "latest", False) == before
    assert balance(node) == 0
    node.rpc("anvil_mine", 1)
    second = node.rpc("eth_getBlockByNumber", "latest", False)
    assert second["parentHash"] == before["hash"]
    assert second["number"] == hex(int(before["number"], 16) + 1)
    assert int(second["timestamp"], 16) == int(before["timestamp"], 16) + 7
    assert node.rpc("anvil_removeBlockTimestampInterval") is True
    node.rpc("evm_mine")
    third = node.rpc("eth_getBlockByNumber", "latest", False)
    assert 0 < int(third["timestamp"], 16) - int(second["timestamp"], 16) < 60
    node.rpc("anvil_setBalance", FRIEND, hex(10**18))
    digest = node.rpc("eth_sendTransaction", {"from": FRIEND, "to": FRIEND, "gas": "0x186a0"})
    node.rpc("evm_mine")
    assert node.rpc("eth_getTransactionReceipt", digest)["status"] == "0x1"
    check_links(node)


def test_fifty_fixtures_are_loaded_one_after_the_other(new_node):
    """As hardhat's `loadFixture` does it: back to the snapshot, and a new one in its place."""
    node = new_node(blocks__automine=True).start()
    pay(node, 1)
    place = node.height(), node.rpc("eth_getBlockByNumber", "latest", False)["hash"]
    snapshot = node.rpc("evm_snapshot")
    seen = set()
    for round_ in range(50):
        receipt = pay(node, 10 + round_, sender=round_ % 4)
        assert int(receipt["blockNumber"], 16) == place[0] + 1
        assert balance(node) == 11 + round_
        seen.add(receipt["transactionHash"])
        assert node.rpc("evm_revert", snapshot) is True
        snapshot = node.rpc("evm_snapshot")
        assert (node.height(), node.rpc("eth_getBlockByNumber", "latest", False)["hash"]) == place
    assert len(seen) == 50
    assert balance(node) == 1
    assert all(node.rpc("eth_getTransactionReceipt", digest) is None for digest in seen)
    assert int(node.rpc("eth_getBlockByNumber", "latest", False)["txOffset"], 16) == 0
    offset = int(node.rpc("eth_getBlockByNumber", pay(node, 1)["blockNumber"], False)["txOffset"], 16)
    assert offset == 1
    node.kill()
    node.start()
    assert balance(node) == 2
    assert int(node.rpc("eth_getBlockByNumber", "latest", False)["txOffset"], 16) == 1
    assert node.rpc("evm_revert", snapshot) is True
    assert balance(node) == 1
    check_links(node)


def test_filters_that_are_polled_go_back(new_node):
    node = new_node(blocks__automine=True).start()
    emitter = send(node, 0, input=EMITTER_CODE, gas=hex(10_000_000))["contractAddress"]
    snapshot = node.rpc("evm_snapshot")
    logs, blocks = node.rpc("eth_newFilter", {"address": emitter}), node.rpc("eth_newBlockFilter")
    send(node, 0, to=emitter)
    [told] = node.rpc("eth_getFilterChanges", logs)
    assert len(node.rpc("eth_getFilterChanges", blocks)) == 1
    assert node.rpc("evm_revert", snapshot) is True
    [gone] = node.rpc("eth_getFilterChanges", logs)
    assert gone == {**told, "removed": True}
    assert node.rpc("eth_getFilterChanges", blocks) == []
    again = send(node, 0, to=emitter, value="0x0", gas=hex(900_000))
    [new] = node.rpc("eth_getFilterChanges", logs)
    assert (new["transactionHash"], new["removed"]) == (again["transactionHash"], False)
    assert node.rpc("eth_getFilterChanges", blocks) == [new["blockHash"]]


def test_an_id_is_good_once_and_an_older_one_ends_the_newer(new_node):
    node = new_node().start()
    first = node.rpc("evm_snapshot")
    pay(node, 1)
    second = node.rpc("evm_snapshot")
    pay(node, 2)
    third = node.rpc("evm_snapshot")
    assert len({first, second, third}) == 3
    pay(node, 4)
    for unknown in (hex(int(third, 16) + 1), hex(2**64), "0xffffffffffff"):
        assert node.rpc("evm_revert", unknown) is False
    assert balance(node) == 7
    assert node.rpc("evm_revert", second) is True
    assert balance(node) == 1
    assert node.rpc("evm_revert", second) is False
    assert node.rpc("evm_revert", third) is False
    assert balance(node) == 1
    assert node.rpc("evm_revert", first) is True
    assert balance(node) == 0
    with pytest.raises(RpcFailure, match="must be a number"):
        node.rpc("evm_revert", "one")


def test_snapshots_survive_a_restart_and_can_be_gone_back_to_beyond_what_memory_has(new_node):
    node = new_node(blocks__block_time_s=0.1).start()
    deployed = send(node, 2, input=EMITTER_CODE, gas=hex(10_000_000))["contractAddress"]
    pay(node, 1)
    snapshot = node.rpc("evm_snapshot")
    send(node, 2, to=deployed)
    pay(node, 2)
    later = send(node, 3, input=EMITTER_CODE, gas=hex(10_000_000))["contractAddress"]
    height = node.height()
    # So long that the state is folded into the snapshot on disk.
    node.sealed(height + 12)
    assert node.stop() == 0
    node.start()
    assert node.rpc("eth_getStorageAt", deployed, "0x0", "latest") == "0x" + f"{42:064x}"
    assert node.rpc("evm_revert", snapshot) is True
    for _ in range(2):
        assert balance(node) == 1
        assert node.rpc("eth_getStorageAt", deployed, "0x0", "latest") == "0x" + f"{0:064x}"
        assert node.rpc("eth_getCode", later, "latest") == "0x"
        assert node.stop() == 0
        node.start()
    again = send(node, 3, input=EMITTER_CODE, gas=hex(10_000_000))["contractAddress"]
    assert again == later
    assert node.rpc("eth_getCode", later, "latest") != "0x"
    check_links(node)
    node.kill()
    node.start()
    assert node.rpc("eth_getCode", later, "latest") != "0x"
    check_links(node)


def test_logs_are_taken_back_from_who_was_told_of_them(new_node):
    node = new_node().start()
    emitter = send(node, 0, input=EMITTER_CODE, gas=hex(10_000_000))["contractAddress"]
    snapshot = node.rpc("evm_snapshot")
    with WsClient(node.ws_url) as client:
        sealed = client.call("eth_subscribe", "logs", {"address": emitter})
        early = client.call("eth_subscribe", "logs", {"address": emitter, "toBlock": "pending"})
        for _ in range(2):
            send(node, 0, to=emitter)
        told = {sealed: [], early: []}
        while min(map(len, told.values())) < 2:
            news = client.receive()["params"]
            told[news["subscription"]].append(news["result"])
        assert node.rpc("evm_revert", snapshot) is True
        taken = {sealed: [], early: []}
        while min(map(len, taken.values())) < 2:
            news = client.receive()["params"]
            taken[news["subscription"]].append(news["result"])
        for subscription in told:
            assert all(log["topics"] == [EMITTER_TOPIC] and log["removed"] for log in taken[subscription])
            places = [
                [(log["transactionHash"], log["logIndex"]) for log in logs]
                for logs in (told[subscription], reversed(taken[subscription]))
            ]
            assert places[0] == places[1]
        assert [log["blockHash"] for log in reversed(taken[sealed])] == [
            log["blockHash"] for log in told[sealed]
        ]
        send(node, 0, to=emitter)
        news = [client.receive()["params"]["result"] for _ in range(2)]
        assert not any(log["removed"] for log in news)
    assert len(node.rpc("eth_getLogs", {"address": emitter, "fromBlock": "0x0"})) == 1


def test_transactions_that_wait_stay(new_node):
    node = new_node().start()
    snapshot = node.rpc("evm_snapshot")
    pay(node, 1)
    raw, gapped = signed_with_hash(0, 2, to=FRIEND, value="0x64")
    node.rpc("eth_sendRawTransaction", raw)
    assert node.rpc("evm_revert", snapshot) is True
    assert node.rpc("eth_getTransactionByHash", gapped)["blockNumber"] is None
    assert nonce(node, 0) == 0
    for value in (10, 1000):
        pay(node, value)
    eventually(lambda: node.rpc("eth_getTransactionReceipt", gapped), "the transaction behind the gap")
    assert balance(node) == 1110


def test_blocks_are_rolled_back_by_their_number(new_node):
    node = new_node(blocks__block_time_s=0.1).start()
    pay(node, 1)
    node.sealed(node.height() + 5)
    snapshot = node.rpc("evm_snapshot")
    with pytest.raises(RpcFailure, match="must not exceed current chain height"):
        node.rpc("anvil_rollback", 10**6)
    node.rpc("anvil_rollback", node.height() - 1)
    first = node.rpc("eth_getBlockByNumber", "0x1", False)
    assert first is not None
    assert node.rpc("evm_revert", snapshot) is False
    node.rpc("anvil_rollback")
    check_links(node)
    node.rpc("anvil_rollback", hex(node.height()))
    assert balance(node) == 0
    pay(node, 7)
    check_links(node)


def test_a_block_is_made_the_newest(new_node):
    node = new_node(blocks__automine=True).start()
    for value in (1, 10, 100):
        pay(node, value)
    second = node.rpc("eth_getBlockByNumber", "0x2", False)
    with pytest.raises(RpcFailure, match="block 4 is not there"):
        node.rpc("debug_setHead", "0x4")
    assert node.rpc("debug_setHead", "0x2") is None
    assert node.rpc("eth_getBlockByNumber", "latest", False) == second
    assert balance(node) == 11
    pay(node, 1000)
    check_links(node)


def test_a_chain_that_began_anew_is_proven_after_a_restart(new_node, megaeth):
    node = new_node(blocks__block_time_s=0.1).start()
    for wei in range(1, 4):
        pay(node, wei)
    node.stop()  # a snapshot stands at the newest block now, with its commitment
    node.start()
    pay(node, 10, sender=1)
    node.rpc("anvil_reset")
    pay(node, 100, sender=2)
    for _ in range(2):
        node.stop()
        node.start()
        block = node.sealed(int(pay(node, 1000)["blockNumber"], 16))
        verified = megaeth("verify", "block", int(block["number"], 16), "--rpc-url", node.url)
        assert verified.code == 0, verified.out + verified.err


def test_blocks_are_replaced_by_transactions_of_ones_choice(new_node):
    node = new_node(blocks__block_time_s=0.1).start()
    node.sealed(30)
    gone = pay(node, 1)
    node.sealed(int(gone["blockNumber"], 16))
    depth = 4
    raw, signed = signed_with_hash(1, 0, to=FRIEND, value="0x64")
    bare = {"from": address(2), "to": FRIEND, "value": "0x3e8"}
    for pairs, message in [
        ([[raw, depth]], "must not exceed"),
        ([[raw]], "list of pairs"),
        ([["0xdead", 0]], "no signed transaction"),
        ("0x", "list of pairs"),
    ]:
        with pytest.raises(RpcFailure, match=message):
            node.rpc("anvil_reorg", depth, pairs)
    with pytest.raises(RpcFailure, match="Reorg depth must not exceed"):
        node.rpc("anvil_reorg", 10**6, [])
    assert balance(node) == 1
    depth = node.height() - int(gone["blockNumber"], 16) + 20  # blocks go on meanwhile
    node.rpc("anvil_reorg", depth, [[bare, depth - 1], [raw, 0]])
    eventually(lambda: balance(node) == 1100, "the other transactions")
    assert node.rpc("eth_getTransactionReceipt", gone["transactionHash"]) is None
    assert node.rpc("eth_getTransactionReceipt", signed)["status"] == "0x1"
    check_links(node)


def test_a_node_that_is_killed_while_it_reverts_has_the_chain_before_or_the_one_after(new_node):
    node = new_node(blocks__mini_block_time_ms=5, blocks__block_time_s=0.1)
    chance = random.Random()
    outcomes = set()
    for _ in range(KILLS):
        node.start()
        before = balance(node)
        snapshot = node.rpc("evm_snapshot")
        pay(node, 1)
        told = []

        def revert(snapshot=snapshot, told=told):
            try:
                told.append(node.rpc("evm_revert", snapshot))
                told.append(pay(node, 1000))
            except (OSError, EOFError, AssertionError, ValueError):
                pass

        client = threading.Thread(target=revert)
        client.start()
        time.sleep(chance.uniform(0.0, 0.06))
        node.kill()
        client.join()
        node.start()
        after = balance(node) - before
        # Nothing that was said is lost: neither that it was reverted nor what came after that.
        assert after in {0: (0, 1, 1000), 1: (0, 1000), 2: (1000,)}[len(told)], (told, after)
        outcomes.add(after)
        check_links(node)
        assert node.stop() == 0, node.log()
    assert outcomes


def test_a_batch_of_readers_finds_one_chain_or_the_other(new_node):
    """Nobody who asks while the chain goes back is told a mixture, or brings the node down."""
    node = new_node(blocks__mini_block_time_ms=5, blocks__block_time_s=0.1).start()
    done, faults = threading.Event(), []

    def read():
        with WsClient(node.ws_url) as client:
            while not done.is_set():
                try:
                    found = [client.call("eth_getBalance", FRIEND, "latest") for _ in range(3)]
                    found.append(client.call("eth_call", {"to": FRIEND}, "latest"))
                    client.call("eth_getBlockByNumber", "latest", True)
                    client.call("eth_getLogs", {"fromBlock": "0x0"})
                except RpcFailure as failure:
                    if "rolled back" not in str(failure):
                        faults.append(str(failure))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(8):
        snapshot = node.rpc("evm_snapshot")
        pay(node, 5)
        assert node.rpc("evm_revert", snapshot) is True
        assert balance(node) == 0
    done.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert node.stop() == 0, node.log()
    assert "Traceback" not in node.log()
