"""A chain that is rolled back under a running network: full nodes of each mode and provers go with it, and nobody takes
it for a lie. Real processes, none of which is restarted unless a test says so.
"""

import pytest

from devnet.config import VerifyMode
from tests.support import wallet
from tests.support.cluster import Cluster
from tests.support.network import Network
from tests.support.node import RpcFailure
from tests.support.waiting import eventually
from tests.support.ws_client import WsClient

TOKEN = "test"
MODES = tuple(VerifyMode)


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path, blocks__block_time_s=0.25) as cluster:
        yield cluster


def pay(node, sender=0, value=1):
    receipt = wallet.send(node, sender, to=wallet.address(9), value=hex(value))
    assert receipt["status"] == "0x1"
    return receipt


def until_everywhere(receipt, *nodes):
    """The transaction, and the block that holds it, are the same on all nodes, and so is the whole chain before it."""
    digest, number = receipt["transactionHash"], int(receipt["blockNumber"], 16)
    blocks = [node.sealed(number) for node in nodes]
    eventually(
        lambda: len({node.sealed(number)["hash"] for node in nodes}) == 1, "all to have the same block"
    )
    blocks = [node.sealed(number) for node in nodes]
    assert digest in blocks[0]["transactions"]
    assert all(block == blocks[0] for block in blocks)
    for earlier in range(number):
        hashes = {node.rpc("eth_getBlockByNumber", hex(earlier), False)["hash"] for node in nodes}
        assert len(hashes) == 1, earlier


def nothing_wrong(*nodes):
    for node in nodes:
        assert node.rpc("devnet_incidents", TOKEN, "")["incidents"] == []


def balance(node):
    return int(node.rpc("eth_getBalance", wallet.address(9), "latest"), 16)


def test_full_nodes_of_every_mode_go_back_with_the_sequencer(cluster):
    sequencer = cluster.sequencer()
    full = []
    for mode in MODES:  # each fed by the one before, too
        full.append(cluster.full_node(mode, [sequencer, *full], network__verify=mode))
    nodes = [sequencer, *full]
    pids = [node.process.pid for node in nodes]
    rich = balance(sequencer)
    until_everywhere(pay(sequencer), *nodes)
    snapshot = full[0].rpc("evm_snapshot")
    gone = [pay(full[1], 1, 10), pay(sequencer, 2, 100)]
    until_everywhere(gone[-1], *nodes)
    with WsClient(full[2].ws_url) as client:
        client.call("eth_subscribe", "newHeads")
        assert full[2].rpc("evm_revert", snapshot) is True
        for round_ in range(3):
            receipt = pay(full[round_], 3, 1000)
            until_everywhere(receipt, *nodes)
            for node in nodes:
                assert balance(node) == rich + 1 + 1000 * (round_ + 1)
                for old in gone:
                    assert node.rpc("eth_getTransactionReceipt", old["transactionHash"]) is None
                    assert node.rpc("eth_getTransactionCount", old["from"], "latest") == "0x0"
        head = sequencer.sealed(int(receipt["blockNumber"], 16))["hash"]
        while client.receive()["params"]["result"]["hash"] != head:  # heads from before the revert come first
            pass
    assert sequencer.rpc("evm_revert", snapshot) is False
    nothing_wrong(*nodes)
    assert [node.process.pid for node in nodes] == pids
    for node in nodes:
        assert node.health()[0] == 200


def test_a_reset_through_a_full_node_takes_all_back_to_the_beginning(cluster):
    sequencer = cluster.sequencer()
    full = cluster.full_node("full", [sequencer], network__verify="reexecute")
    rich = balance(sequencer)
    for _ in range(2):
        gone = pay(full)
        until_everywhere(gone, sequencer, full)
        snapshot = full.rpc("evm_snapshot")
        assert full.rpc("anvil_reset") is None
        for node in (sequencer, full):
            assert balance(node) == rich
            assert node.rpc("eth_getTransactionReceipt", gone["transactionHash"]) is None
            assert node.rpc("eth_getTransactionCount", gone["from"], "latest") == "0x0"
        assert full.rpc("evm_revert", snapshot) is False
    until_everywhere(pay(full, 1), sequencer, full)
    nothing_wrong(sequencer, full)


def test_who_was_away_or_is_new_or_was_killed_comes_to_the_same_chain(cluster):
    sequencer = cluster.sequencer()
    away = cluster.full_node("away", [sequencer], network__verify="roots")
    steady = cluster.full_node("steady", [sequencer, away], network__verify="roots")
    until_everywhere(pay(sequencer), sequencer, away, steady)
    snapshot = sequencer.rpc("evm_snapshot")
    until_everywhere(pay(sequencer, 1), sequencer, away, steady)
    away.kill()
    for value in (10, 100):
        pay(sequencer, 2, value)
        assert sequencer.rpc("evm_revert", snapshot) is True
        snapshot = sequencer.rpc("evm_snapshot")
        pay(sequencer, 3, 1)
    away.start()
    new = cluster.full_node("new", [steady, sequencer], network__verify="reexecute")
    nodes = (sequencer, away, steady, new)
    until_everywhere(pay(away, 4), *nodes)
    for node in nodes[1:]:
        snapshot = sequencer.rpc("evm_snapshot")
        pay(sequencer, 5)
        assert sequencer.rpc("evm_revert", snapshot) is True
        node.kill()
        node.start()
        until_everywhere(pay(node, 6), *nodes)
    nothing_wrong(*nodes)


def test_a_sequencer_that_is_killed_after_a_revert_still_tells_of_it(cluster):
    sequencer = cluster.sequencer()
    full = cluster.full_node("full", [sequencer], network__verify="roots")
    snapshot = sequencer.rpc("evm_snapshot")
    until_everywhere(pay(sequencer), sequencer, full)
    full.kill()
    assert sequencer.rpc("evm_revert", snapshot) is True
    sequencer.kill()
    place = sequencer.endpoints["sync"]
    sequencer.start()
    assert sequencer.endpoints["sync"] != place  # so the full node is told where
    full.network = cluster.place("full", full.role, [sequencer])
    full.start()
    until_everywhere(pay(sequencer, 1), sequencer, full)
    nothing_wrong(sequencer, full)


def test_a_full_node_that_leads_on_can_be_taken_back_to_a_snapshot_of_its_own(cluster):
    sequencer = cluster.sequencer()
    second = cluster.full_node("second", [sequencer], network__verify="roots")
    until_everywhere(pay(sequencer), sequencer, second)
    assert sequencer.stop() == 0
    with pytest.raises(RpcFailure, match="cannot be reached"):
        second.rpc("evm_snapshot")
    assert second.rpc("devnet_lead", TOKEN) is True
    rich = balance(second)
    snapshot = second.rpc("evm_snapshot")
    pay(second, 1)
    assert second.rpc("evm_revert", snapshot) is True
    assert balance(second) == rich


def test_provers_verify_the_chain_that_there_is(tmp_path):
    with Network(tmp_path, "--full-nodes", 1, "--provers", 2, "--quorum", 2, "--block-time", 0.5) as net:
        sequencer, full = net.at("sequencer"), net.at("full-node-1")
        names = ("sequencer", "full-node-1")
        net.until_verified(int(sequencer.transfer()["blockNumber"], 16), *names)
        for _ in range(2):
            snapshot = sequencer.rpc("evm_snapshot")
            receipt = sequencer.transfer(1)
            net.until_verified(int(receipt["blockNumber"], 16) + 1, *names)
            assert sequencer.rpc("evm_revert", snapshot) is True
            again = full.transfer(2)
            number = int(again["blockNumber"], 16)
            net.until_verified(number + 3, *names)
            assert full.height("finalized") >= number
            hashes = {
                node.rpc("eth_getBlockByNumber", hex(number), False)["hash"] for node in (sequencer, full)
            }
            assert len(hashes) == 1
        # Who comes after the chain has begun anew hears nothing of what provers said of the blocks before.
        assert sequencer.rpc("anvil_reset") is None
        net.run("add", "full-node")
        names += ("full-node-2",)
        net.until_verified(int(sequencer.transfer(3)["blockNumber"], 16) + 3, *names)
        for name in (*names, "prover-1", "prover-2"):
            assert net.node(name)["incidents"] == 0, net.run("incidents", name).stdout
