"""What the state holds, listed by real nodes; and what is told of instructions and of accounts within blocks."""

import base64

import pytest

from devnet._engine import keccak256
from tests.support import wallet
from tests.support.cluster import Cluster
from tests.support.node import Node, RpcFailure
from tests.support.waiting import eventually

SLOT = "0x" + "00" * 32


def hash_of(text):
    return "0x" + keccak256(bytes.fromhex(text[2:])).hex()


def test_slots_are_those_that_are_read_one_by_one(node, history):
    block = node.sealed(int(history.number, 16) + 1)
    listed = node.rpc("debug_storageRangeAt", block["hash"], 0, history.emitter, "0x", 1000)
    assert listed["nextKey"] is None
    [(place, entry)] = listed["storage"].items()
    assert (place, entry["key"]) == (hash_of(SLOT), SLOT)
    assert entry["value"] == node.rpc("eth_getStorageAt", history.emitter, "0x0", history.number)
    assert node.rpc("debug_storageRangeAt", block["hash"], 0, history.emitter, "0x", 0) == {
        "storage": {},
        "nextKey": place,
    }


def test_all_accounts_are_there_page_by_page(node, emitter):
    accounts, place = {}, "0x"
    while place is not None:
        page = node.rpc("debug_accountRange", "latest", place, 20, True, True, True)
        assert len(page["accounts"]) <= 20
        accounts |= page["accounts"]
        place = "0x" + base64.b64decode(page["next"]).hex() if "next" in page else None
    found = {address.lower(): account for address, account in accounts.items()}
    assert found[emitter]["codeHash"] == hash_of(node.rpc("eth_getCode", emitter))
    assert found[emitter]["key"] == hash_of(emitter)
    assert set(map(str.lower, node.rpc("eth_accounts"))) <= found.keys()


def test_a_full_node_lists_what_the_sequencer_does(tmp_path):
    with Cluster(tmp_path, blocks__mini_block_time_ms=50, blocks__block_time_s=0.5) as cluster:
        sequencer = cluster.sequencer()
        full = cluster.full_node("full-node-1", [sequencer])
        emitter = wallet.deploy_emitter(sequencer)
        receipt = wallet.send(sequencer, 0, to=emitter)
        digest, number = receipt["transactionHash"], receipt["blockNumber"]
        sequencer.sealed(int(number, 16))
        eventually(lambda: full.rpc("eth_getBlockByNumber", number, False), "the block on the full node")
        index = int(receipt["transactionIndex"], 16)
        for method, *params in [
            ("debug_storageRangeAt", number, index + 1, emitter, "0x", 10),
            ("debug_accountRange", number, "0x", 256),
            ("debug_getModifiedAccountsByNumber", number),
            ("debug_accountInfoAt", number, index, wallet.address(0)),
            ("trace_transactionOpcodeGas", digest),
            ("trace_blockOpcodeGas", number),
        ]:
            told = [node.rpc(method, *params) for node in (sequencer, full)]
            assert told[0] == told[1], method
            assert told[0], method
        # What waits is the sequencer's.
        waits = sequencer.rpc("eth_sendRawTransaction", wallet.signed(5, 1, to=wallet.address(1)))
        for method in ("txpool_status", "txpool_content", "txpool_inspect", "eth_pendingTransactions"):
            assert full.rpc(method) == sequencer.rpc(method), method
        assert full.rpc("txpool_status")["queued"] == "0x1"
        assert waits in str(full.rpc("txpool_contentFrom", wallet.address(5)))


def test_what_is_older_than_memory_is_not_listed_but_told(tmp_path):
    with Node(tmp_path, blocks__history_blocks=1) as node:
        emitter = wallet.deploy_emitter(node)
        receipt = wallet.send(node, 0, to=emitter)
        number, index = receipt["blockNumber"], int(receipt["transactionIndex"], 16)
        node.sealed(int(number, 16) + 5)
        with pytest.raises(RpcFailure, match="--history-blocks"):
            node.rpc("debug_storageRangeAt", number, 0, emitter, "0x", 10)
        with pytest.raises(RpcFailure, match="--history-blocks"):
            node.rpc("debug_accountRange", number, "0x", 10)
        assert emitter in node.rpc("debug_getModifiedAccountsByNumber", number)
        told = node.rpc("debug_accountInfoAt", number, index, wallet.address(0))
        assert int(told["nonce"], 16) == node.rpc("debug_traceTransaction", receipt["transactionHash"], {
            "tracer": "prestateTracer", "tracerConfig": {"diffMode": True}
        })["post"][wallet.address(0).lower()]["nonce"]  # fmt: skip
