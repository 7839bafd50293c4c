"""Blocks that are made up (`eth_simulateV1`): as Ethereum's specification has them, and as they then come."""

import pytest

from tests.support import wallet
from tests.support.cluster import Cluster
from tests.support.node import RpcFailure
from tests.support.waiting import eventually

POOR = "0xc000000000000000000000000000000000000000"
OTHER = "0xc100000000000000000000000000000000000000"
ETHER = "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
RICH = {POOR: {"balance": "0x7d0"}}
SEND = {"from": POOR, "to": OTHER, "value": "0x3e8"}


def simulate(node, *blocks, **options):
    return node.rpc("eth_simulateV1", {"blockStateCalls": list(blocks), **options}, "latest")


def test_blocks_go_on_from_one_another_and_nothing_is_changed(node):
    before = node.rpc("eth_getBalance", OTHER, "latest")
    first, second = simulate(node, {"stateOverrides": RICH, "calls": [SEND]}, {"calls": [SEND]})
    assert second["parentHash"] == first["hash"]
    assert [block["calls"][0]["status"] for block in (first, second)] == ["0x1", "0x1"]
    assert node.rpc("eth_getBalance", OTHER, "latest") == before
    with pytest.raises(RpcFailure, match="insufficient funds") as refused:
        simulate(node, {"stateOverrides": RICH, "calls": [SEND]}, {"calls": [SEND, SEND]})
    assert refused.value.code == -38014


def test_what_is_wrong_has_the_published_codes(node):
    height = int(node.rpc("eth_blockNumber"), 16)
    paid = {**SEND, "value": "0x0", "gas": "0x186a0", "maxFeePerGas": "0x3b9aca00"}
    rich = {POOR: {"balance": hex(10**18), "nonce": "0x5"}}
    for blocks, options, code in [
        ([], {}, -32602),
        ([{"blockOverrides": {"number": "0x0"}}], {}, -38020),
        ([{"blockOverrides": {"time": "0x1"}}], {}, -38021),
        ([{"blockOverrides": {"number": hex(height + 400)}}], {}, -38026),
        ([{"stateOverrides": rich, "calls": [{**paid, "nonce": "0x4"}]}], {"validation": True}, -38010),
        ([{"stateOverrides": rich, "calls": [{**paid, "nonce": "0x6"}]}], {"validation": True}, -38011),
        (
            [{"stateOverrides": rich, "calls": [{**paid, "maxFeePerGas": "0x1"}]}],
            {"validation": True},
            -38012,
        ),
        ([{"calls": [{**SEND, "value": "0x0", "gas": "0x1"}]}], {}, -38013),
        ([{"calls": [SEND]}], {}, -38014),
        ([{"blockOverrides": {"gasLimit": "0x1"}, "calls": [{**SEND, "gas": "0x2"}]}], {}, -38015),
        ([{"calls": [SEND] * 1001}], {}, -38026),
    ]:
        with pytest.raises(RpcFailure) as refused:
            simulate(node, *blocks, **options)
        assert refused.value.code == code, (str(blocks)[:200], refused.value.error)


def test_a_call_that_would_never_end_is_ended(new_node):
    spin = {OTHER: {"code": "0x5b5f56"}}
    block = {"stateOverrides": spin, "calls": [{"to": OTHER}] * 200}
    with new_node(rpc__call_timeout_s=0.2) as node:
        with pytest.raises(RpcFailure) as refused:
            simulate(node, block)
        assert refused.value.code in (-32005, -38026)
        assert node.rpc("eth_blockNumber")


def test_ether_leaves_logs_as_anvil_shows_them(node, emitter, anvil):
    blocks = [{"stateOverrides": RICH, "calls": [SEND]}, {"calls": [{**SEND, "value": "0x1"}]}]
    ours, theirs = (simulate(each, *blocks, traceTransfers=True) for each in (node, anvil))
    members = ("address", "topics", "data", "transactionIndex", "logIndex", "removed")
    for mine, other in zip(ours, theirs, strict=True):
        [log], [expected] = mine["calls"][0]["logs"], other["calls"][0]["logs"]
        assert [log[name] for name in members] == [expected[name] for name in members]
        assert log["address"] == ETHER
        assert log["blockHash"] == mine["hash"]
        assert log["transactionHash"] == mine["transactions"][0]
        assert mine["calls"][0].keys() >= other["calls"][0].keys()


def test_a_full_node_simulates_as_the_sequencer_does(tmp_path):
    with Cluster(tmp_path, blocks__mini_block_time_ms=50, blocks__block_time_s=0.5) as cluster:
        sequencer = cluster.sequencer()
        full = cluster.full_node("full-node-1", [sequencer])
        emitter = wallet.deploy_emitter(sequencer)
        receipt = wallet.send(sequencer, 0, to=emitter)
        block = sequencer.sealed(int(receipt["blockNumber"], 16))
        eventually(lambda: full.rpc("eth_getBlockByHash", block["hash"], False), "the block on the full node")
        simulation = {"blockStateCalls": [{"calls": [{"from": wallet.address(0), "to": emitter}]}]}
        told = [node.rpc("eth_simulateV1", simulation, block["number"]) for node in (sequencer, full)]
        assert told[0] == told[1]
        assert told[0][0]["parentHash"] == block["hash"]
        assert told[0][0]["calls"][0]["logs"][0]["topics"] == [wallet.EMITTER_TOPIC]
