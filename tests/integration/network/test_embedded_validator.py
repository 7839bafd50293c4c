"""Full nodes with `--verify stateless`: they apply at once, validate behind that, and say how far they have come."""

import json
import threading
from pathlib import Path

import pytest

from tests.support import wallet
from tests.support.cluster import Cluster
from tests.support.home import Home
from tests.support.network import Network
from tests.support.waiting import eventually

TOKEN = "test"
VALIDATES = {"network__verify": "stateless", "blocks__block_time_s": 1.0}
"""Blocks so long that a busy machine validates as fast as they come."""


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path, **VALIDATES) as running:
        yield running


def told(node):
    return node.health()[1]["validation"]


def tip(node):
    """The block that a node calls validated; 0 before the first."""
    return (node.rpc("mega_getValidatedChain")["tip"] or [0])[0]


def until_validated(node, block):
    eventually(lambda: tip(node) >= block, f"{node.name} to have validated block {block}")


def block_hash(node, number):
    return node.rpc("eth_getBlockByNumber", hex(number), False)["hash"]


def incidents(node):
    return node.rpc("devnet_incidents", TOKEN, "")["incidents"]


def some_transactions(node):
    """Of several kinds; the number of the last one's block."""
    emitter = wallet.deploy_emitter(node)
    wallet.send(node, 1, to=emitter)
    receipt = wallet.send(node, 2, to=wallet.address(9), value="0x7")
    return int(receipt["blockNumber"], 16)


@pytest.mark.parametrize("validation", ["delta", "full"])
def test_what_is_followed_is_validated_and_reported(cluster, validation):
    sequencer = cluster.sequencer()
    node = cluster.full_node("full-node-1", [sequencer], network__validation=validation)
    target = some_transactions(node) + 1
    until_validated(node, target)
    chain = node.rpc("mega_getValidatedChain")
    assert chain["anchor"] == [0, block_hash(sequencer, 0)]
    assert chain["tip"][1] == block_hash(sequencer, chain["tip"][0])
    for tag in ("safe", "finalized"):
        assert int(node.rpc("eth_getBlockByNumber", tag, False)["number"], 16) >= target
    until_validated(sequencer, target)
    assert sequencer.rpc("mega_getValidatedChain")["anchor"] is None
    status = told(node)
    assert (status["mode"], status["anchor"], status["refused"]) == (validation, 0, None)
    assert status["checked"] >= target
    assert status["verify_ms"] > 0
    assert status["witness_bytes"] > 0
    assert incidents(node) == incidents(sequencer) == []


def test_a_node_that_comes_late_catches_up_and_one_that_was_away_goes_on(cluster):
    sequencer = cluster.sequencer()
    target = some_transactions(sequencer)
    sequencer.sealed(target + 5)
    node = cluster.full_node("full-node-1", [sequencer])
    until_validated(node, target + 5)
    assert told(node)["anchor"] == 0
    before = tip(node)
    node.kill()
    target = int(wallet.send(sequencer, 1, to=wallet.address(8), value="0x1")["blockNumber"], 16)
    node.start()
    until_validated(node, target + 1)
    status = told(node)
    assert status["anchor"] == 0
    assert status["checked"] <= tip(node) - before + 1, "what was validated before is not validated again"
    assert node.rpc("mega_getValidatedChain")["anchor"] == [0, block_hash(sequencer, 0)]
    assert incidents(node) == []


def test_a_node_that_began_with_a_snapshot_validates_what_lies_behind_that(tmp_path):
    with Cluster(
        tmp_path, **{**VALIDATES, "network__snapshot_behind": 100, "blocks__block_time_s": 0.25}
    ) as cluster:
        sequencer = cluster.sequencer()
        some_transactions(sequencer)
        sequencer.sealed(sequencer.height() + 20)
        node = cluster.full_node("full-node-1", [sequencer])
        assert "taking the snapshot of sequencer" in node.log()
        until_validated(node, some_transactions(node))
        anchor, _ = node.rpc("mega_getValidatedChain")["anchor"]
        assert anchor > 0
        assert told(node)["anchor"] == anchor
        assert incidents(node) == []


def test_a_validator_goes_back_with_the_chain_and_on_with_what_comes_instead(cluster):
    sequencer = cluster.sequencer()
    node = cluster.full_node("full-node-1", [sequencer])
    until_validated(node, some_transactions(node))
    snapshot = sequencer.rpc("evm_snapshot")
    gone = wallet.send(node, 3, to=wallet.address(8), value="0x1")
    until_validated(node, int(gone["blockNumber"], 16) + 1)
    pid = node.process.pid
    assert sequencer.rpc("evm_revert", snapshot) is True
    number = int(wallet.send(node, 4, to=wallet.address(8), value="0x2")["blockNumber"], 16)
    node.sealed(number)
    eventually(
        lambda: (
            tip(node) >= number
            and node.rpc("mega_getValidatedChain")["tip"][1] == block_hash(sequencer, tip(node))
        ),
        "the other chain to be validated",
    )
    assert node.rpc("eth_getTransactionReceipt", gone["transactionHash"]) is None
    assert (node.process.pid, told(node)["refused"]) == (pid, None)
    assert incidents(node) == []


def test_a_forged_block_is_noticed_and_ends_the_validation_but_not_the_node(cluster):
    sequencer = cluster.sequencer()
    node = cluster.full_node("full-node-1", [sequencer])
    until_validated(node, some_transactions(node))
    lie = played(sequencer, "bad-receipt")
    eventually(lambda: told(node)["refused"], "the forged block to be noticed")
    refused = told(node)["refused"]
    assert refused["block"] == lie["block"]
    [incident] = [one for one in incidents(node) if one["evidence"] == refused["evidence"]]
    assert (incident["kind"], incident["detected_by"]) == (refused["check"], "full-node-1")
    eventually(lambda: tip(node) == lie["block"] - 1, "all before it to be validated")
    # The evidence shows it again to whoever wants to see it.
    kept = json.loads(Path(refused["evidence"]).read_text())["proof"]["reproduction"]
    again = Home(node.directory).run("verify", "block", "--witness", kept, "--json")
    assert again.returncode == 1, again.stderr
    failed = [check["name"] for check in json.loads(again.stdout)["checks"] if not check["ok"]]
    assert failed[0] == refused["check"]
    # The node serves on.
    height = node.height()
    eventually(lambda: node.height() > height, "the node to follow on")
    assert tip(node) == lie["block"] - 1


def played(sequencer, kind):
    """Have the sequencer tell a lie; what it was told on."""
    outcome = []
    asking = threading.Thread(
        target=lambda: outcome.append(sequencer.rpc("devnet_inject", TOKEN, kind, {"timeout_s": 20.0}))
    )
    asking.start()
    while asking.is_alive():
        wallet.send(sequencer, 3, to=wallet.address(4), value="0x1")
    asking.join()
    return outcome[0]


def test_a_bad_witness_is_noticed_and_a_good_one_taken(tmp_path):
    options = ("--full-nodes", 2, "--verify", "stateless", "--block-time", 0.5)
    with Network(tmp_path, *options) as network:
        done = network.home.run("devnet", "inject", "bad-witness", "--node", "full-node-2", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        outcome = json.loads(done.stdout)
        assert (outcome["detected_by"], outcome["role"]) == ("full-node-2", "full_node")
        proof = json.loads(Path(outcome["evidence"]).read_text())["proof"]
        again = network.home.run("verify", "block", "--witness", proof["reproduction"])
        assert again.returncode == 1
        assert f"block {outcome['block']} is wrong" in again.stderr
        # Another witness was better.
        eventually(
            lambda: (network.node("full-node-2").get("validated_height") or 0) > outcome["block"],
            "the validation to go on",
        )
        assert network.node("full-node-2")["validation"]["refused"] is None
        shown = network.run("status").stdout
        assert "full-node-1: blocks 1 to " in shown
        assert "validated (delta)" in shown


def test_who_validates_nothing_plays_no_bad_witness(tmp_path):
    with Network(tmp_path, "--full-nodes", 1) as network:
        done = network.home.run("devnet", "inject", "bad-witness")
        assert done.returncode != 0
        assert "--verify stateless" in done.stderr
