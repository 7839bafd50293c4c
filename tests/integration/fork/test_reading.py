"""What a fork answers for what it has in common with its remote, and for what came since."""

import pytest

from tests.integration.fork.conftest import ETHER, PAUPER
from tests.support import wallet
from tests.support.node import RpcFailure

TOPIC = "0x" + f"{1:064x}"


def test_the_first_block_follows_the_block_of_the_fork(fork, remote):
    first = fork.rpc("eth_getBlockByNumber", hex(remote.number + 1), False)

    assert first["parentHash"] == remote.hash
    assert first["transactions"] == []
    assert fork.height() > remote.number


def test_state_is_the_remotes_at_the_block_of_the_fork(fork, remote):
    assert fork.rpc("eth_getBalance", remote.whale, "latest") == hex(500 * ETHER)
    assert fork.rpc("eth_getCode", remote.counter, "latest") == remote.node.rpc(
        "eth_getCode", remote.counter, "latest"
    )
    assert int(fork.rpc("eth_getStorageAt", remote.counter, "0x0", "latest"), 16) == 3
    # What the remote did later is no part of it.
    assert fork.rpc("eth_getBalance", PAUPER, "latest") == "0x0"


def test_developer_accounts_are_funded_and_have_the_nonces_of_the_remote(fork, remote):
    assert fork.rpc("eth_getTransactionCount", wallet.address(1), hex(remote.number + 1)) == "0x1"
    assert fork.rpc("eth_getTransactionCount", wallet.address(0), hex(remote.number + 1)) == "0x4"
    assert fork.rpc("eth_getBalance", wallet.address(1), hex(remote.number + 1)) == hex(10_000 * ETHER)


def test_calls_and_estimates_read_what_they_need(fork, remote):
    call = {"from": remote.whale, "to": remote.counter}

    assert fork.rpc("eth_call", call, "latest") == "0x"
    assert int(fork.rpc("eth_estimateGas", call), 16) > 21_000
    trace = fork.rpc("debug_traceCall", call, "latest", {"tracer": "prestateTracer"})
    slots = trace[remote.counter]["storage"]
    assert [int(value, 16) for value in slots.values()] == [3]


def test_blocks_transactions_and_receipts_before_the_fork_are_the_remotes(fork, remote):
    call = remote.calls[0]
    for method, *params in (
        ("eth_getBlockByNumber", call["blockNumber"], True),
        ("eth_getBlockByHash", remote.hash, False),
        ("eth_getBlockByNumber", "earliest", False),
        ("eth_getBlockReceipts", call["blockNumber"]),
        ("eth_getBlockTransactionCountByNumber", call["blockNumber"]),
        ("eth_getTransactionByHash", call["transactionHash"]),
        ("eth_getTransactionReceipt", call["transactionHash"]),
        ("eth_getTransactionByBlockNumberAndIndex", call["blockNumber"], "0x0"),
        ("debug_traceTransaction", call["transactionHash"], {"tracer": "callTracer"}),
    ):
        theirs = remote.node.rpc(method, *params)
        assert theirs is not None
        assert fork.rpc(method, *params) == theirs, method


def test_state_at_heights_before_the_fork_is_the_remotes(fork, remote):
    first = remote.calls[0]["blockNumber"]
    before = hex(int(first, 16) - 1)
    for method, *params in (
        ("eth_getStorageAt", remote.counter, "0x0", before),
        ("eth_getBalance", wallet.address(0), first),
        ("eth_call", {"to": remote.counter}, before),
        ("eth_getTransactionCount", wallet.address(0), {"blockNumber": before}),
    ):
        assert fork.rpc(method, *params) == remote.node.rpc(method, *params), method
    assert int(fork.rpc("eth_getStorageAt", remote.counter, "0x0", hex(remote.number)), 16) == 3


def test_what_the_remote_did_after_the_fork_does_not_exist(fork, remote):
    later = remote.later

    assert fork.rpc("eth_getTransactionByHash", later["transactionHash"]) is None
    assert fork.rpc("eth_getTransactionReceipt", later["transactionHash"]) is None
    block = remote.node.rpc("eth_getBlockByNumber", later["blockNumber"], False)
    assert fork.rpc("eth_getBlockByHash", block["hash"], False) is None
    with pytest.raises(RpcFailure, match="not found"):
        fork.rpc("debug_traceTransaction", later["transactionHash"])


def test_logs_join_both_sides_of_the_fork(fork, remote):
    sent = wallet.send(fork, 3, to=remote.counter)
    fork.sealed(int(sent["blockNumber"], 16))
    query = {"address": remote.counter, "topics": [TOPIC], "fromBlock": "earliest"}

    logs = fork.rpc("eth_getLogs", {**query, "toBlock": "latest"})
    assert [log["transactionHash"] for log in logs] == [
        *(call["transactionHash"] for call in remote.calls),
        sent["transactionHash"],
    ]
    assert [int(log["data"], 16) for log in logs] == [1, 2, 3, 4]
    older = fork.rpc("eth_getLogs", {**query, "toBlock": hex(remote.number)})
    assert older == logs[:3]
    newer = fork.rpc("eth_getLogs", {**query, "fromBlock": hex(remote.number + 1), "toBlock": "latest"})
    assert newer == logs[3:]
    by_hash = fork.rpc("eth_getLogs", {"blockHash": logs[0]["blockHash"], "address": remote.counter})
    assert logs[0] in by_hash


def test_there_are_no_proofs(fork, remote):
    with pytest.raises(RpcFailure, match="has no proofs"):
        fork.rpc("eth_getProof", remote.counter, ["0x0"], "latest")


def test_what_was_read_once_is_not_asked_again(fork, remote):
    fork.rpc("eth_getStorageAt", remote.counter, "0x7", "latest")
    asked = remote.passage.count("eth_getStorageAt")

    fork.rpc("eth_getStorageAt", remote.counter, "0x7", "latest")

    assert remote.passage.count("eth_getStorageAt") == asked


def test_tools_are_told_what_was_forked(fork, remote):
    config = fork.rpc("anvil_nodeInfo")["forkConfig"]
    forked = fork.rpc("hardhat_metadata")["forkedNetwork"]

    assert (config["forkUrl"], config["forkBlockNumber"]) == (remote.url, remote.number)
    assert forked == {"chainId": 6343, "forkBlockNumber": remote.number, "forkBlockHash": remote.hash}


def test_a_state_that_is_in_part_the_remotes_is_no_snapshot(fork):
    with pytest.raises(RpcFailure, match="in part the remote's"):
        fork.rpc("mega_openSnapshot")
