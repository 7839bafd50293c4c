"""MegaETH's realtime API: news of mini-blocks, and what can be read before a block is sealed."""

import time

import pytest

from tests.support import openrpc, wallet
from tests.support.node import RpcFailure
from tests.support.socket_client import SocketClient

UNSEALED = "0x" + "ff" * 32


@pytest.fixture(scope="module")
def ws(node):
    with SocketClient(node.ws_url) as client:
        yield client


@pytest.fixture(scope="module")
def schemas():
    return openrpc.Schemas(openrpc.load())


def test_heads_are_headers_with_their_mini_blocks(ws, node):
    heads = ws.subscribe("newHeads")
    first, second = ws.next(heads), ws.next(heads)
    assert second["parentHash"] == first["hash"]
    assert int(second["number"], 16) == int(first["number"], 16) + 1
    block = node.rpc("eth_getBlockByHash", first["hash"], False)
    assert all(block[name] == value for name, value in first.items() if name in block)
    assert int(first["miniBlockCount"], 16) > 0
    offset = int(first["miniBlockOffset"], 16)
    assert int(second["miniBlockOffset"], 16) == offset + int(first["miniBlockCount"], 16)
    count = node.rpc("eth_getBlockTransactionCountByHash", first["hash"])
    assert int(second["txOffset"], 16) == int(first["txOffset"], 16) + int(count, 16)
    assert len(first["signature"]) == 2 + 2 * 65
    assert int(first["signature"][-2:], 16) in (27, 28)
    ws.call("eth_unsubscribe", heads)


def test_mini_blocks_are_numbered_without_gaps_and_carry_transactions_and_receipts(
    ws, node, emitter, schemas
):
    minis = ws.subscribe("miniBlocks")
    digest = wallet.send(node, 1, to=emitter)["transactionHash"]
    number, timestamp = None, 0
    while True:
        mini = ws.next(minis)
        assert number is None or int(mini["mini_block_number"], 16) == number + 1
        assert int(mini["mini_block_timestamp"], 16) >= timestamp
        number, timestamp = int(mini["mini_block_number"], 16), int(mini["mini_block_timestamp"], 16)
        assert {
            "block_number",
            "block_timestamp",
            "index",
            "gas_used",
            "transaction_root",
            "receipt_root",
        } <= mini.keys()
        assert {"r", "s", "yParity"} <= mini["signature"].keys()
        if any(receipt["transactionHash"] == digest for receipt in mini["receipts"]):
            break
    [receipt] = [item for item in mini["receipts"] if item["transactionHash"] == digest]
    [transaction] = [item for item in mini["transactions"] if item["hash"] == digest]
    schemas.check_component("ReceiptInfo", receipt)
    assert receipt["blockHash"] == UNSEALED
    assert transaction["blockHash"] is None
    ws.call("eth_unsubscribe", minis)


def test_no_timestamp_runs_ahead_of_the_clock(ws, node):
    minis, heads = ws.subscribe("miniBlocks"), ws.subscribe("newHeads")
    for _ in range(50):
        mini = ws.next(minis)
        assert int(mini["mini_block_timestamp"], 16) <= time.time_ns() // 1000
        assert int(mini["block_timestamp"], 16) * 10**6 <= int(mini["mini_block_timestamp"], 16)
    for _ in range(3):
        assert int(ws.next(heads)["timestamp"], 16) <= time.time()
    for subscription in (minis, heads):
        ws.call("eth_unsubscribe", subscription)


def test_a_realtime_receipt_is_handed_out_before_its_block_is_sealed(node, emitter):
    receipt = wallet.send(node, 1, to=emitter)
    assert receipt["status"] == "0x1"
    assert receipt["blockHash"] == UNSEALED
    assert receipt["logs"][0]["blockHash"] == UNSEALED
    mega = receipt["mega"]
    assert int(mega["computeGas"], 16) + int(mega["storageGas"], 16) == int(receipt["gasUsed"], 16)
    block = node.sealed(int(receipt["blockNumber"], 16))
    sealed = node.rpc("eth_getTransactionReceipt", receipt["transactionHash"])
    assert sealed["blockHash"] == block["hash"]
    different = {name for name in receipt if receipt[name] != sealed[name]}
    assert different <= {"blockHash", "logs"}


def test_latest_is_the_newest_mini_block_and_numbers_are_sealed_blocks(node):
    recipient = "0x00000000000000000000000000000000000000bb"
    receipt = wallet.send(node, 1, to=recipient, value="0x1")
    number = receipt["blockNumber"]
    assert node.rpc("eth_getBalance", recipient, "latest") == "0x1"
    assert node.rpc("eth_getBalance", recipient, "pending") == "0x1"
    before = hex(int(number, 16) - 1)
    assert node.rpc("eth_getBalance", recipient, before) == "0x0"
    node.sealed(int(number, 16))
    assert node.rpc("eth_getBalance", recipient, number) == "0x1"
    assert node.rpc("eth_getBalance", recipient, before) == "0x0"


@pytest.mark.parametrize(
    "blocks",
    [{"fromBlock": "pending", "toBlock": "pending"}, {"fromBlock": "pending"}, {"fromBlock": "latest"}],
)
def test_logs_come_with_the_mini_block_if_asked_so_and_with_the_block_otherwise(
    ws, node, emitter, schemas, blocks
):
    early = ws.subscribe("logs", {"address": emitter, **blocks})
    late = ws.subscribe("logs", {"topics": [wallet.EMITTER_TOPIC]})
    other = ws.subscribe("logs", {"topics": ["0x" + "99" * 32]})

    def came_before_its_block():
        digest = wallet.send(node, 1, to=emitter)["transactionHash"]
        first, second = ws.next(early), ws.next(late)
        for log in (first, second):
            schemas.check_component("Log", log)
            assert log["transactionHash"] == digest
        sealed = node.rpc("eth_getTransactionReceipt", digest)["blockHash"]
        assert second["blockHash"] == sealed != UNSEALED
        assert first["blockHash"] in (UNSEALED, sealed)
        return first["blockHash"] == UNSEALED

    # A block may end with the very mini-block, or before a busy machine has told of it.
    assert any(came_before_its_block() for _ in range(20))
    assert not [item for item in ws._news if item["subscription"] == other]
    for subscription in (early, late, other):
        ws.call("eth_unsubscribe", subscription)


def test_state_changes_are_those_of_the_accounts_named(ws, node, emitter):
    recipient = "0x00000000000000000000000000000000000000cc"
    changes = ws.subscribe("stateChanges", [recipient, emitter])
    wallet.send(node, 1, to=recipient, value="0x5")
    change = ws.next(changes)
    assert (change["address"], change["balance"], change["storage"]) == (recipient, "0x5", {})
    assert change["nonce"] == "0x0"
    ws.call("eth_unsubscribe", changes)


def test_state_changes_of_all_accounts_include_the_sender(ws, node):
    changes = ws.subscribe("stateChanges")
    wallet.send(node, 1, to=wallet.address(2), value="0x1")
    count = hex(wallet.nonce(node, 1))
    while (change := ws.next(changes))["address"] != wallet.address(1):
        pass
    assert change["nonce"] == count
    ws.call("eth_unsubscribe", changes)


def test_a_node_that_builds_the_chain_is_not_syncing(ws, schemas):
    status = ws.subscribe("syncing")
    assert ws.next(status) is False
    schemas.check("eth_syncing", ws.call("eth_syncing")["result"])
    ws.call("eth_unsubscribe", status)


def test_who_waits_behind_a_gap_is_told_which_nonce_is_missing(node):
    sender = wallet.ACCOUNTS[9]
    count = wallet.nonce(node, 9)
    raw = wallet.signed(9, count + 1, to=wallet.address(1))
    with pytest.raises(RpcFailure) as sync:
        node.rpc("eth_sendRawTransactionSync", raw, 1)
    assert (sync.value.code, sync.value.error["data"]) == (6, hex(count))
    raw, digest = wallet.signed_with_hash(9, count + 2, to=wallet.address(1))
    with pytest.raises(RpcFailure, match="realtime transaction expired") as realtime:
        node.rpc("realtime_sendRawTransaction", raw, 1)
    assert (realtime.value.code, realtime.value.error["data"]) == (-32000, digest)
    assert wallet.send(node, 9, to=sender.address)["status"] == "0x1"


def test_state_changes_name_the_slots_that_changed(ws, node):
    contract = wallet.contract_address(2, wallet.nonce(node, 2))
    changes = ws.subscribe("stateChanges", [contract])
    assert wallet.deploy_emitter(node, 2) == contract
    assert ws.next(changes)["storage"] == {}
    wallet.send(node, 2, to=contract)
    change = ws.next(changes)
    assert [int(value, 16) for item in change["storage"].items() for value in item] == [0, 42]
    ws.call("eth_unsubscribe", changes)


def test_pending_transactions_are_told_as_hashes_or_bodies(ws, node, schemas):
    hashes = ws.subscribe("newPendingTransactions")
    bodies = ws.subscribe("newPendingTransactions", True)
    digest = wallet.send(node, 1, to=wallet.address(2), value="0x1")["transactionHash"]
    assert ws.next(hashes) == digest
    body = ws.next(bodies)
    schemas.check_component("TransactionSigned", body)
    assert body["hash"] == digest
    for subscription in (hashes, bodies):
        ws.call("eth_unsubscribe", subscription)


def test_a_transaction_can_be_sent_over_a_websocket(ws, node):
    raw = wallet.signed(1, wallet.nonce(node, 1), to=wallet.address(2), value="0x1")
    receipt = ws.call("realtime_sendRawTransaction", raw)["result"]
    assert receipt["status"] == "0x1"
    raw = wallet.signed(1, wallet.nonce(node, 1), to=wallet.address(2), value="0x1")
    assert ws.call("eth_sendRawTransactionSync", raw, 3000)["result"]["status"] == "0x1"
