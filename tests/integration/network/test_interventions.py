"""Interventions on a network: asked of any node, followed by full nodes of each mode, verified by a prover."""

import pytest

from devnet._engine import keccak256
from devnet.config import VerifyMode
from megaeth_cli.units import checksummed
from tests.support import wallet
from tests.support.cluster import Cluster
from tests.support.home import Home
from tests.support.network import Asked
from tests.support.waiting import eventually

COUNTER = "0x5f54600101805f555f52600160205fa100"


def somebody(name):
    return "0x" + keccak256(name.encode())[12:].hex()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    path = tmp_path_factory.mktemp("cluster")
    with Cluster(path, blocks__block_time_s=0.5, network__provers=1, network__quorum=1) as running:
        sequencer = running.sequencer()
        for mode in VerifyMode:
            running.full_node(f"full-node-{mode}", [sequencer], network__verify=mode)
        running.prover("prover-1", list(running.nodes.values()))
        yield running


def chain_nodes(cluster):
    return [node for node in cluster.nodes.values() if node.role != "prover"]


def verified(node):
    return node.health()[1].get("verified_height") or 0


def test_every_node_follows_what_any_node_is_asked_for(cluster):
    sequencer = cluster.nodes["sequencer"]
    for node in chain_nodes(cluster):
        account = somebody(node.name)
        node.rpc("anvil_setBalance", account, hex(10**20))
        # The node that was asked shows it at once.
        assert int(node.rpc("eth_getBalance", account, "latest"), 16) == 10**20
        node.rpc("anvil_setStorageAt", account, "0x0", f"0x{41:064x}")
        node.rpc("anvil_setCode", account, COUNTER)
        assert wallet.send(node, 0, to=account)["status"] == "0x1"
        eventually(
            lambda node=node, account=account: (
                node.rpc("eth_getStorageAt", account, "0x0", "latest") == f"0x{42:064x}"
            ),
            "the node to show the transaction",
        )
        # Who is impersonated the sequencer knows, for all.
        node.rpc("anvil_impersonateAccount", account)
        for other in chain_nodes(cluster):
            digest = other.rpc(
                "eth_sendTransaction", {"from": account, "to": somebody("friend"), "value": "0x1"}
            )
            receipt = other.rpc("eth_getTransactionReceipt", digest)
            assert (receipt["status"], receipt["from"].lower()) == ("0x1", account)
        node.rpc("anvil_setNonce", account, "0x123")
    newest = int(receipt["blockNumber"], 16) + 1
    for node in cluster.nodes.values():
        eventually(
            lambda node=node: verified(node) >= newest, f"{node.name} to know that block {newest} is verified"
        )
    heads = {node.rpc("eth_getBlockByNumber", hex(newest), False)["hash"] for node in chain_nodes(cluster)}
    assert heads == {sequencer.rpc("eth_getBlockByNumber", hex(newest), False)["hash"]}
    states = {
        (
            node.rpc("eth_getBalance", somebody(other.name), "latest"),
            node.rpc("eth_getTransactionCount", somebody(other.name), "latest"),
        )
        for node in chain_nodes(cluster)
        for other in chain_nodes(cluster)
    }
    assert states == {(hex(10**20 - len(chain_nodes(cluster))), "0x123")}
    for node in cluster.nodes.values():
        assert "refused" not in node.log(), node.log()


def test_every_node_follows_the_clock_and_the_blocks_that_any_node_is_asked_for(cluster):
    nodes = chain_nodes(cluster)
    for number, node in enumerate(nodes):
        # What was asked of another node is shown there at once, and here soon.
        there = nodes[0].height()
        eventually(lambda node=node, there=there: node.height() >= there, f"{node.name} to catch up")
        newest = node.rpc("eth_getBlockByNumber", "latest", False)
        timestamp = int(newest["timestamp"], 16) + 1000 * (number + 1)
        node.rpc("evm_setNextBlockTimestamp", hex(timestamp))
        node.rpc("evm_mine")
        # The node that was asked shows the block at once.
        assert int(node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16) >= timestamp
        node.rpc("evm_setAutomine", True)
        for _ in range(3):
            receipt = wallet.send(node, 2, to=wallet.address(3), value="0x1")
            assert receipt["status"] == "0x1"
        node.rpc("evm_increaseTime", 24 * 3600)
        node.rpc("anvil_mine", 3, 60)
        node.rpc("anvil_setBalance", somebody(f"in time {number}"), "0x5")
        node.rpc("evm_setIntervalMining", 500)
    last = int(nodes[0].rpc("eth_blockNumber"), 16)
    for node in cluster.nodes.values():
        eventually(
            lambda node=node: verified(node) >= last, f"{node.name} to know that block {last} is verified"
        )
    assert len({node.rpc("eth_getBlockByNumber", hex(last), False)["hash"] for node in nodes}) == 1
    for node in cluster.nodes.values():
        assert "refused" not in node.log(), node.log()


def test_every_node_goes_back_with_what_was_done_and_with_the_clock(cluster):
    nodes = chain_nodes(cluster)
    nodes[0].rpc("evm_setAutomine", True)
    for node in nodes:
        account = somebody(f"back on {node.name}")
        node.rpc("anvil_mine", 1)
        before = node.rpc("eth_getBlockByNumber", "latest", False)
        snapshot = node.rpc("evm_snapshot")
        node.rpc("anvil_setBalance", account, "0x5")
        node.rpc("evm_increaseTime", 24 * 3600)
        node.rpc("anvil_mine", 3)
        assert node.rpc("evm_revert", snapshot) is True
        # The node that was asked has gone back.
        assert node.rpc("eth_getBlockByNumber", "latest", False) == before
        assert node.rpc("eth_getBalance", account, "latest") == "0x0"
        node.rpc("anvil_setBalance", account, "0x7")
        node.rpc("anvil_mine", 1)
        block = node.rpc("eth_getBlockByNumber", "latest", False)
        assert block["parentHash"] == before["hash"]
        assert 0 < int(block["timestamp"], 16) - int(before["timestamp"], 16) < 3600
    nodes[0].rpc("evm_setIntervalMining", 500)
    last = int(block["number"], 16)
    for node in cluster.nodes.values():
        eventually(
            lambda node=node: verified(node) >= last, f"{node.name} to know that block {last} is verified"
        )
    for node in nodes:
        assert node.rpc("eth_getBlockByNumber", hex(last), False)["hash"] == block["hash"]
        assert int(node.rpc("eth_getBlockByNumber", "safe", False)["number"], 16) >= last
    for node in cluster.nodes.values():
        assert "refused" not in node.log(), node.log()


def test_the_command_line_moves_time_and_uses_accounts(tmp_path):
    with Home(tmp_path) as home:
        home.up("--ephemeral", "--automine")
        node = Asked(home.node("sequencer")["endpoints"]["http"])
        before = home.json("devnet", "mine")
        assert home.json("devnet", "mine", 5, "--interval", 10)["number"] == before["number"] + 5
        warped = home.json("devnet", "warp", 3600)
        assert warped["number"] == before["number"] + 6
        assert warped["timestamp"] >= before["timestamp"] + 3600
        there = warped["timestamp"] + 1000
        assert home.json("devnet", "warp", "--to", there)["timestamp"] == there
        assert home.run("devnet", "warp").returncode == 2
        assert home.run("devnet", "warp", "--to", 1).returncode == 6
        account = somebody("impersonated")
        assert home.json("impersonate", account)["impersonated"]
        transfer = {"from": account, "to": account, "gas": "0x186a0"}
        assert node.rpc("eth_getTransactionReceipt", node.rpc("eth_sendTransaction", transfer))
        assert "no longer" in home.run("impersonate", account, "--stop").stdout


def test_the_command_line_takes_the_chain_back(tmp_path):
    with Home(tmp_path) as home:
        home.up("--ephemeral", "--automine")
        before = home.json("devnet", "mine")["number"]
        first, second = (home.json("devnet", "snapshot")["snapshot"] for _ in range(2))
        assert home.json("devnet", "mine", 5)["number"] == before + 5
        assert home.json("devnet", "revert", first)["block"] == before
        for gone in (first, second, "0x1000"):
            done = home.run("devnet", "revert", gone)
            assert done.returncode == 1
            assert "there is no snapshot" in done.stderr
        assert "is no snapshot" in home.run("devnet", "revert", "last").stderr
        assert home.json("devnet", "mine")["number"] == before + 1


def test_the_command_line_verifies_and_shows_them(tmp_path):
    with Home(tmp_path) as home:
        home.up("--ephemeral", "--block-time", 0.5)
        node = Asked(home.node("sequencer")["endpoints"]["http"])
        account = somebody("shown")
        node.rpc("anvil_setBalance", account, "0x7b")
        shown = home.run("inspect-diff").stdout
        assert (
            f"Interventions\n  setBalance(account: {checksummed(bytes.fromhex(account[2:]))}, amount: 123)"
            in shown
        )
        told = home.json("inspect-diff")
        [made] = told["interventions"]
        assert (made["name"], made["arguments"]["amount"]) == ("setBalance", "123")
        block = told["blockNumber"]
        eventually(lambda: node.height() > block, f"block {block} to be closed")
        done = home.run("verify", "block", block)
        assert done.returncode == 0, done.stdout + done.stderr
