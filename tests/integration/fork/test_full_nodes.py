"""A fork with a full node, which asks the same remote for what it has not heard of."""

import pytest

from tests.integration.fork.conftest import ETHER
from tests.support import wallet
from tests.support.network import Network
from tests.support.waiting import eventually

SLOT = "0x0"


@pytest.fixture(scope="module", params=["proofs", "reexecute"])
def network(request, remote, tmp_path_factory):
    options = ("--fork-url", remote.url, "--fork-block", remote.number, "--block-time", 0.5)
    path = tmp_path_factory.mktemp(request.param)
    with Network(path, *options, "--full-nodes", 1, "--verify", request.param) as running:
        yield running


def counted(node, remote, block="latest"):
    return int(node.rpc("eth_getStorageAt", remote.counter, SLOT, block), 16)


def test_a_full_node_of_a_fork_shows_what_its_sequencer_does(network, remote):
    sequencer, node = network.at("sequencer"), network.at("full-node-1")
    assert node.rpc("eth_getBlockByNumber", hex(remote.number), False)["hash"] == remote.hash
    assert node.rpc("eth_getBalance", remote.whale, "latest") == hex(500 * ETHER)
    called = wallet.send(node, 3, to=remote.counter, gas=hex(1_000_000))
    assert called["status"] == "0x1"
    # What it writes over was never read on the full node.
    assert counted(node, remote) == 4
    before = hex(remote.number + 1)
    assert counted(node, remote, before) == counted(sequencer, remote, before) == 3
    poor = "0x" + "ef" * 20
    sequencer.rpc("anvil_setBalance", remote.whale, "0x1")
    eventually(lambda: node.rpc("eth_getBalance", remote.whale, "latest") == "0x1", "an intervention")
    assert node.rpc("eth_getBalance", remote.whale, before) == hex(500 * ETHER)
    assert node.rpc("eth_getBalance", poor, "latest") == "0x0"
    height = sequencer.height() + 1
    for name in ("sequencer", "full-node-1"):
        network.until_height(name, height)
    blocks = [each.rpc("eth_getBlockByNumber", hex(height), False) for each in (sequencer, node)]
    assert blocks[0] == blocks[1]


def test_a_full_node_of_a_fork_goes_back_with_its_sequencer(network, remote):
    sequencer, node = network.at("sequencer"), network.at("full-node-1")
    before, balance = counted(sequencer, remote), sequencer.rpc("eth_getBalance", wallet.address(6), "latest")
    snapshot = sequencer.rpc("evm_snapshot")
    wallet.send(sequencer, 6, to=remote.counter, gas=hex(1_000_000))
    eventually(lambda: counted(node, remote) == before + 1, "the call")
    assert sequencer.rpc("evm_revert", snapshot) is True
    eventually(lambda: counted(node, remote) == before, "the way back")
    assert node.rpc("eth_getBalance", wallet.address(6), "latest") == balance


def test_a_full_node_of_a_fork_comes_back(network, remote):
    sequencer, before = network.at("sequencer"), counted(network.at("sequencer"), remote)
    pid = network.kill("full-node-1")
    wallet.send(sequencer, 7, to=remote.counter, gas=hex(1_000_000))
    network.until_back("full-node-1", pid)
    node = network.at("full-node-1")
    eventually(lambda: counted(node, remote) == before + 1, "what it has missed")
    assert counted(node, remote, hex(remote.number + 1)) == 3
    assert "refused" not in network.log("full-node-1").lower()


def test_a_full_node_of_a_fork_learns_from_its_sequencer_what_that_has_read(network, remote):
    sequencer, node = network.at("sequencer"), network.at("full-node-1")
    account = "0x" + "ee" * 20
    assert sequencer.rpc("eth_getBalance", account, "latest") == "0x0"
    remote.passage.instead = lambda _: (503, b"")
    try:
        wallet.send(sequencer, 8, to=account, value="0x5")
        eventually(lambda: node.rpc("eth_getBalance", account, "latest") == "0x5", "a transfer")
        assert node.rpc("eth_getBalance", account, hex(remote.number + 1)) == "0x0"
    finally:
        remote.passage.instead = None
