"""Every method's result has the form that Ethereum publishes for it."""

import pytest

from tests.support import openrpc, wallet
from tests.support.node import RpcFailure
from tests.support.waiting import eventually

ZERO_HASH = "0x" + "00" * 32
TRANSFER = {"from": wallet.address(1), "to": wallet.address(2), "value": "0x1"}


def simulated(h):
    """Calls that send, log, revert and run out of gas."""
    calls = [TRANSFER, {"to": h.emitter}, {"to": ZERO_HASH[:40] + "aa"}, {"to": h.emitter, "gas": "0xf618"}]
    reverts = {ZERO_HASH[:40] + "aa": {"code": "0x60205ffd"}}
    return [{"stateOverrides": reverts, "calls": calls}, {"calls": calls[1:]}]


CASES = {
    "eth_accounts": [lambda h: []],
    "eth_baseFee": [lambda h: []],
    "eth_blobBaseFee": [lambda h: []],
    "eth_blockNumber": [lambda h: []],
    "eth_chainId": [lambda h: []],
    "eth_coinbase": [lambda h: []],
    "eth_gasPrice": [lambda h: []],
    "eth_maxPriorityFeePerGas": [lambda h: []],
    "eth_syncing": [lambda h: []],
    "net_version": [lambda h: []],
    "txpool_status": [lambda h: []],
    "txpool_content": [lambda h: []],
    "txpool_contentFrom": [lambda h: [h.sender]],
    "eth_feeHistory": [
        lambda h: ["0x4", "latest", []],
        lambda h: ["0x1", h.number, [10, 50, 90]],
    ],
    "eth_getBalance": [
        lambda h: [h.sender, "latest"],
        lambda h: [h.sender, "pending"],
        lambda h: [h.sender, "safe"],
        lambda h: [h.sender, "finalized"],
        lambda h: [h.sender, "earliest"],
        lambda h: [h.sender, h.number],
        lambda h: [ZERO_HASH[:42], "latest"],
    ],
    "eth_getTransactionCount": [lambda h: [h.sender, "latest"], lambda h: [h.sender, {"blockHash": h.block}]],
    "eth_getCode": [lambda h: [h.emitter, "latest"], lambda h: [h.sender, "latest"]],
    "eth_getStorageAt": [lambda h: [h.emitter, "0x0", "latest"], lambda h: [h.emitter, ZERO_HASH, h.number]],
    "eth_getStorageValues": [lambda h: [{h.emitter: ["0x0", "0x" + "00" * 31 + "01"]}, "latest"]],
    "eth_call": [
        lambda h: [{"to": h.emitter}, "latest"],
        lambda h: [{**TRANSFER, "gas": "0x100000"}, h.number],
        lambda h: [{"to": h.emitter}, "latest", {h.emitter: {"code": "0x602a60005260206000f3"}}],
    ],
    "eth_estimateGas": [
        lambda h: [TRANSFER],
        lambda h: [{"to": h.emitter}, "latest"],
        lambda h: [{"from": h.sender, "input": wallet.EMITTER_CODE}, "pending"],
    ],
    "eth_createAccessList": [lambda h: [{"from": h.sender, "to": h.emitter}, "latest"]],
    "eth_simulateV1": [
        lambda h: [{"blockStateCalls": [{}, {"blockOverrides": {"gasLimit": "0x1"}}]}],
        lambda h: [{"blockStateCalls": simulated(h), "traceTransfers": True}, h.number],
        lambda h: [{"blockStateCalls": simulated(h), "returnFullTransactions": True}, "latest"],
    ],
    "eth_getBlockByNumber": [
        lambda h: [h.number, True],
        lambda h: [h.number, False],
        lambda h: ["0x0", True],
        lambda h: ["latest", False],
        lambda h: ["earliest", False],
        lambda h: ["safe", False],
        lambda h: ["finalized", False],
        lambda h: ["0xffffffff", False],
    ],
    "eth_getBlockByHash": [
        lambda h: [h.block, True],
        lambda h: [h.block, False],
        lambda h: [ZERO_HASH, False],
    ],
    "eth_getBlockTransactionCountByHash": [lambda h: [h.block], lambda h: [ZERO_HASH]],
    "eth_getBlockTransactionCountByNumber": [lambda h: [h.number], lambda h: ["0xffffffff"]],
    "eth_getBlockReceipts": [lambda h: [h.number], lambda h: [h.block], lambda h: ["0xffffffff"]],
    "eth_getTransactionByHash": [lambda h: [h.tx], lambda h: [ZERO_HASH]],
    "eth_getTransactionByBlockHashAndIndex": [lambda h: [h.block, h.index], lambda h: [h.block, "0xffff"]],
    "eth_getTransactionByBlockNumberAndIndex": [
        lambda h: [h.number, h.index],
        lambda h: [h.number, "0xffff"],
    ],
    "eth_getTransactionReceipt": [lambda h: [h.tx], lambda h: [ZERO_HASH]],
    "eth_getLogs": [
        lambda h: [{"blockHash": h.block}],
        lambda h: [{"fromBlock": h.number, "toBlock": "latest", "address": h.emitter}],
        lambda h: [{"fromBlock": "earliest", "topics": [[wallet.EMITTER_TOPIC]]}],
        lambda h: [{"address": ZERO_HASH[:42]}],
    ],
    "debug_getRawHeader": [lambda h: [h.number], lambda h: ["latest"], lambda h: ["0x0"]],
    "debug_getRawBlock": [lambda h: [h.number], lambda h: ["0x0"]],
    "debug_getRawReceipts": [lambda h: [h.number], lambda h: ["0x0"]],
    "debug_getRawTransaction": [lambda h: [h.tx], lambda h: [ZERO_HASH]],
    "debug_traceTransaction": [
        lambda h: [h.tx],
        lambda h: [h.tx, {"enableMemory": True, "enableReturnData": True}],
        lambda h: [h.tx, {"tracer": "callTracer"}],
    ],
    "debug_traceBlockByNumber": [lambda h: [h.number], lambda h: [h.number, {"tracer": "prestateTracer"}]],
    "debug_traceBlockByHash": [lambda h: [h.block]],
    "eth_newFilter": [lambda h: [{"address": h.emitter}], lambda h: [{"blockHash": h.block}]],
    "eth_newBlockFilter": [lambda h: []],
    "eth_newPendingTransactionFilter": [lambda h: []],
    "eth_getFilterChanges": [lambda h: [h.log_filter], lambda h: [h.block_filter]],
    "eth_getFilterLogs": [lambda h: [h.log_filter]],
    "eth_uninstallFilter": [lambda h: ["0x1"]],
    "eth_getProof": [
        lambda h: [h.sender, [], h.number],
        lambda h: [h.emitter, ["0x0"], h.number],
    ],
    "eth_sign": [lambda h: [h.sender, "0x1234"]],
    "eth_signTransaction": [
        lambda h: [TRANSFER],
        lambda h: [{**TRANSFER, "gasPrice": "0xf4240"}],
        lambda h: [{**TRANSFER, "gasPrice": "0xf4240", "accessList": [], "type": "0x1"}],
    ],
    "eth_sendTransaction": [lambda h: [TRANSFER]],
    "eth_fillTransaction": [
        lambda h: [TRANSFER],
        lambda h: [{**TRANSFER, "gasPrice": "0xf4240"}],
        lambda h: [{**TRANSFER, "gasPrice": "0xf4240", "accessList": []}],
        lambda h: [{"from": h.emitter, "to": h.sender, "gas": "0x10000"}],
    ],
}


@pytest.fixture(scope="session")
def schemas():
    return openrpc.Schemas(openrpc.load())


@pytest.mark.parametrize("method", CASES)
def test_results_have_the_published_form(node, schemas, history, method):
    for make in CASES[method]:
        params = make(history)
        schemas.check(method, node.rpc(method, *params))


def test_raw_transactions_of_every_type_have_the_published_form(node, schemas):
    sender = 3
    for fields in (
        {"type": "0x0", "gasPrice": "0xf4240", "maxFeePerGas": None, "maxPriorityFeePerGas": None},
        {"type": "0x1", "gasPrice": "0xf4240", "accessList": [], "maxFeePerGas": None,
         "maxPriorityFeePerGas": None},
        {"type": "0x2", "accessList": [{"address": wallet.address(4), "storageKeys": [ZERO_HASH]}]},
    ):  # fmt: skip
        fields = {"to": wallet.address(4), **fields}
        raw = wallet.signed(sender, wallet.nonce(node, sender), **fields)
        digest = node.rpc("eth_sendRawTransaction", raw)
        schemas.check("eth_sendRawTransaction", digest)
        waiting = node.rpc("eth_getTransactionByHash", digest)
        schemas.check_component("TransactionSigned", waiting)
        assert waiting["type"] == fields["type"]
        receipt = eventually(lambda digest=digest: node.rpc("eth_getTransactionReceipt", digest), "a receipt")
        node.sealed(int(receipt["blockNumber"], 16))
        schemas.check("eth_getTransactionByHash", node.rpc("eth_getTransactionByHash", digest))
        schemas.check("eth_getTransactionReceipt", node.rpc("eth_getTransactionReceipt", digest))


def test_a_realtime_receipt_has_the_published_form(node, schemas, emitter):
    schemas.check("eth_getTransactionReceipt", wallet.send(node, 0, to=emitter))


def test_every_published_method_that_is_served_has_a_case(node, schemas):
    elsewhere = {"eth_sendRawTransaction"}
    unserved = set()
    for method in schemas.methods() - CASES.keys() - elsewhere:
        with pytest.raises(RpcFailure) as caught:
            node.rpc(method)
        assert caught.value.code == -32601, method
        unserved.add(method)
    assert unserved
