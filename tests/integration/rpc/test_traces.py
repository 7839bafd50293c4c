"""Traces of real nodes: the same on every node and by every client, with the receipts' gas, and bounded."""

import re
import threading
from pathlib import Path

import pytest

from tests.support import wallet
from tests.support.cluster import Cluster
from tests.support.node import Node, RpcFailure
from tests.support.waiting import eventually

FORMS = (
    {},
    {"tracer": "callTracer", "tracerConfig": {"withLog": True}},
    {"tracer": "prestateTracer"},
    {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}},
    {"tracer": "flatCallTracer"},
    {"tracer": "4byteTracer"},
    {"tracer": "muxTracer", "tracerConfig": {"callTracer": None, "noopTracer": None}},
)
SPIN_CODE = "0x625b5f565f526003601df3"
"""A contract that never ends."""
LONG = hex(150_000_000)
MIB = 2**20


def spin(node):
    """A transaction that spins until its gas is spent, and the contract that does."""
    contract = wallet.send(node, 0, input=SPIN_CODE, gas=hex(10_000_000))["contractAddress"]
    receipt = wallet.send(node, 0, to=contract, gas=LONG)
    assert receipt["status"] == "0x0"
    return receipt["transactionHash"], contract


def high_water(node):
    """The most memory that the process has held."""
    status = Path(f"/proc/{node.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def test_a_full_node_traces_as_the_sequencer_does(tmp_path):
    with Cluster(tmp_path, blocks__mini_block_time_ms=50, blocks__block_time_s=0.5) as cluster:
        sequencer = cluster.sequencer()
        full = cluster.full_node("full-node-1", [sequencer])
        emitter = wallet.deploy_emitter(sequencer)
        receipt = wallet.send(sequencer, 0, to=emitter)
        block = sequencer.sealed(int(receipt["blockNumber"], 16))
        eventually(lambda: full.rpc("eth_getBlockByHash", block["hash"], False), "the block on the full node")
        for form in FORMS:
            for method, subject in [
                ("debug_traceTransaction", receipt["transactionHash"]),
                ("debug_traceBlockByHash", block["hash"]),
                ("debug_traceBlockByNumber", block["number"]),
                ("debug_traceCall", {"to": emitter}),
            ]:
                options = [block["number"], form] if method == "debug_traceCall" else [form]
                told = [node.rpc(method, subject, *options) for node in (sequencer, full)]
                assert told[0] == told[1], (method, form)


def test_a_trace_is_there_with_the_receipt_and_outlives_a_restart(tmp_path):
    node = Node(tmp_path, blocks__block_time_s=1.0)
    with node:
        emitter = wallet.deploy_emitter(node)
        receipt = wallet.send(node, 0, to=emitter)
        digest = receipt["transactionHash"]
        before = [node.rpc("debug_traceTransaction", digest, form) for form in FORMS[:4]]
        assert before[0]["gas"] == int(receipt["gasUsed"], 16)
        calls = before[1]
        assert calls["gasUsed"] == receipt["gasUsed"]
        used = {name: receipt["mega"][name] for name in calls["mega"]}
        assert calls["mega"] == before[0]["mega"] == used
        assert {"computeGas", "storageGas", "dataSize", "kvUpdates", "stateGrowth"} < used.keys()
        assert calls["logs"][0]["topics"] == [wallet.EMITTER_TOPIC]
        node.sealed(int(receipt["blockNumber"], 16))
        node.kill()
        node.start()
        assert [node.rpc("debug_traceTransaction", digest, form) for form in FORMS[:4]] == before


def test_blocks_older_than_the_state_in_memory_are_traced(tmp_path):
    with Node(tmp_path, blocks__history_blocks=1) as node:
        emitter = wallet.deploy_emitter(node)
        receipt = wallet.send(node, 0, to=emitter)
        options = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
        before = node.rpc("debug_traceTransaction", receipt["transactionHash"], options)
        node.sealed(int(receipt["blockNumber"], 16) + 5)
        assert node.rpc("debug_traceTransaction", receipt["transactionHash"], options) == before
        block = node.rpc("debug_traceBlockByNumber", receipt["blockNumber"], options)
        assert {"txHash": receipt["transactionHash"], "result": before} in block


def test_web3_py_traces(node, history):
    from web3 import Web3

    provider = Web3(Web3.HTTPProvider(node.url)).provider
    answer = provider.make_request("debug_traceTransaction", [history.tx, {"tracer": "callTracer"}])
    assert answer["result"]["to"] == history.emitter
    # As hardhat asks, which knows options of its own.
    options = {"disableStorage": True, "disableMemory": True, "disableStack": False}
    answer = provider.make_request("debug_traceTransaction", [history.tx, options])
    stores = [step for step in answer["result"]["structLogs"] if step["op"] == "SSTORE"]
    assert [step["stack"] for step in stores] == [["0x2a", "0x0"]]
    assert "storage" not in stores[0]


@pytest.fixture
def narrow(tmp_path):
    """A node whose answers are small."""
    with Node(tmp_path, rpc__max_answer_bytes=8 * MIB) as node:
        yield node


def test_memory_stays_flat_under_traces_of_a_long_loop(narrow):
    digest, contract = spin(narrow)

    def trace():
        for method, subject in [("debug_traceTransaction", digest), ("debug_traceCall", {"to": contract})]:
            with pytest.raises(RpcFailure, match="--max-answer-bytes") as refused:
                narrow.rpc(method, subject)
            assert refused.value.code == -32005
            assert "callTracer" in refused.value.error["data"]

    trace()
    after_one = high_water(narrow)
    for _ in range(10):
        trace()
    assert high_water(narrow) < after_one + 32 * MIB
    assert narrow.rpc("debug_traceTransaction", digest, {"tracer": "callTracer"})["to"] == contract
    assert len(narrow.rpc("debug_traceTransaction", digest, {"limit": 7})["structLogs"]) == 7


def test_the_chain_goes_on_while_transactions_are_traced(node):
    digest, _ = spin(node)
    ended = threading.Event()
    told = []

    def trace():
        while not ended.is_set():
            told.append(node.rpc("debug_traceTransaction", digest, {"tracer": "callTracer"})["error"])

    tracers = [threading.Thread(target=trace) for _ in range(4)]
    for tracer in tracers:
        tracer.start()
    try:
        for _ in range(20):
            assert wallet.send(node, 1, to=wallet.address(2), value="0x1")["status"] == "0x1"
    finally:
        ended.set()
        for tracer in tracers:
            tracer.join()
    assert told and len(set(told)) == 1


def test_a_trace_ends_in_time(tmp_path):
    with Node(tmp_path, rpc__call_timeout_s=0.2) as node:
        call = {"data": "0x5b5f56"}
        unlimited = {"tracer": "callTracer", "blockOverrides": {"unlimited": True}}
        with pytest.raises(RpcFailure, match="--call-timeout") as refused:
            node.rpc("debug_traceCall", call, "latest", unlimited)
        assert refused.value.code == -32005
